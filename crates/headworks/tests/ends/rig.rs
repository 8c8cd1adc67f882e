//! A gateway whose deployments' metrics can be looked at.

use headworks::{Gateway, config::Config};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use std::{collections::BTreeMap, future::Future};

/// What the metrics know of all deployments together.
#[derive(Debug, Default)]
pub(crate) struct Rig {
    snapshotter: Option<Snapshotter>,
    /// Attempts, by deployment.
    pub(crate) attempts: BTreeMap<String, u64>,
    /// What is in flight now, by the gauges.
    pub(crate) in_flight: f64,
}

/// Runs `test` on the gateway of a configuration, on a clock that is paused.
pub(crate) fn run<F: Future>(config: &str, test: impl FnOnce(Gateway, Rig) -> F) -> F::Output {
    let config = Config::parse(config, "config.yaml").unwrap().config;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let recorder = DebuggingRecorder::new();
        let rig = Rig {
            snapshotter: Some(recorder.snapshotter()),
            ..Rig::default()
        };
        // Handles are bound to the recorder that is there when the gateway is built.
        let builder = Gateway::builder(&config).mock_faults(true);
        let gateway = metrics::with_local_recorder(&recorder, || builder.build().unwrap());
        test(gateway, rig).await
    })
}

impl Rig {
    /// Reads the metrics, which count on from one reading to the next.
    pub(crate) fn read(&mut self) {
        let snapshot = self.snapshotter.as_ref().unwrap().snapshot();
        self.in_flight = 0.0;
        for (key, _, _, value) in snapshot.into_vec() {
            let key = key.key();
            let deployment = key.labels().find(|label| label.key() == "deployment");
            let Some(deployment) = deployment else {
                continue;
            };
            match (key.name(), value) {
                ("headworks_deployment_attempts_total", DebugValue::Counter(count)) => {
                    *self
                        .attempts
                        .entry(deployment.value().to_owned())
                        .or_default() += count;
                }
                ("headworks_deployment_in_flight", DebugValue::Gauge(gauge)) => {
                    self.in_flight += *gauge;
                }
                _ => {}
            }
        }
    }

    /// All attempts so far.
    pub(crate) fn sent(&mut self) -> u64 {
        self.read();
        self.attempts.values().sum()
    }
}
