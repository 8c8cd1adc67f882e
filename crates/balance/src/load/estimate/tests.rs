use super::*;
use proptest::prelude::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// One that has answered in `took` for a while, until `now`.
fn known(now: Instant, took: Duration) -> Estimate {
    let mut estimate = Estimate::default();
    estimate.sent(now);
    estimate.heard(now, took);
    estimate
}

fn near(left: f64, right: f64) {
    assert!((left / right - 1.0).abs() < 1e-6, "{left} is not {right}");
}

/// One that has answered so often in `took` until `now`.
fn well_known(now: Instant, took: Duration, answers: usize) -> Estimate {
    let mut estimate = known(now, took);
    (1..answers).for_each(|_| estimate.heard(now, took));
    estimate
}

#[test]
fn a_slower_answer_counts_as_much_as_ten_faster_ones() {
    let now = Instant::now();
    let mut estimate = well_known(now, ms(100), 10);
    estimate.heard(now, ms(400));
    near(estimate.load(now, 0), 0.25);
    (0..10).for_each(|_| estimate.heard(now, ms(100)));
    near(estimate.load(now, 0), 0.2);
}

#[test]
fn what_is_known_makes_way_for_what_is_heard_later() {
    let now = Instant::now();
    let mut estimate = well_known(now, ms(200), 10);
    let later = now + MEMORY;
    estimate.sent(later);
    estimate.heard(later, ms(100));
    let left = 10.0 * (-1.0_f64).exp();
    near(
        estimate.load(later, 0),
        left.mul_add(0.2, 0.1) / (left + 1.0),
    );
}

#[test]
fn one_slow_answer_is_not_taken_for_the_rule_and_many_of_them_are() {
    let now = Instant::now();
    let mut estimate = well_known(now, ms(100), 200);
    estimate.heard(now, ms(1_000));
    assert!(estimate.load(now, 0) < 0.15);
    (0..39).for_each(|_| estimate.heard(now, ms(1_000)));
    assert!(estimate.load(now, 0) > 0.65);
}

#[test]
fn one_answer_after_a_silence_is_not_taken_for_all_that_is_known_unless_that_is_little() {
    let now = Instant::now();
    let later = now + MEMORY;
    let after_a_silence = |mut estimate: Estimate| {
        estimate.sent(later);
        estimate.heard(later, ms(500));
        estimate.load(later, 0)
    };
    assert!(after_a_silence(well_known(now, ms(100), 3_000)) < 0.105);
    assert!(after_a_silence(known(now, ms(100))) > 0.48);
}

#[test]
fn the_load_grows_with_what_is_in_flight() {
    let now = Instant::now();
    let estimate = known(now, ms(100));
    near(estimate.load(now, 4), 0.5);
}

#[test]
fn a_newcomer_gets_one_request_to_show_what_it_can_do() {
    let now = Instant::now();
    let (mut new, known) = (Estimate::default(), known(now, ms(100)));
    assert!(new.load(now, 0) < known.load(now, 0));
    new.sent(now);
    assert!(new.load(now, 1) > known.load(now, 50));
    new.heard(now + ms(80), ms(80));
    near(new.load(now + ms(80), 0), 0.08);
}

#[test]
fn a_newcomer_that_fails_attracts_no_more_than_one_in_a_while() {
    let mut now = Instant::now();
    let known = known(now, ms(900));
    let mut new = Estimate::default();
    let mut asked = 0;
    for _ in 0..60_000 {
        now += ms(1);
        if new.load(now, 0) < 0.9 {
            asked += 1;
            new.sent(now);
            new.failed(now, None);
        }
    }
    assert!(known.load(now, 0) > 0.0);
    assert!((5..=15).contains(&asked), "{asked} in a minute");
}

#[test]
fn one_that_is_idle_is_asked_again_by_one_request_at_a_time() {
    let now = Instant::now();
    let mut slow = known(now, Duration::from_secs(5));
    let others = 0.5;
    let after = |secs| now + Duration::from_secs(secs);
    assert!(slow.load(after(60), 0) > others);
    let later = after(75);
    assert!(slow.load(later, 0) < others, "ten times slower, long ago");
    slow.sent(later);
    assert!(slow.load(later, 1) > others * 10.0);
    // It has become as fast as the others: that is believed at once, almost.
    slow.heard(later + ms(500), ms(500));
    assert!(slow.load(later + ms(500), 0) < 0.61);
}

