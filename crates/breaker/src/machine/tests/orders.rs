//! Every order of events, up to a depth.

use super::*;
use std::collections::HashSet;

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
