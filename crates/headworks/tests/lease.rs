//! Requests that wait in line for a limit that others share.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks::{
    balance::{Balance, Endpoint, Strategy, WaitPolicy},
    core::{Attempts, Refusal},
    limit::{
        Cost, Limits, Quota, RateLimitLayer, RequestsOnly, Reservation, Tokens,
        share::{Alone, Keeper, KeeperParams, LEASE, MemoryStore},
    },
};
use http::{Request, Response};
use http_body_util::Full;
use std::{convert::Infallible, time::Duration};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, service_fn};

const SECOND: Duration = Duration::from_secs(1);

/// Each request costs the tokens that its body says.
#[derive(Clone, Copy, Debug)]
struct Said;

impl Cost<u64> for Said {
    type Tally = RequestsOnly;

    fn estimate(&self, request: &Request<u64>) -> (Tokens, RequestsOnly) {
        (Tokens::new(*request.body(), 0), RequestsOnly::default())
    }
}

fn keep(name: &str, store: &MemoryStore) -> (Quota, Keeper) {
    let quota = Quota::new(Limits::new().tpm(1000));
    let params = KeeperParams::new(name).alone(Alone::Closed);
    let keeper = Keeper::spawn(store.clone(), [("account".into(), quota.clone())], params);
    (quota, keeper)
}

/// Nine tenths of it, in small pieces.
async fn most(quota: &Quota) -> Vec<Reservation> {
    let mut held = Vec::new();
    while held.len() < 90 {
        match quota.reserve(Tokens::new(10, 0), Instant::now()) {
            Ok(one) => held.push(one),
            Err(_) => sleep(SECOND / 50).await,
        }
    }
    held
}

/// What is left, to the last, by whoever can have it.
async fn rest(quotas: &[&Quota]) -> Vec<Reservation> {
    let mut held = Vec::new();
    let mut last = Instant::now();
    while last.elapsed() < 2 * SECOND {
        for quota in quotas {
            if let Ok(one) = quota.reserve(Tokens::new(1, 0), Instant::now()) {
                last = Instant::now();
                held.push(one);
            }
        }
        sleep(SECOND / 200).await;
    }
    held
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_has_a_lease_as_soon_as_it_comes_however_long_it_was_to_take() {
    let store = MemoryStore::new();
    let (theirs, _keeper) = keep("another", &store);
    let (ours, _keeper) = keep("this", &store);
    let inner = service_fn(async |_: Request<u64>| {
        Ok::<_, Infallible>(Response::new(Full::<&[u8]>::default()))
    });
    let limited = RateLimitLayer::new(ours.clone()).cost(Said).layer(inner);
    let gate = ours.clone();
    let endpoint = Endpoint::new("d", limited).gate(move || gate.standing(Instant::now()));
    let balance = Balance::new("g", &Strategy::RoundRobin, [endpoint]);
    let ask = async |tokens: u64, patience: Duration| {
        let mut balance = balance.clone().wait(WaitPolicy::new(patience));
        let mut request = Request::new(tokens);
        request.extensions_mut().insert(Attempts::new(3));
        balance.call(request).await
    };
    sleep(LEASE).await;
    // Its gate is shut, or is open and there is not enough for this one.
    for tokens in [1, 500] {
        let held = most(&theirs).await;
        let others = match tokens {
            1 => rest(&[&theirs, &ours]).await,
            _ => Vec::new(),
        };
        sleep(3 * SECOND).await;
        // How much is needed has to be known, for how long that will take.
        drop(ours.reserve(Tokens::new(500, 0), Instant::now()));
        sleep(SECOND).await;
        assert_eq!(ours.standing(Instant::now()).is_ok(), tokens > 1);
        let began = Instant::now();
        let refused = ask(tokens, 20 * SECOND).await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::ZERO, "there is no hope");
        let refusal = refused.downcast_ref::<Refusal>().unwrap();
        let left = refusal.retry_after().unwrap();
        assert!(left > 40 * SECOND, "{left:?}");

        let waiting = ask(tokens, 60 * SECOND);
        let back = async {
            sleep(10 * SECOND).await;
            drop(held);
        };
        let (answered, ()) = tokio::join!(waiting, back);
        answered.unwrap();
        drop(others);
        let elapsed = began.elapsed();
        assert!((10 * SECOND..11 * SECOND).contains(&elapsed), "{elapsed:?}");
    }
}
