use headworks_core::{DeploymentId, Group, HintReader, LeftIn, Outcome};
use headworks_provider::Provider;
use http::HeaderMap;
use metrics::{Counter, Gauge, Histogram, Label, counter, gauge, histogram};
use std::{fmt, time::Duration};

/// The names a deployment's metrics carry.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Its id.
    pub deployment: DeploymentId,
    /// Its group.
    pub group: Group,
    /// Its provider's prefix, such as `azure`.
    pub provider: String,
    /// Its model by the provider's name for it.
    pub model: String,
}

/// The handles of one deployment's metrics.
///
/// They record to whichever recorder is installed when they are made, so install it first.
pub struct Meters {
    hints: HintReader,
    attempts: Counter,
    outcomes: [(Outcome, Counter); Outcome::ALL.len()],
    in_flight: Gauge,
    headers: Histogram,
    first_token: Histogram,
    duration: Histogram,
    input_tokens: Counter,
    output_tokens: Counter,
}

// ===== impl Meters =====

impl Meters {
    /// Registers the metrics of a deployment.
    #[must_use]
    pub fn new(labels: &Labels) -> Self {
        let base = vec![
            Label::new("deployment", labels.deployment.to_string()),
            Label::new("group", labels.group.to_string()),
            Label::new("provider", labels.provider.clone()),
            Label::new("model", labels.model.clone()),
        ];
        let with = |label: Label| {
            let mut labels = base.clone();
            labels.push(label);
            labels
        };
        let tokens = |kind| {
            counter!(
                "headworks_deployment_tokens_total",
                with(Label::from_static_parts("kind", kind))
            )
        };
        Self {
            hints: Provider::find(&labels.provider).map_or_else(HintReader::new, Provider::hints),
            attempts: counter!("headworks_deployment_attempts_total", base.clone()),
            outcomes: Outcome::ALL.map(|outcome| {
                let labels = with(Label::from_static_parts("outcome", outcome.as_str()));
                let counter = counter!("headworks_deployment_outcomes_total", labels);
                (outcome, counter)
            }),
            in_flight: gauge!("headworks_deployment_in_flight", base.clone()),
            headers: histogram!("headworks_deployment_time_to_headers_seconds", base.clone()),
            first_token: histogram!(
                "headworks_deployment_time_to_first_token_seconds",
                base.clone()
            ),
            duration: histogram!("headworks_deployment_duration_seconds", base.clone()),
            input_tokens: tokens("input"),
            output_tokens: tokens("output"),
        }
    }

    /// Of the quotas that an answer tells of, what part is left of that of which least is, and how long until
    /// it is whole again: a day at most, as no load looks further ahead.
    pub(super) fn left(&self, headers: &HeaderMap) -> Option<(f64, Duration)> {
        let left = self.hints.left(headers);
        left.filter_map(|left| Some((left.share()?, left.full_in().min(LeftIn::Day.length()))))
            .min_by(|(one, _), (other, _)| one.total_cmp(other))
    }

    pub(super) fn began(&self) {
        self.attempts.increment(1);
        self.in_flight.increment(1.0);
    }

    pub(super) fn head(&self, after: Duration) {
        self.headers.record(after);
    }

    pub(super) fn first_token(&self, after: Duration) {
        self.first_token.record(after);
    }

    pub(super) fn tokens(&self, input: u64, output: u64) {
        self.input_tokens.increment(input);
        self.output_tokens.increment(output);
    }

    pub(super) fn ended(&self, after: Duration, outcome: Outcome) {
        self.in_flight.decrement(1.0);
        self.duration.record(after);
        if let Some((_, counter)) = self.outcomes.iter().find(|(o, _)| *o == outcome) {
            counter.increment(1);
        }
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}
