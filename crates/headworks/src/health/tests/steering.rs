//! What findings do to requests: gates and circuits.

use super::*;
use crate::{
    balance::{Balance, Endpoint, Gate, Strategy},
    breaker::{BreakerLayer, Phase},
};
use headworks_core::{Reason, Verdict};
use tower::{Layer, ServiceExt};

/// Deployments of one group, checked every ten seconds.
struct Group {
    fakes: Vec<Fake>,
    circuits: Vec<Circuit>,
    gates: Vec<HealthGate>,
    health: Health,
}

impl Group {
    fn new(statuses: &[u16]) -> Self {
        let policy = HealthPolicy::new()
            .interval(seconds(10))
            .timeout(seconds(5));
        Self::with(policy.routing(true), statuses, &Probe::Models)
    }

    fn with(policy: HealthPolicy, statuses: &[u16], probe: &Probe) -> Self {
        let mut checks = HealthBuilder::new(policy.background(true).seed(7));
        let fakes: Vec<_> = statuses.iter().map(|status| Fake::new(*status)).collect();
        let circuits: Vec<_> = statuses.iter().map(|_| circuit()).collect();
        let both = fakes.iter().zip(&circuits).enumerate();
        let gates = both
            .map(|(id, (fake, circuit))| {
                let subject = subject(&id.to_string(), circuit, fake.service());
                checks.add(subject.probe(probe.clone()))
            })
            .collect();
        Self {
            fakes,
            circuits,
            gates,
            health: checks.build(),
        }
    }

    fn open(&self) -> Vec<bool> {
        self.gates.iter().map(|gate| gate.check().is_ok()).collect()
    }

    fn fail(&self, place: usize, verdict: impl Into<Verdict>) {
        let permit = self.circuits[place].acquire(Instant::now()).unwrap();
        permit.record(verdict.into(), Instant::now());
    }

