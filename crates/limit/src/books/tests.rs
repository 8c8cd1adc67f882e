mod told;

use super::*;
use crate::{
    Minute,
    share::{Alone, Granted},
};
use proptest::prelude::*;
use std::sync::Arc;

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const NOW: u64 = 1_700_000_000 * SECOND;

fn books(limits: Limits) -> Books {
    Books::new(limits)
}

fn at(reserved: u64) -> Then {
    Then {
        reserved,
        granted: None,
    }
}

fn requests(books: &mut Books, now: u64, most: usize) -> usize {
    (0..most)
        .take_while(|_| books.reserve(Tokens::NONE, false, now).is_ok())
        .count()
}

fn used(books: &mut Books, unit: Unit, now: u64) -> u64 {
    let usage = books.usage(now);
    usage.iter().find(|usage| usage.unit == unit).unwrap().used
}

#[test]
fn what_does_not_fit_is_told_with_its_figures_and_nothing_is_taken() {
    let mut books = books(Limits::new().rpm(10).tpm(100));
    books.reserve(Tokens::new(50, 30), false, NOW).unwrap();
    let refused = books.reserve(Tokens::new(10, 11), false, NOW + 5 * SECOND);
    let Err(Reason::LimitReached {
        name,
        used,
        limit,
        left,
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((name, used, limit), ("tpm", 80, 100));
    assert!((55..=56).contains(&left.as_secs()), "{left:?}");
    assert_eq!(super::tests::used(&mut books, Unit::Requests, NOW), 1);
    assert_eq!(books.in_flight(), 1);
    books
        .reserve(Tokens::new(10, 10), false, NOW + 5 * SECOND)
        .unwrap();
}

#[test]
fn of_several_limits_the_one_that_lasts_longest_is_told() {
    let limits = Limits::new().rpm(1).rate(Unit::Requests, Period::Day, 1);
    let mut books = books(limits);
    books.reserve(Tokens::NONE, false, NOW).unwrap();
    let refused = books.reserve(Tokens::NONE, false, NOW);
    assert!(matches!(
        refused,
        Err(Reason::LimitReached { name: "rpd", .. })
    ));
}

#[test]
fn one_larger_than_the_limit_goes_alone() {
    let mut books = books(Limits::new().tpm(100));
    books.reserve(Tokens::new(1, 0), false, NOW).unwrap();
    assert!(
        books.reserve(Tokens::new(500, 0), false, NOW).is_err(),
        "not alone"
    );
    let empty = NOW + 2 * MINUTE;
    books.reserve(Tokens::new(500, 0), false, empty).unwrap();
    assert!(
        books
            .reserve(Tokens::new(1, 0), false, empty + 30 * SECOND)
            .is_err()
    );
    assert!(
        books
            .reserve(Tokens::new(1, 0), false, empty + 2 * MINUTE)
            .is_ok()
    );
}

#[test]
fn a_limit_of_none_admits_nothing() {
    assert!(
        books(Limits::new().rpm(0))
            .reserve(Tokens::NONE, false, NOW)
            .is_err()
    );
    assert!(
        books(Limits::new().tpm(0))
            .reserve(Tokens::new(1, 1), false, NOW)
            .is_err()
    );
    assert_eq!(
        books(Limits::new().parallel(0)).reserve(Tokens::NONE, false, NOW),
        Err(Reason::Full)
    );
    assert!(
        books(Limits::new())
            .reserve(Tokens::new(1 << 40, 0), false, NOW)
            .is_ok()
    );
}

#[test]
fn a_limit_of_none_asks_nobody_back_at_once() {
    let mut books = books(Limits::new().rpm(0));
    let refused = books.reserve(Tokens::NONE, false, NOW);
    let Err(Reason::LimitReached { left, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!((60..=61).contains(&left.as_secs()), "{left:?}");
}

#[test]
fn what_was_too_much_is_given_back_and_what_was_too_little_is_taken() {
    let mut books = books(Limits::new().itpm(100).otpm(100).tpm(1000));
    let reserved = Tokens::new(60, 80);
    books.reserve(reserved, false, NOW).unwrap();
    books.settle(at(NOW), reserved, Tokens::new(70, 20), || NOW + 10 * SECOND);
    books.end();
    let now = NOW + 10 * SECOND;
    for (unit, amount) in [
        (Unit::InputTokens, 70),
        (Unit::OutputTokens, 20),
        (Unit::Tokens, 90),
    ] {
        assert_eq!(used(&mut books, unit, now), amount, "{unit:?}");
    }
    // What had been reserved leaves a minute after it was, the rest a minute after it was known.
    assert_eq!(used(&mut books, Unit::InputTokens, NOW + 62 * SECOND), 10);
    assert_eq!(used(&mut books, Unit::InputTokens, NOW + 72 * SECOND), 0);
    assert_eq!(books.in_flight(), 0);
}

#[test]
fn what_was_never_sent_does_not_count() {
    let mut books = books(Limits::new().rpm(1).tpm(10));
    books.reserve(Tokens::new(5, 5), false, NOW).unwrap();
    books.refund(at(NOW), Tokens::new(5, 5));
    books
        .reserve(Tokens::new(5, 5), false, NOW + SECOND)
        .unwrap();
}

#[test]
fn a_fixed_minute_lets_twice_the_limit_through_around_its_edge_and_a_sliding_one_does_not() {
    // Ten minutes of more demand than there is room for, ten times a second.
    let busiest = |minute| {
        let mut books = books(Limits::new().rpm(60).minute(minute));
        let admitted: Vec<_> = (0..6000)
            .map(|tick| NOW + tick * SECOND / 10 + SECOND / 20)
            .map(|now| {
                // Demand comes in waves that are not in step with the minutes.
                let wave = if now / SECOND % 50 < 25 { 6 } else { 0 };
                (now, requests(&mut books, now, wave))
            })
            .collect();
        let within = |begin: u64| {
            let window = admitted
                .iter()
                .filter(|(at, _)| (begin..begin + MINUTE).contains(at));
            window.map(|(_, count)| count).sum::<usize>()
        };
        admitted.iter().map(|(at, _)| within(*at)).max().unwrap()
    };
    assert_eq!(
        (busiest(Minute::Sliding), busiest(Minute::Fixed)),
        (60, 120)
    );
}

#[test]
fn a_limit_in_full_use_admits_59_of_60() {
    let mut books = books(Limits::new().rpm(6000));
    let ticks = (0..6000).map(|tick| NOW + tick * SECOND / 10);
    let admitted: usize = ticks.map(|now| requests(&mut books, now, 100)).sum();
    let share = admitted as f64 / (6000.0 * 10.0);
    assert!((59.0 / 60.0..=61.0 / 60.0).contains(&share), "{share}");
}

#[test]
fn the_provider_is_believed_when_it_says_that_less_is_left() {
    let mut books = books(Limits::new().rpm(100).tpm(1000));
    books.reserve(Tokens::new(100, 0), false, NOW).unwrap();
    books.told(Told::new(Unit::Tokens, Period::Minute, 950), NOW);
    assert_eq!(
        used(&mut books, Unit::Tokens, NOW),
        100,
        "we know better: more is in flight"
    );
    books.told(Told::new(Unit::Tokens, Period::Minute, 300), NOW);
    assert_eq!(used(&mut books, Unit::Tokens, NOW), 700);
    assert_eq!(used(&mut books, Unit::Requests, NOW), 1);
    let mut told = Told::new(Unit::Requests, Period::Minute, 0);
    told.reset = Some(Duration::from_secs(10));
    books.told(told, NOW);
    assert!(
        books
            .reserve(Tokens::NONE, false, NOW + 9 * SECOND)
            .is_err()
    );
    assert_eq!(used(&mut books, Unit::Requests, NOW + 12 * SECOND), 1);
    books.told(Told::new(Unit::Requests, Period::Day, 0), NOW + 12 * SECOND);
    assert!(
        books
            .reserve(Tokens::NONE, false, NOW + 12 * SECOND)
            .is_ok(),
        "it has no such limit"
    );
}

#[test]
fn a_limit_nobody_set_is_learned_if_it_may_be() {
    let mut told = Told::new(Unit::Requests, Period::Minute, 1);
    told.limit = Some(3);
    for learn in [false, true] {
        let mut books = books(Limits::new().learn(learn));
        books.told(told, NOW);
        assert_eq!(requests(&mut books, NOW, 10), if learn { 1 } else { 10 });
    }
    // One that is set holds, and a learned one is kept over a reload.
    let mut books = books(Limits::new().rpm(2).learn(true));
    books.told(told, NOW);
    assert_eq!(requests(&mut books, NOW, 10), 1);
    let mut other = told;
    other.period = Period::Day;
    books.told(other, NOW);
    books.keep(Limits::new().rpm(20).learn(true));
    let periods: Vec<_> = books.usage(NOW).iter().map(|usage| usage.period).collect();
    assert_eq!(periods, [Period::Minute, Period::Day]);
}

#[test]
fn other_limits_count_what_was_used_before() {
    let mut books = books(Limits::new().rpm(5).tpm(100));
    assert_eq!(requests(&mut books, NOW, 10), 5);
    books.keep(Limits::new().rpm(7));
    assert_eq!(requests(&mut books, NOW, 10), 2);
    books.keep(Limits::new().rpm(7).minute(Minute::Fixed));
    assert_eq!(
        requests(&mut books, NOW, 10),
        7,
        "another minute is another count"
    );
    assert_eq!(books.in_flight(), 14);
}

#[test]
fn nothing_is_admitted_while_it_rests() {
    let mut books = books(Limits::new());
    books.rest(NOW + 10 * SECOND, NOW);
    books.rest(NOW + 5 * SECOND, NOW);
    let resting = Err(Reason::Resting(Duration::from_secs(4)));
    assert_eq!(books.standing(NOW + 6 * SECOND), resting);
    assert_eq!(books.standing(NOW + 10 * SECOND), Ok(()));
}

proptest! {
    /// Whatever is asked, sent back and given up: in no sixty seconds is more admitted than the limit, but
    /// for one that is larger and goes alone.
    #[test]
    fn no_minute_sees_more_than_the_limit(
        limit in 1_u64..200,
        steps in prop::collection::vec((0_u64..20_000_000, 0_u64..250, 0_u8..4), 1..150),
    ) {
        let mut books = books(Limits::new().tpm(limit));
        let mut now = NOW;
        // When, and what of it counts.
        let mut admitted: Vec<(u64, u64)> = Vec::new();
        for (wait, cost, fate) in steps {
            now += wait;
            let cost = Tokens::new(cost, 0);
            if books.reserve(cost, false, now).is_err() {
                continue;
            }
            let then = now;
            let counts = match fate {
                0 => {
                    books.refund(at(then), cost);
                    0
                }
                1 => {
                    now += SECOND;
                    books.settle(at(then), cost, Tokens::new(cost.input / 2, 0), || now);
                    cost.input / 2
                }
                _ => cost.input,
            };
            books.end();
            admitted.push((then, counts));
        }
        prop_assert_eq!(books.in_flight(), 0);
        for (end, _) in &admitted {
            let within = admitted.iter().filter(|(at, _)| at <= end && at + MINUTE > *end);
            let costs: Vec<_> = within.map(|(_, cost)| *cost).filter(|cost| *cost > 0).collect();
            let sum: u64 = costs.iter().sum();
            prop_assert!(sum <= limit || costs.len() == 1, "{:?} of {}", costs, limit);
        }
    }
}

#[test]
fn what_was_reserved_before_a_limit_was_learned_takes_nothing_of_it_and_gives_nothing_back() {
    let mut books = books(Limits::new().learn(true));
    let before = Tokens::new(100, 256);
    for _ in 0..2 {
        books.reserve(before, false, NOW).unwrap();
    }
    let mut told = Told::new(Unit::Tokens, Period::Minute, 200);
    told.limit = Some(1000);
    books.told(told, NOW + SECOND);
    assert_eq!(used(&mut books, Unit::Tokens, NOW + SECOND), 800);
    books.settle(at(NOW), before, Tokens::new(100, 20), || NOW + SECOND);
    books.refund(at(NOW), before);
    assert_eq!(used(&mut books, Unit::Tokens, NOW + SECOND), 800);
    let after = Tokens::new(100, 100);
    books.reserve(after, false, NOW + SECOND).unwrap();
    books.settle(at(NOW + SECOND), after, Tokens::new(100, 20), || {
        NOW + SECOND
    });
    assert_eq!(used(&mut books, Unit::Tokens, NOW + SECOND), 920);
}

#[test]
fn what_is_advisory_is_counted_and_refuses_nothing() {
    let mut books = books(Limits::new().rpm(2).tpm(100).parallel(3).advisory(true));
    let cost = Tokens::new(30, 50);
    for _ in 0..3 {
        books.reserve(cost, false, NOW).unwrap();
    }
    // Slots are kept all the same.
    assert_eq!(books.reserve(cost, false, NOW), Err(Reason::Full));
    assert_eq!(books.standing(NOW), Err(Reason::Full));
    let left = |books: &mut Books| {
        let rates = [Unit::Requests, Unit::Tokens, Unit::InputTokens];
        let usage = books.usage_of(rates.map(|unit| (unit, Period::Minute)), NOW);
        usage.map(|usage| usage.map(|usage| (usage.used, usage.remaining)))
    };
    assert_eq!(left(&mut books), [Some((3, 0)), Some((240, 0)), None]);
    for _ in 0..2 {
        books.refund(at(NOW), cost);
        books.end();
    }
    books.settle(at(NOW), cost, Tokens::new(30, 5), || NOW);
    assert_eq!(left(&mut books), [Some((1, 1)), Some((35, 65)), None]);
    // What was counted counts on when it begins to be kept.
    books.keep(Limits::new().rpm(2).tpm(100));
    books.reserve(Tokens::NONE, false, NOW).unwrap();
    assert!(books.reserve(Tokens::NONE, false, NOW).is_err());
}

#[test]
fn a_store_is_asked_for_nothing_that_is_advisory() {
    let mut books = books(Limits::new().rpm(2).parallel(9).advisory(true));
    books.share(Alone::Closed, None, Arc::default());
    books.together.as_mut().unwrap().until = u64::MAX;
    books.together.as_mut().unwrap().slots = 9;
    for _ in 0..3 {
        books.reserve(Tokens::NONE, false, NOW).unwrap();
    }
    let question = books.question("a".into(), Duration::from_secs(1), NOW);
    assert!(question.rates.is_empty() && question.slots.is_some());
    let [usage] = books.usage_of([(Unit::Requests, Period::Minute)], NOW);
    assert_eq!(usage.map(|usage| usage.remaining), Some(0));
}

#[test]
fn of_a_shared_rate_what_is_left_is_left_for_all() {
    let mut books = books(Limits::new().rpm(100));
    let left = |books: &mut Books| {
        let [usage] = books.usage_of([(Unit::Requests, Period::Minute)], NOW);
        usage.unwrap().remaining
    };
    books.share(Alone::Share(0.25), None, Arc::default());
    assert_eq!(left(&mut books), 25, "while nobody has answered");
    let together = books.together.as_mut().unwrap();
    (together.until, together.lost, together.silent) = (u64::MAX, false, false);
    let account = &mut books.accounts[0];
    account.left = 50;
    account.lease.granted(Granted::new(10, NOW, 50), NOW);
    assert_eq!(left(&mut books), 60);
    books.reserve(Tokens::NONE, false, NOW).unwrap();
    assert_eq!(left(&mut books), 59);
}

/// Books that share these limits, and what the store has granted and left of each.
fn leased(limits: Limits, rates: &[(u64, u64)]) -> Books {
    let mut books = books(limits);
    books.share(Alone::Closed, None, Arc::default());
    let together = books.together.as_mut().unwrap();
    (together.until, together.lost, together.silent) = (u64::MAX, false, false);
    for (account, (amount, left)) in books.accounts.iter_mut().zip(rates) {
        account.left = *left;
        account.unheard = 0;
        let granted = Granted::new(*amount, NOW, *left);
        account.lease.granted(granted, NOW);
    }
    books
}

#[test]
fn what_another_limit_refuses_is_not_owed() {
    let large = Tokens::new(500, 0);
    let mut books = leased(Limits::new().rpm(10).tpm(10_000), &[(0, 0), (100, 9000)]);
    assert!(
        books.reserve(large, false, NOW).is_err(),
        "no request is left"
    );
    books.accounts[0]
        .lease
        .granted(Granted::new(2, NOW, 0), NOW);
    books.reserve(large, false, NOW).unwrap();
    let larger = Tokens::new(600, 0);
    assert!(
        books.reserve(larger, false, NOW).is_err(),
        "once an exchange"
    );
}

#[test]
fn what_the_store_says_is_believed_until_it_says_something_else() {
    let mut books = leased(Limits::new().tpm(1000), &[(0, 0)]);
    let minute = Duration::from_secs(60);
    let mut told = |one, need| {
        let question = books.question("a".into(), minute, NOW);
        let mut answer = crate::share::Answer::new(3);
        let granted = Granted::new(0, NOW, 0);
        answer.rates = vec![granted.fits(Duration::from_secs(one), Duration::from_secs(need))];
        books.answered(&question, &answer, NOW, NOW);
        let wait = |needed| {
            let refused = books.reserve(Tokens::new(needed, 0), false, NOW);
            refused.unwrap_err().left()
        };
        [1, 250, 500, 501]
            .map(wait)
            .map(|left| left.unwrap().as_secs())
    };
    // Nothing is known of five hundred before it was asked for.
    assert_eq!(told(10, 10), [10, 10, 10, 10]);
    assert_eq!(told(10, 30), [10, 19, 29, 30]);
    assert_eq!(told(10, 10), [10, 10, 10, 10]);
    assert_eq!(told(0, 30), [0, 14, 29, 30]);
}
