//! A whole group is out for a while: nobody is hammered meanwhile, and it is found out soon that it is back.

use crate::{ask, header, hello, rig::run};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Three deployments, and retries for a tenth of the requests, or six a minute.
const CONFIG: &str = r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { latency_ms: 20 } } }
  - { model_name: m, litellm_params: { model: simulated/y, simulated: { latency_ms: 20 } } }
  - { model_name: m, litellm_params: { model: simulated/z, simulated: { latency_ms: 20 } } }
router_settings: { num_retries: 3, SETTINGS }
headworks: { retry_budget: { share: 0.1, floor_per_minute: 6 } }
"#;

/// What every deployment answers while the outage lasts.
const OUT: &str = r#""mock_response":"litellm.InternalServerError","#;

/// From one probe of a deployment to the next, at most: its longest rest, by the breaker's own default a minute and
/// a tenth of it at random (`BreakerPolicy::longest`, `jitter`). Checks in the background make it shorter, see
/// `tests/health.rs`.
const PROBE_INTERVAL: Duration = Duration::from_secs(66);

/// How often one deployment is asked in an outage of so long, at most: five times until its circuit opens, and once
/// at the end of each rest. The rests are five seconds and double up to a minute (`BreakerPolicy::new`); what chance
/// adds to them only makes the probes fewer.
fn asked_at_most(outage: Duration) -> u64 {
    let (mut asked, mut rest) = (5, Duration::from_secs(5));
    let mut rested = rest;
    while rested <= outage {
        asked += 1;
        rest = (rest * 2).min(Duration::from_secs(60));
        rested += rest;
    }
    asked
}

#[test]
fn without_rests_the_retries_stay_within_their_budget() {
    let config = CONFIG.replace("SETTINGS", "disable_cooldowns: true");
    run(&config, async |gateway, mut rig| {
        for minute in 0..3 {
            let before = rig.sent();
            for _ in 0..600 {
                assert_eq!(ask(&gateway, hello(OUT)).await.status(), 500);
                sleep(Duration::from_millis(100)).await;
            }
            // A tenth of the requests of 55 seconds at least, which is how long a retry is remembered.
            let sent = rig.sent() - before;
            assert!((600..=666).contains(&sent), "{sent} in minute {minute}");
        }
    });
}

#[test]
fn a_few_requests_have_the_floor_and_no_more() {
    let config = CONFIG.replace("SETTINGS", "disable_cooldowns: true");
    run(&config, async |gateway, mut rig| {
        for _ in 0..20 {
            ask(&gateway, hello(OUT)).await;
        }
        assert_eq!(rig.sent(), 26);
    });
}

#[test]
fn with_rests_hardly_anybody_is_asked_and_the_first_success_comes_within_a_probe_interval() {
    for seconds in [30, 90, 600] {
        let config = CONFIG.replace("SETTINGS", "cooldown_time: 5");
        run(&config, async |gateway, mut rig| {
            let outage = Duration::from_secs(seconds);
            let began = Instant::now();
            let mut requests = 0;
            while began.elapsed() < outage {
                let response = ask(&gateway, hello(OUT)).await;
                assert_ne!(response.status(), 200);
                if header(&response, "x-headworks-error") == "all_resting" {
                    let wait: u64 = header(&response, "retry-after").parse().unwrap();
                    assert!(Duration::from_secs(wait) <= PROBE_INTERVAL + Duration::from_secs(1));
                }
                requests += 1;
                sleep(Duration::from_millis(100)).await;
            }
            // 21, 27 and 51; rests that did not grow would come to about 30, 65 and 360.
            let sent = rig.sent();
            let most = 3 * asked_at_most(outage);
            assert!(
                sent <= most,
                "{sent} of {requests} requests, {most} at most"
            );

            let over = Instant::now();
            while ask(&gateway, hello("")).await.status() != 200 {
                assert!(over.elapsed() <= PROBE_INTERVAL, "after {seconds} s");
                sleep(Duration::from_millis(100)).await;
            }
            let first = over.elapsed();
            assert!(first <= PROBE_INTERVAL, "{first:?} after {seconds} s");
            // And from then on all are answered: who is back takes what the others cannot.
            for _ in 0..100 {
                let response = ask(&gateway, hello("")).await;
                assert_eq!(response.status(), 200);
                response.into_body().collect().await.unwrap();
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
}

#[test]
fn a_client_that_comes_back_when_it_is_told_to_finds_it_back() {
    let config = CONFIG.replace("SETTINGS", "cooldown_time: 5");
    run(&config, async |gateway, _| {
        for _ in 0..40 {
            ask(&gateway, hello(OUT)).await;
        }
        let response = ask(&gateway, hello("")).await;
        assert_eq!(header(&response, "x-headworks-error"), "all_resting");
        let wait: u64 = header(&response, "retry-after").parse().unwrap();
        sleep(Duration::from_secs(wait)).await;
        assert_eq!(ask(&gateway, hello("")).await.status(), 200);
    });
}

#[test]
fn a_request_that_falls_back_earns_no_more_retries_than_one_that_does_not() {
    let config = r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { errors: { "500": 1.0 } } } }
  - { model_name: m, litellm_params: { model: simulated/y, simulated: { errors: { "500": 1.0 } } } }
  - { model_name: next, litellm_params: { model: simulated/x, simulated: { errors: { "500": 1.0 } } } }
  - { model_name: next, litellm_params: { model: simulated/y, simulated: { errors: { "500": 1.0 } } } }
router_settings: { num_retries: 3, disable_cooldowns: true, fallbacks: [{ m: [next] }] }
headworks: { retry_budget: { share: 0.2, floor_per_minute: 0 } }
"#;
    run(config, async |gateway, mut rig| {
        for _ in 0..100 {
            ask(&gateway, hello("")).await;
        }
        // Each is sent to both groups once, and a fifth of them once more.
        assert_eq!(rig.sent(), 220);
    });
}