#[test]
fn one_that_fails_fast_is_worse_than_the_busiest_that_works() {
    let now = Instant::now();
    let busy = known(now, ms(500));
    let mut failing = known(now, ms(5));
    for _ in 0..10 {
        failing.failed(now, None);
    }
    assert!(failing.load(now, 0) > busy.load(now, 1_000));
}

#[test]
fn a_failure_now_and_then_costs_a_part_of_the_share_and_not_the_whole() {
    let now = Instant::now();
    let mut estimate = known(now, ms(100));
    estimate.failed(now, None);
    near(estimate.load(now, 0), 0.4);
    for _ in 0..3 {
        estimate.succeeded(now);
    }
    near(estimate.load(now, 0), 0.1);
}

#[test]
fn any_number_of_failures_is_forgiven_after_seven_seconds() {
    let now = Instant::now();
    let mut estimate = known(now, ms(100));
    for _ in 0..10_000 {
        estimate.failed(now, None);
    }
    let later = now + Duration::from_secs(7);
    assert!(estimate.load(later, 0) <= 0.1);
}

#[test]
fn who_says_when_to_come_back_is_left_alone_until_then() {
    let now = Instant::now();
    let (mut soon, mut late) = (known(now, ms(900)), known(now, ms(1)));
    soon.failed(now, Some(Duration::from_secs(20)));
    late.failed(now, Some(Duration::from_secs(30)));
    late.failed(now, Some(Duration::from_secs(3)));
    late.succeeded(now);
    let at = |secs| now + Duration::from_secs(secs);
    assert!(late.load(at(29), 0) > known(at(29), ms(100)).load(at(29), 100_000));
    assert!(late.load(at(19), 0) > soon.load(at(19), 1_000));
    assert!(soon.load(at(21), 0) < 1.0);
}

#[derive(Clone, Debug)]
enum Event {
    Sent,
    Heard(u64),
    Succeeded,
    Failed(Option<u64>),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Sent),
        (0..100_000_u64).prop_map(Event::Heard),
        Just(Event::Succeeded),
        proptest::option::of(0..4_000_000_u64).prop_map(Event::Failed),
    ]
}

fn history() -> impl Strategy<Value = Vec<(u64, Event)>> {
    proptest::collection::vec((0..30_000_u64, event()), 0..60)
}

fn lived(now: &mut Instant, history: Vec<(u64, Event)>) -> Estimate {
    let mut estimate = Estimate::default();
    for (after, event) in history {
        *now += ms(after);
        match event {
            Event::Sent => estimate.sent(*now),
            Event::Heard(took) => estimate.heard(*now, ms(took)),
            Event::Succeeded => estimate.succeeded(*now),
            Event::Failed(wait) => estimate.failed(*now, wait.map(ms)),
        }
    }
    estimate
}

proptest! {
    #[test]
    fn a_load_is_a_number_above_zero(history in history(), later in 0..1_000_000_000_u64, in_flight in 0..1_000_000_usize) {
        let mut now = Instant::now();
        let estimate = lived(&mut now, history);
        let load = estimate.load(now + ms(later), in_flight);
        prop_assert!(load.is_finite() && load > 0.0, "{}", load);
    }

    #[test]
    fn a_failure_never_makes_the_load_less(history in history(), later in 0..60_000_u64, in_flight in 0..1_000_usize, wait in proptest::option::of(0..4_000_000_u64)) {
        let mut now = Instant::now();
        let mut estimate = lived(&mut now, history);
        let before = estimate.clone();
        estimate.failed(now, wait.map(ms));
        let at = now + ms(later);
        prop_assert!(estimate.load(at, in_flight) >= before.load(at, in_flight));
    }

    #[test]
    fn what_is_left_alone_is_asked_again_in_the_end(history in history()) {
        let mut now = Instant::now();
        let estimate = lived(&mut now, history);
        let in_time = now + Duration::from_secs(2 * 3600);
        prop_assert!(estimate.load(in_time, 0) <= LEAST);
    }

    #[test]
    fn a_time_lies_between_the_least_and_the_most_that_was_heard(times in proptest::collection::vec((0..30_000_u64, 1..100_000_u64), 1..50)) {
        let mut now = Instant::now();
        let mut estimate = Estimate::default();
        for (after, took) in &times {
            now += ms(*after);
            estimate.heard(now, ms(*took));
        }
        let times = times.iter().map(|(_, took)| ms(*took).as_secs_f64());
        let (least, most) = times.fold((f64::MAX, 0.0_f64), |(l, m), t| (l.min(t), m.max(t)));
        let load = estimate.load(now, 0);
        prop_assert!(load >= least * (1.0 - 1e-9) && load <= most * (1.0 + 1e-9));
    }
}
