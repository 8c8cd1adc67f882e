use crate::{
    Choice, Log, Scenario, arrival::arrive, deployment::Deployment, gateway::Instance,
    log::Recorder,
};
use fastrand::Rng;
use headworks_simulation::on_all_cores;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    runtime::Builder,
    time::{Instant, sleep_until},
};

/// Runs a scenario with a strategy, and says all that has happened.
///
/// The same scenario, seed included, gives the same log every time. Chance comes from two places: from
/// generators of the simulation's own, for arrivals and for how long answers take, which therefore are the same
/// for all strategies as far as they can be; and from the thread's, where the layers take theirs, which is
/// seeded here.
///
/// # Errors
///
/// If the system gives no runtime.
pub fn run(scenario: &Scenario, choice: Choice) -> io::Result<Log> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    fastrand::seed(scenario.seed);
    Ok(runtime.block_on(simulate(scenario, choice)))
}

/// Runs a scenario with each of its strategies, on as many threads as there are cores.
///
/// # Errors
///
/// If the system gives no runtime.
pub fn run_all(scenario: &Scenario) -> io::Result<Vec<(Choice, Log)>> {
    on_all_cores(&scenario.strategies, |choice| {
        Ok((*choice, run(scenario, *choice)?))
    })
}

async fn simulate(scenario: &Scenario, choice: Choice) -> Log {
    let recorder = Recorder::new();
    let mut seeds = Rng::with_seed(scenario.seed);
    let mut deployments = Vec::new();
    for (number, class) in scenario.each().enumerate() {
        deployments.push(Deployment::new(
            number,
            class,
            seeds.u64(..),
            recorder.clone(),
        ));
    }
    let instances: Arc<[_]> = (0..scenario.gateway.instances)
        .map(|_| Instance::new(scenario, choice, &deployments))
        .collect();
    for (number, class) in scenario.each().enumerate() {
        if let Some(leaves) = class.leaves {
            let at = second(&recorder, leaves);
            let instances = instances.clone();
            tokio::spawn(async move {
                sleep_until(at).await;
                instances
                    .iter()
                    .for_each(|instance| instance.remove(number));
            });
        }
    }
    let end = second(&recorder, f64::from(scenario.seconds));
    arrive(&scenario.arrivals, end, &instances, seeds, &recorder).await;
    recorder.take()
}

fn second(recorder: &Recorder, second: f64) -> Instant {
    recorder.start() + Duration::from_secs_f64(second)
}
