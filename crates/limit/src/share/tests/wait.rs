//! What those are told who are refused, of when to come back.

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// So much at once, in one piece.
async fn use_up(quota: &Quota, cost: Tokens) {
    until_reserved(quota, cost).await.settle(cost);
}

fn wait(quota: &Quota, cost: Tokens) -> Duration {
    let refused = quota.reserve(cost, Instant::now()).unwrap_err();
    refused.reason().left().unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_finds_that_others_have_used_up_all_comes_back_when_there_is_room_again() {
    let store = Remote::new(Duration::from_millis(4));
    let instances = instances(3, &Limits::new().rpm(60), &store);
    sleep(SETTLE).await;
    let log = Log::default();
    demand(&instances[0].quota, &log, Tokens::NONE, 100, 3 * SECOND).await;
    assert_eq!(log.all(), 60);
    sleep(7 * SECOND).await;
    let quota = &instances[1].quota;
    let Err(Reason::LimitReached { left: standing, .. }) = quota.standing(Instant::now()) else {
        panic!("nothing is left");
    };
    let left = wait(quota, Tokens::NONE);
    assert_eq!(left, standing, "its gate says the same");
    // A minute, a bucket and a lease after the first of them.
    assert!((50 * SECOND..=54 * SECOND).contains(&left), "{left:?}");
    sleep(left - Duration::from_millis(50)).await;
    assert!(quota.reserve(Tokens::NONE, Instant::now()).is_err());
    sleep(Duration::from_millis(50)).await;
    // The first who asks has it with the exchange that this causes.
    let began = Instant::now();
    use_up(quota, Tokens::NONE).await;
    assert!(began.elapsed() <= SECOND / 5, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn of_a_limit_of_nothing_nobody_is_told_to_come_back_in_a_moment() {
    for n in [1, 3] {
        let store = Remote::new(Duration::from_millis(4));
        let instances = instances(n, &Limits::new().rpm(0), &store);
        sleep(SETTLE).await;
        let left = wait(&instances[0].quota, Tokens::NONE);
        assert!(left >= MINUTE, "{n}: {left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_needs_much_is_told_to_wait_for_much() {
    let store = Remote::new(Duration::from_millis(4));
    // A tenth of the limit every five seconds, by somebody else.
    let debts = (0..10).map(|number| Debt {
        age: number * 5 * SECOND,
        amount: 100,
    });
    let mut used = question(Ask {
        debts: debts.collect(),
        ..Ask::default()
    });
    used.rates[0].limit = 1000;
    store
        .store
        .exchange(&"other".into(), &[used])
        .await
        .unwrap();
    let instances = instances(1, &Limits::new().tpm(1000), &store);
    sleep(5 * SECOND).await;
    let quota = &instances[0].quota;
    // The first tells what is needed.
    wait(quota, Tokens::new(400, 0));
    sleep(Duration::from_millis(200)).await;
    let [least, some, much] = [1, 200, 400].map(|needed| wait(quota, Tokens::new(needed, 0)));
    assert!((10 * SECOND..=12 * SECOND).contains(&least), "{least:?}");
    // In truth 16 to 17: it is taken to leave evenly.
    assert!((16 * SECOND..=20 * SECOND).contains(&some), "{some:?}");
    assert!((25 * SECOND..=27 * SECOND).contains(&much), "{much:?}");
    sleep(much).await;
    let began = Instant::now();
    use_up(quota, Tokens::new(400, 0)).await;
    assert!(began.elapsed() < SECOND / 2, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_others_hold_in_advance_is_waited_for_no_longer_than_they_hold_it() {
    let store = Remote::new(Duration::from_millis(4));
    let instances = instances(5, &Limits::new().tpm(1000), &store);
    sleep(SETTLE).await;
    // Each holds a twentieth.
    let quota = &instances[0].quota;
    assert_eq!(wait(quota, Tokens::new(900, 0)), LEASE);
    assert_eq!(wait(quota, Tokens::new(5000, 0)), LEASE);
    assert!(wait(quota, Tokens::new(500, 0)) < LEASE / 10);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_comes_before_it_was_expected_is_had_at_once() {
    let store = Remote::new(Duration::from_millis(4));
    let instances = instances(2, &Limits::new().tpm(1000), &store);
    sleep(SETTLE).await;
    let [one, two] = [0, 1].map(|number: usize| &instances[number].quota);
    // In small pieces: what comes back of one goes to the oldest of what was granted for it.
    let mut held = Vec::new();
    for _ in 0..95 {
        held.push(until_reserved(one, Tokens::new(10, 0)).await);
    }
    sleep(2 * SECOND).await;
    wait(two, Tokens::new(500, 0));
    sleep(Duration::from_millis(200)).await;
    assert!(wait(two, Tokens::new(500, 0)) > 50 * SECOND);
    drop(held);
    let began = Instant::now();
    use_up(two, Tokens::new(500, 0)).await;
    assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
}

fn question(ask: Ask) -> Question {
    Question {
        quota: "account".into(),
        rates: vec![RateQuestion {
            name: "tpm",
            limit: 100,
            width: SECOND,
            buckets: 62,
            offset: Duration::ZERO,
            ask,
        }],
        slots: None,
        rest: Duration::ZERO,
        woken: false,
        leaves: false,
        said: Duration::ZERO,
        heard: 0,
        requests: Vec::new(),
    }
}

proptest! {
    /// Whatever was granted when, and however far the clock has gone back: what it says will fit then does, and not
    /// a microsecond sooner.
    #[test]
    fn a_store_says_to_the_microsecond_when_there_is_room(
        steps in prop::collection::vec((0_u64..9_000_000, 0_u64..40, 0_u8..8), 1..40),
        needs in (1_u64..100, any::<bool>()),
    ) {
        let mut shelf = shelf::Shelf::default();
        let one = InstanceId::from("one");
        let mut now = 1_000_000_000_000_000;
        for (wait, want, back) in steps {
            now = if back == 0 { now - 3 * wait } else { now + wait };
            shelf.exchange(&one, &question(Ask { want, ..Ask::default() }), now);
        }
        let (need, is_one) = needs;
        let ask = Ask { need, ..Ask::default() };
        let told = shelf.clone().exchange(&one, &question(ask), now).rates[0];
        let (wait, need) = match is_one {
            true => (told.one_fits, 1),
            false => (told.need_fits, need),
        };
        let granted = |at| {
            let ask = Ask { want: need, ..Ask::default() };
            shelf.clone().exchange(&one, &question(ask), at).rates[0].amount
        };
        let at = now + crate::window::micros(wait);
        prop_assert_eq!(granted(at), need);
        if !wait.is_zero() {
            prop_assert!(granted(at - 1) < need);
        }
    }
}
