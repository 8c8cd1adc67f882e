use crate::{
    read::{Field, Section},
    report::Report,
};
use std::time::Duration;

/// The health checks of `general_settings`. Which of it has an effect yet is in [`KEYS`](crate::KEYS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheckSettings {
    /// Deployments are checked all the time: `background_health_checks`. Default: false.
    pub background: bool,
    /// From one round of checks to the next: `health_check_interval`. Default: 300 s.
    pub interval: Duration,
    /// Checks at a time: `health_check_concurrency`. 0 in the file is `None`: 64.
    pub concurrency: Option<u32>,
    /// What fails a check takes no requests: `enable_health_check_routing`, also of `router_settings`.
    /// Default: false.
    pub routing: bool,
    /// A result older than this is none: `health_check_staleness_threshold`, also of `router_settings`.
    /// Default: two intervals.
    pub staleness_threshold: Duration,
    /// A check that ends in 408 or 429 does not count: `health_check_ignore_transient_errors`, also of
    /// `router_settings`. Default: false.
    pub ignore_transient_errors: bool,
}

/// `LiteLLM`'s.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(300);

// ===== impl HealthCheckSettings =====

impl HealthCheckSettings {
    pub(crate) fn read(general: &Section<'_>, router: &Section<'_>, report: &mut Report) -> Self {
        let either = |name| general.get(name).or_else(|| router.get(name));
        let flag = |field: Option<Field<'_>>, report: &mut Report| {
            field.and_then(|field| field.truth(report)).unwrap_or(false)
        };
        let interval = general
            .get("health_check_interval")
            .and_then(|field| field.positive_seconds(report))
            .unwrap_or(DEFAULT_INTERVAL);
        Self {
            background: flag(general.get("background_health_checks"), report),
            interval,
            concurrency: general
                .get("health_check_concurrency")
                .and_then(|field| field.small(report, "a number of checks, 0 or more"))
                .filter(|checks| *checks > 0),
            routing: flag(either("enable_health_check_routing"), report),
            staleness_threshold: either("health_check_staleness_threshold")
                .and_then(|field| field.positive_seconds(report))
                .unwrap_or(interval * 2),
            ignore_transient_errors: flag(either("health_check_ignore_transient_errors"), report),
        }
    }
}

impl Default for HealthCheckSettings {
    fn default() -> Self {
        Self {
            background: false,
            interval: DEFAULT_INTERVAL,
            concurrency: None,
            routing: false,
            staleness_threshold: DEFAULT_INTERVAL * 2,
            ignore_transient_errors: false,
        }
    }
}
