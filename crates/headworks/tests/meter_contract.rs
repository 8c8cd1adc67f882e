//! The contract every layer is held to, on the meter.

use headworks::{
    core::{Attempts, Outcome},
    meter::{Labels, Meter, MeterLayer, Meters},
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use std::sync::Arc;
use tower::Layer;

/// A meter whose metrics can be looked at.
#[derive(Clone)]
struct Metered {
    layer: MeterLayer,
    snapshotter: Arc<Snapshotter>,
}

impl Metered {
    fn new() -> Self {
        let recorder = DebuggingRecorder::new();
        let labels = Labels {
            deployment: "the-one".into(),
            group: "gpt-4o".into(),
            provider: "openai".into(),
            model: "gpt-4o".into(),
        };
        let meters = metrics::with_local_recorder(&recorder, || Meters::new(&labels));
        Self {
            layer: MeterLayer::new(meters),
            snapshotter: Arc::new(recorder.snapshotter()),
        }
    }

    /// The counters above zero, with the value of their last label.
    fn counted(&self) -> Vec<(String, String, u64)> {
        let snapshot = self.snapshotter.snapshot().into_vec().into_iter();
        let counters = snapshot.filter_map(|(key, _, _, value)| match value {
            DebugValue::Counter(count @ 1..) => {
                let label = key
                    .key()
                    .labels()
                    .last()
                    .map(|label| label.value().to_owned());
                Some((
                    key.key().name().to_owned(),
                    label.unwrap_or_default(),
                    count,
                ))
            }
            _ => None,
        });
        counters.collect()
    }
}

impl std::fmt::Debug for Metered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.layer.fmt(f)
    }
}

impl<S> Layer<S> for Metered {
    type Service = Meter<S>;

    fn layer(&self, inner: S) -> Meter<S> {
        self.layer.layer(inner)
    }
}

fn recorded(metered: &Metered, _: &Attempts) -> Vec<Outcome> {
    let counted = metered.counted().into_iter();
    let outcomes = counted.filter(|(name, ..)| name == "headworks_deployment_outcomes_total");
    let outcomes = outcomes.flat_map(|(_, word, count)| {
        let outcome = Outcome::ALL.into_iter().find(|o| o.as_str() == word);
        std::iter::repeat_n(outcome, usize::try_from(count).unwrap_or(usize::MAX))
    });
    outcomes.flatten().collect()
}

headworks_contract::suite! {
    layer: Metered::new,
    bodies: any,
    readiness: passed_through,
    errors: boxed,
    allocations: 0,
    state: Metered::counted,
    records: recorded,
}
