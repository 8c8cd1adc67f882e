use super::*;
use headworks_core::Outcome;
use std::collections::HashSet;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn policy() -> BreakerPolicy {
    BreakerPolicy::new().jitter(0.0)
}

fn hinted(outcome: Outcome, wait: u64) -> Verdict {
    Verdict {
        hint: Some(Hint::after(secs(wait))),
        ..outcome.into()
    }
}

/// A machine, its policy, and a clock.
struct Bench {
    machine: Machine,
    policy: BreakerPolicy,
    now: Instant,
}

impl Bench {
    fn new(policy: BreakerPolicy) -> Self {
        Self {
            machine: Machine::new(),
            policy,
            now: Instant::now(),
        }
    }

    fn report(&mut self, ticket: Ticket, verdict: impl Into<Verdict>) -> Ticket {
        self.machine
            .report(ticket, verdict.into(), &self.policy, self.now)
    }

    fn acquire(&mut self) -> Result<Ticket, Reason> {
        self.machine.acquire(self.now)
    }

    /// Admits an attempt and ends it.
    fn attempt(&mut self, verdict: impl Into<Verdict>) {
        let ticket = self.acquire().unwrap();
        self.report(ticket, verdict);
    }

    /// Ends so many attempts like this, or fewer if the circuit opens; says how many.
    fn attempts(&mut self, most: usize, outcome: Outcome) -> usize {
        (0..most)
            .take_while(|_| {
                let ticket = self.acquire();
                ticket.map(|ticket| self.report(ticket, outcome)).is_ok()
            })
            .count()
    }

    fn wait(&mut self, seconds: u64) {
        self.now += secs(seconds);
    }

    /// For how much longer it is open.
    fn left(&self) -> Option<u64> {
        match self.machine.standing(self.now) {
            Err(Reason::Resting(left)) => Some(left.as_secs()),
            _ => None,
        }
    }
}

#[test]
fn five_failures_in_a_row_open_it() {
    for outcome in [
        Outcome::Capacity,
        Outcome::ServerFault,
        Outcome::Transport,
        Outcome::Timeout,
    ] {
        let mut bench = Bench::new(policy());
        assert_eq!(bench.attempts(9, outcome), 5);
        assert_eq!(bench.left(), Some(5));
    }
}

#[test]
fn a_success_breaks_the_row_and_what_is_neutral_does_not() {
    let mut bench = Bench::new(policy().share(1.0, 99));
    for _ in 0..9 {
        assert_eq!(bench.attempts(4, Outcome::ServerFault), 4);
        bench.attempt(Outcome::Success);
    }
    assert_eq!(bench.attempts(4, Outcome::ServerFault), 4);
    for neutral in [
        Outcome::CallerFault,
        Outcome::Cancelled,
        Outcome::ContextTooLong,
    ] {
        assert_eq!(bench.attempts(99, neutral), 99);
    }
    assert_eq!(bench.attempts(9, Outcome::ServerFault), 1);
}

#[test]
fn more_than_half_of_at_least_five_open_it() {
    let mut bench = Bench::new(policy());
    for _ in 0..2 {
        bench.attempt(Outcome::Success);
        bench.attempt(Outcome::ServerFault);
    }
    assert_eq!(bench.attempts(9, Outcome::ServerFault), 1, "three of five");

    let mut bench = Bench::new(policy());
    for _ in 0..50 {
        bench.attempt(Outcome::Success);
        bench.attempt(Outcome::ServerFault);
    }
    assert_eq!(bench.left(), None, "half is not more than half");
}

#[test]
fn what_is_older_than_the_window_is_forgotten() {
    let mut bench = Bench::new(policy().consecutive(None));
    bench.attempts(4, Outcome::ServerFault);
    bench.wait(60);
    assert_eq!(bench.attempts(4, Outcome::ServerFault), 4);
    bench.wait(40);
    assert_eq!(bench.attempts(4, Outcome::ServerFault), 1);
}

#[test]
fn being_limited_or_turned_down_opens_it_at_once_for_the_hint() {
    for outcome in [Outcome::RateLimited, Outcome::Auth, Outcome::Misconfigured] {
        for (hint, left) in [(42, 42), (2, 5), (100 * 60 * 60, 24 * 60 * 60)] {
            let mut bench = Bench::new(policy());
            bench.attempt(hinted(outcome, hint));
            assert_eq!(bench.left(), Some(left));
        }
    }
}

