use crate::{check, read::Field, report::Report};
use std::time::Duration;

/// How many retries there may be in a minute: a share of the requests, or the floor where that is more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryBudget {
    /// From 0 to 1; 0.2 is a retry for every five requests.
    pub share: f64,
    /// Retries in a minute that few requests may have all the same. Default: 60, one a second.
    pub floor_per_minute: u32,
}

/// How long requests may wait for a deployment, and how many of a group may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// The longest wait.
    pub wait: Duration,
    /// The most that wait at a time, of each group. Default: 1,000.
    pub max: u32,
}

// ===== impl RetryBudget =====

impl RetryBudget {
    pub(super) fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        const DEFAULT_FLOOR: u32 = 60;
        let section = field.section("headworks.retry_budget", report)?;
        check::keys(&section, report);
        let floor = section.get("floor_per_minute");
        let floor = floor.and_then(|floor| floor.small(report, "a number of retries, 0 or more"));
        let Some(share) = section.get("share") else {
            let message = "`headworks.retry_budget` has no `share`";
            let help = "write `{share: 0.2}` for a retry for every five requests";
            report.problem(field.key_mark, message, help);
            return None;
        };
        Some(Self {
            share: share.share(report)?,
            floor_per_minute: floor.unwrap_or(DEFAULT_FLOOR),
        })
    }
}

// ===== impl QueueSettings =====

impl QueueSettings {
    pub(super) fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        const DEFAULT_MAX: u32 = 1000;
        let section = field.section("headworks.queue", report)?;
        check::keys(&section, report);
        let max = section.get("max");
        let max = max.and_then(|max| max.small(report, "a number of requests, 0 or more"));
        let Some(wait) = section.get("wait") else {
            let message = "`headworks.queue` has no `wait`";
            let help = "write `{wait: 5}` to let a request wait for as many seconds";
            report.problem(field.key_mark, message, help);
            return None;
        };
        Some(Self {
            wait: wait.positive_seconds(report)?,
            max: max.unwrap_or(DEFAULT_MAX),
        })
    }
}