    fn stands(&self, place: usize) -> bool {
        self.circuits[place].standing(Instant::now()).is_ok()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sick_is_taken_out_and_comes_back() {
    let group = Group::new(&[200, 200]);
    sleep(seconds(11)).await;
    assert_eq!(group.open(), [true, true]);
    group.fakes[0].says(500);
    sleep(seconds(12)).await;
    assert_eq!(group.open(), [false, true]);
    let Err(Reason::Resting(left)) = group.gates[0].check() else {
        panic!("it rests until the next check");
    };
    assert!(left >= seconds(1) && left <= seconds(11), "{left:?}");
    group.fakes[0].says(200);
    sleep(seconds(12)).await;
    assert_eq!(group.open(), [true, true]);
}

#[tokio::test(start_paused = true)]
async fn the_last_one_is_never_taken_out() {
    let group = Group::new(&[500, 500, 500]);
    sleep(seconds(12)).await;
    assert_eq!(group.open(), [true; 3]);
    group.fakes[2].says(200);
    sleep(seconds(12)).await;
    assert_eq!(group.open(), [false, false, true]);
    // Well, but at rest for what a client met: nobody else is left.
    group.fail(2, Outcome::RateLimited);
    assert_eq!(group.open(), [true; 3]);

    let lone = Group::new(&[500]);
    sleep(seconds(60)).await;
    assert_eq!(lone.open(), [true]);
    assert!(lone.stands(0));
}

#[tokio::test(start_paused = true)]
async fn other_groups_stand_in_for_nobody() {
    let policy = HealthPolicy::new().background(true).routing(true);
    let mut checks = HealthBuilder::new(policy);
    let gates = [("a", "g", 500), ("b", "h", 200)].map(|(id, group, status)| {
        let service = Fake::new(status).service();
        checks.add(Subject::new(id, group, target(id), circuit(), service))
    });
    let health = checks.build();
    sleep(seconds(60)).await;
    assert!(sickness(&health, "a").is_some());
    assert!(gates[0].check().is_ok());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_taken_out_unless_checks_steer() {
    for policy in [
        HealthPolicy::new().background(true),
        HealthPolicy::new().routing(true),
    ] {
        let mut checks = HealthBuilder::new(policy);
        let circuit = circuit();
        let gate = add(&mut checks, "a", &circuit, &Fake::new(401));
        add(&mut checks, "b", &circuit, &Fake::new(200));
        let health = checks.build();
        health.report(None).await;
        assert!(sickness(&health, "a").is_some());
        assert!(gate.check().is_ok());
        assert_eq!(circuit.phase(), Phase::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_sickness_counts_as_well() {
    let policy = HealthPolicy::new().interval(seconds(10)).routing(true);
    let group = Group::with(policy.stale_after(seconds(3)), &[503, 200], &Probe::Models);
    let found = || group.health.finding(&"0".into());
    sleep(seconds(12)).await;
    let first = found();
    assert!(first.is_some());
    while found() == first {
        sleep(Duration::from_millis(10)).await;
    }
    let second = found();
    assert_eq!(group.open(), [false, true]);
    sleep(seconds(2)).await;
    assert_eq!(group.open(), [false, true]);
    sleep(seconds(2)).await;
    assert_eq!(found(), second, "no check has come between");
    assert_eq!(group.open(), [true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_counts_in_the_circuit_while_others_are_well() {
    let group = Group::new(&[401, 200]);
    sleep(seconds(12)).await;
    assert!(!group.stands(0));
    assert!(group.stands(1));

    // Of those who are all sick, none is rested for it.
    let group = Group::new(&[500, 500]);
    sleep(seconds(600)).await;
    assert!(group.stands(0) && group.stands(1));
}

#[tokio::test(start_paused = true)]
async fn a_success_lets_back_early_what_was_seen_to_fail() {
    let group = Group::new(&[503, 200]);
    group.fail(0, Outcome::Auth);
    assert!(!group.stands(0));
    sleep(seconds(60)).await;
    assert!(!group.stands(0), "it rests for an hour, and is sick");
    group.fakes[0].says(200);
    sleep(seconds(12)).await;
    assert_eq!(group.circuits[0].phase(), Phase::Closed);
    assert_eq!(group.open(), [true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_models_does_not_cut_short_what_is_out_of_its_sight() {
    let group = Group::new(&[200, 200]);
    sleep(seconds(12)).await;
    group.fail(0, Outcome::RateLimited);
    sleep(seconds(600)).await;
    assert!(!group.stands(0));
}

#[tokio::test(start_paused = true)]
async fn a_completion_lets_back_whatever_it_was() {
    let policy = HealthPolicy::new().interval(seconds(10));
    let chat = Probe::Completion(Completion::of_mode(None).unwrap());
    let group = Group::with(policy, &[200, 200], &chat);
    sleep(seconds(12)).await;
    group.fail(0, Outcome::RateLimited);
    assert!(!group.stands(0));
    sleep(seconds(12)).await;
    assert_eq!(group.circuits[0].phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_is_still_sick_when_its_rest_is_over_rests_again() {
    let group = Group::new(&[503, 200]);
    group.fail(0, Outcome::Auth);
    sleep(seconds(3599)).await;
    assert!(!group.stands(0));
    // The rest is over, and the next check comes.
    sleep(seconds(13)).await;
    assert!(!group.stands(0));
    let Phase::Open { until } = group.circuits[0].phase() else {
        panic!("it rests");
    };
    assert!(until > Instant::now() + seconds(3580));
}

#[tokio::test(start_paused = true)]
async fn a_clients_probe_is_left_to_decide() {
    for status in [200, 500] {
        let chat = Probe::Completion(Completion::of_mode(None).unwrap());
        let policy = HealthPolicy::new().interval(seconds(10)).routing(true);
        let group = Group::with(policy, &[status, 200], &chat);
        group.fail(0, Outcome::Auth);
        let after = Instant::now() + seconds(4000);
        let probe = group.circuits[0].acquire(after).unwrap();
        assert!(probe.is_probe());
        sleep(seconds(60)).await;
        assert!(group.fakes[0].count() >= 5);
        assert_eq!(group.circuits[0].phase(), Phase::HalfOpen { probing: true });
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_stack_no_client_meets_what_is_sick() {
    let group = Group::new(&[500, 200]);
    let met = Arc::new(Mutex::new(Vec::new()));
    let endpoints = (0..2).map(|place: usize| {
        let met = met.clone();
        let service = service_fn(move |_: Request<()>| {
            met.lock().push(place);
            async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
        });
        let service = BreakerLayer::new(group.circuits[place].clone()).layer(service);
        Endpoint::new(place.to_string(), service)
            .slow_start(Duration::ZERO)
            .gate(group.gates[place].clone())
    });
    let balance = Balance::new("g", &Strategy::RoundRobin, endpoints);
    sleep(seconds(12)).await;
    for _ in 0..20 {
        balance.clone().oneshot(Request::new(())).await.unwrap();
    }
    assert_eq!(*met.lock(), [1; 20]);

    group.fakes[0].says(200);
    sleep(seconds(60)).await;
    met.lock().clear();
    for _ in 0..20 {
        balance.clone().oneshot(Request::new(())).await.unwrap();
    }
    assert!(met.lock().contains(&0));
}