#[test]
fn allowed_fails_are_counted_together_and_by_no_other_rule() {
    let policy = policy()
        .allowed_fails(3)
        .rule(Outcome::Timeout, Rule::Allowed(1));
    let mut bench = Bench::new(policy.clone());
    bench.attempt(Outcome::RateLimited);
    bench.attempt(Outcome::ServerFault);
    bench.attempt(Outcome::Auth);
    assert_eq!(bench.attempts(9, Outcome::ServerFault), 1, "the fourth");

    let mut bench = Bench::new(policy);
    bench.attempt(Outcome::ServerFault);
    assert_eq!(
        bench.attempts(9, Outcome::Timeout),
        1,
        "the second is one too many"
    );

    let mut bench = Bench::new(BreakerPolicy::new().allowed_fails(999));
    assert_eq!(bench.attempts(999, Outcome::ServerFault), 999);
}

#[test]
fn one_that_never_opens_does_not() {
    let mut bench = Bench::new(BreakerPolicy::never());
    for outcome in Outcome::ALL {
        assert_eq!(bench.attempts(100, outcome), 100);
    }
}

#[test]
fn after_its_time_one_probe_passes_and_its_success_closes_it() {
    let mut bench = Bench::new(policy());
    bench.attempt(hinted(Outcome::RateLimited, 30));
    bench.wait(29);
    assert_eq!(bench.acquire(), Err(Reason::Resting(secs(1))));
    bench.wait(1);
    let probe = bench.acquire().unwrap();
    assert!(probe.probe);
    assert_eq!(bench.acquire(), Err(Reason::Full));
    bench.report(probe, Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
    assert!(!bench.acquire().unwrap().probe);
}

#[test]
fn a_failed_probe_opens_it_again_for_longer_each_time_up_to_the_longest() {
    let mut bench = Bench::new(policy());
    bench.attempts(5, Outcome::ServerFault);
    for left in [5, 10, 20, 40, 60, 60] {
        assert_eq!(bench.left(), Some(left));
        bench.wait(left);
        bench.attempt(Outcome::Timeout);
    }
}

#[test]
fn openings_that_follow_soon_grow_and_a_quiet_window_begins_anew() {
    let mut bench = Bench::new(policy());
    for (quiet, left) in [(0, 5), (59, 10), (59, 20), (60, 5)] {
        bench.wait(quiet);
        bench.attempts(9, Outcome::ServerFault);
        assert_eq!(bench.left(), Some(left));
        bench.wait(left);
        bench.attempt(Outcome::Success);
    }
}

#[test]
fn a_cooldown_above_the_longest_stays_what_it_is() {
    let mut bench = Bench::new(policy().cooldown(secs(100)));
    bench.attempts(5, Outcome::ServerFault);
    assert_eq!(bench.left(), Some(100));
    bench.wait(100);
    bench.attempt(Outcome::ServerFault);
    assert_eq!(bench.left(), Some(100));
}

#[test]
fn jitter_only_ever_adds_and_at_most_its_share() {
    let rests: HashSet<_> = (0..100)
        .map(|_| {
            let mut bench = Bench::new(BreakerPolicy::new().jitter(0.2));
            bench.attempts(5, Outcome::ServerFault);
            let Err(Reason::Resting(left)) = bench.acquire() else {
                panic!("five failures open it");
            };
            assert!((secs(5)..=secs(6)).contains(&left), "{left:?}");
            left
        })
        .collect();
    assert!(rests.len() > 50);
}

#[test]
fn no_time_is_too_long() {
    for policy in [
        policy().cooldown(Duration::MAX).jitter(1.0),
        policy().longest_hint(Duration::MAX).longest(Duration::MAX),
        policy().window(Duration::MAX),
        policy().window(Duration::ZERO),
    ] {
        let mut bench = Bench::new(policy);
        bench.attempt(hinted(Outcome::RateLimited, u64::MAX));
        assert!(bench.acquire().is_err());
    }
}

#[test]
fn a_neutral_probe_gives_its_place_to_the_next() {
    let mut bench = Bench::new(policy());
    bench.attempt(hinted(Outcome::RateLimited, 5));
    bench.wait(5);
    for _ in 0..3 {
        bench.attempt(Outcome::CallerFault);
        let probe = bench.acquire().unwrap();
        assert!(probe.probe);
        bench.machine.release(probe);
    }
    bench.attempt(Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
}

#[test]
fn what_was_begun_before_it_opened_is_not_taken_for_the_probe() {
    let mut bench = Bench::new(policy());
    let early: Vec<_> = (0..4).map(|_| bench.acquire().unwrap()).collect();
    bench.attempt(Outcome::RateLimited);
    bench.wait(5);
    let probe = bench.acquire().unwrap();
    bench.report(early[0], Outcome::Success);
    bench.report(early[1], Outcome::ServerFault);
    bench.report(early[2], hinted(Outcome::RateLimited, 99));
    bench.machine.release(early[3]);
    assert_eq!(bench.machine.phase(), Phase::HalfOpen { probing: true });
    bench.report(probe, Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
}

#[test]
fn a_hint_that_comes_late_makes_a_rest_longer_and_never_shorter() {
    let mut bench = Bench::new(policy());
    let early: Vec<_> = (0..3).map(|_| bench.acquire().unwrap()).collect();
    bench.attempt(hinted(Outcome::RateLimited, 20));
    bench.report(early[0], hinted(Outcome::RateLimited, 10));
    assert_eq!(bench.left(), Some(20));
    bench.report(early[1], hinted(Outcome::RateLimited, 30));
    assert_eq!(bench.left(), Some(30));
    bench.report(early[2], hinted(Outcome::CallerFault, 99));
    assert_eq!(bench.left(), Some(30), "the caller's fault says nothing");
}

#[test]
fn whoever_is_asked_although_it_rests_closes_it_by_a_success_and_by_nothing_else() {
    let mut bench = Bench::new(policy());
    bench.attempt(Outcome::RateLimited);
    let anyway = |bench: &mut Bench| bench.machine.acquire_anyway(bench.now).unwrap();
    for outcome in [
        Outcome::ServerFault,
        Outcome::CallerFault,
        Outcome::Cancelled,
    ] {
        let ticket = anyway(&mut bench);
        bench.report(ticket, outcome);
        assert_eq!(bench.left(), Some(5), "{outcome:?}");
    }
    let ticket = anyway(&mut bench);
    bench.report(ticket, hinted(Outcome::RateLimited, 60));
    assert_eq!(bench.left(), Some(60), "a hint makes the rest longer");

    let (early, ticket) = (anyway(&mut bench), anyway(&mut bench));
    let ticket = bench.report(ticket, Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
    // The body of the one that closed it breaks off; the other is of the past.
    bench.report(ticket, Outcome::Transport);
    bench.report(early, Outcome::ServerFault);
    let counts = bench.machine.counts(&bench.policy, bench.now);
    assert_eq!((counts.successes, counts.failures), (0, 1));
}

#[test]
fn whoever_is_asked_although_it_rests_is_the_probe_where_one_is_due_and_not_a_second_one() {
    let mut bench = Bench::new(policy());
    bench.attempt(Outcome::RateLimited);
    bench.wait(5);
    let now = bench.now;
    assert!(bench.machine.acquire_anyway(now).unwrap().probe);
    assert_eq!(bench.machine.acquire_anyway(now), Err(Reason::Full));
}

#[test]
fn a_success_of_the_head_is_taken_back_when_the_body_breaks_off() {
    let mut bench = Bench::new(policy());
    let cut = |bench: &mut Bench| {
        let ticket = bench.acquire().unwrap();
        let ticket = bench.report(ticket, Outcome::Success);
        bench.report(ticket, Outcome::Transport);
    };
    for _ in 0..5 {
        assert_eq!(bench.left(), None);
        cut(&mut bench);
    }
    assert_eq!(
        bench.left(),
        Some(5),
        "five of five, though each began well"
    );

    // A probe's head closes the circuit; a body that breaks off then counts as one failure of one.
    bench.wait(5);
    cut(&mut bench);
    assert_eq!(bench.machine.phase(), Phase::Closed);
    let counts = bench.machine.counts(&bench.policy, bench.now);
    assert_eq!((counts.successes, counts.failures), (0, 1));
}

#[test]
fn a_lone_deployment_is_never_rested_but_asked_one_at_a_time_when_it_fails_outright() {
    let mut bench = Bench::new(policy().lone(true));
    for _ in 0..50 {
        bench.attempt(Outcome::Success);
        bench.attempt(hinted(Outcome::RateLimited, 99));
        bench.attempt(Outcome::Auth);
        bench.attempt(Outcome::ServerFault);
    }
    assert_eq!(bench.machine.phase(), Phase::Closed, "not outright");

    bench.attempts(5, Outcome::RateLimited);
    for _ in 0..3 {
        let probe = bench.acquire().unwrap();
        assert!(probe.probe);
        assert_eq!(bench.acquire(), Err(Reason::Full));
        bench.report(probe, hinted(Outcome::RateLimited, 99));
    }
    bench.attempt(Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
}

/// What may happen next in the search below.
#[derive(Clone, Copy, Debug)]
enum Event {
    Acquire,
    Release(usize),
    Report(usize, Verdict),
    Wait,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Moment {
    machine: Machine,
    running: Vec<Ticket>,
    waited: u32,
}

/// Every order of events with up to three attempts under way, from a closed circuit: fourteen events deep, equal
/// states met once.
#[test]
fn in_every_order_of_events_there_is_one_probe_and_it_is_never_lost() {
    const STEP: Duration = secs(3);
    let policy = policy().consecutive(2).share(1.0, 99).longest(secs(5));
    let began = Instant::now();
    let verdicts = [
        Outcome::Success.into(),
        Outcome::ServerFault.into(),
        hinted(Outcome::RateLimited, 7),
        Outcome::CallerFault.into(),
    ];
    let mut level = HashSet::from([Moment {
        machine: Machine::new(),
        running: Vec::new(),
        waited: 0,
    }]);
    let mut seen = level.clone();
    for _ in 0..14 {
        let mut next = HashSet::new();
        for before in level {
            let mut events = vec![Event::Wait];
            if before.running.len() < 3 {
                events.push(Event::Acquire);
            }
            for running in 0..before.running.len() {
                events.push(Event::Release(running));
                events.extend(verdicts.map(|verdict| Event::Report(running, verdict)));
            }
            for event in events {
                let now = began + STEP * before.waited;
                let after = happen(&before, event, &policy, now);
                check(&before, event, &after, now);
                let later = began + STEP * after.waited;
                check_recovery(after.clone(), &policy, later);
                if seen.insert(after.clone()) {
                    next.insert(after);
                }
            }
        }
        level = next;
    }
    assert!(seen.len() > 10_000, "{} states", seen.len());
}

fn happen(before: &Moment, event: Event, policy: &BreakerPolicy, now: Instant) -> Moment {
    let mut after = before.clone();
    match event {
        Event::Wait => after.waited += 1,
        Event::Acquire => after.running.extend(after.machine.acquire(now)),
        Event::Release(at) => {
            let ticket = after.running.remove(at);
            after.machine.release(ticket);
        }
        Event::Report(at, verdict) => {
            let ticket = after.running[at];
            let ticket = after.machine.report(ticket, verdict, policy, now);
            // A success may be that of a head, and the attempt go on; all other verdicts end it.
            if verdict.outcome == Outcome::Success {
                after.running[at] = ticket;
            } else {
                after.running.remove(at);
            }
        }
    }
    after
}

fn check(before: &Moment, event: Event, after: &Moment, now: Instant) {
    let generation = after.machine.generation();
    let live = |ticket: &&Ticket| ticket.probe && ticket.generation == generation;
    let probes = after.running.iter().filter(live).count();
    let probing = after.machine.phase() == Phase::HalfOpen { probing: true };
    assert_eq!(probes, usize::from(probing), "after {event:?}");

    if matches!(event, Event::Acquire) {
        let admitted = after.running.len() > before.running.len();
        assert_eq!(admitted, before.machine.standing(now).is_ok());
    }
    if let Event::Release(at) | Event::Report(at, _) = event {
        let stale = before.running[at].generation != before.machine.generation();
        if stale {
            assert_eq!(after.machine.generation(), before.machine.generation());
        }
        let opened = |moment: &Moment| match moment.machine.phase() {
            Phase::Open { until } => Some(until),
            _ => None,
        };
        if let (Some(was), Some(is)) = (opened(before), opened(after)) {
            assert!(is >= was, "a rest became shorter after {event:?}");
        }
    }
}

/// Once everything under way has ended, a probe passes in time, and its success closes the circuit.
fn check_recovery(mut moment: Moment, policy: &BreakerPolicy, now: Instant) {
    for ticket in std::mem::take(&mut moment.running) {
        moment.machine.release(ticket);
    }
    let later = now + secs(7);
    let ticket = moment.machine.acquire(later).unwrap();
    moment
        .machine
        .report(ticket, Outcome::Success.into(), policy, later);
    assert_eq!(moment.machine.phase(), Phase::Closed);
}
