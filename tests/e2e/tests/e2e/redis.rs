//! Several instances, which are processes, share limits over a real Redis, and no client can tell what becomes
//! of it.

use crate::{CHAT, chat, chat_stream};
use futures_util::future::join_all;
use headworks_e2e::{Client, Headworks, bounded, config, read_until};
use headworks_upstream::{Answer, Gate, RedisServer, Upstream, openai};
use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// One deployment with a limit, and where instances share it.
fn yaml(upstream: &Upstream, rpm: u64, redis: &RedisServer, rest: &str) -> String {
    let limit = format!("rpm: {rpm}");
    let deployment = config::with("gpt-4o", "a", &upstream.base_url(), &limit);
    let rest = format!(
        "router_settings: {{ redis_url: \"{}\", num_retries: 0 }}\nheadworks: {{ limits: enforce{rest} }}",
        redis.url()
    );
    config::of(&[deployment], &rest)
}

pub(crate) async fn start_many(n: usize, yaml: &str) -> Vec<Headworks> {
    let instances = join_all((0..n).map(|_| Headworks::start(yaml))).await;
    for instance in &instances {
        until_shared(instance).await;
    }
    instances
}

/// Waits until the instance has said that it shares.
async fn until_shared(instance: &Headworks) {
    bounded(instance.logs(SHARED)).await;
}

const SHARED: &str = "limits and rests are shared over Redis";

/// True if Redis has answered all of them in time since they share: what it has granted and was late to say is
/// nobody's for a minute, and a machine that has other things to do may be late.
fn are_in_step(instances: &[Headworks]) -> bool {
    instances.iter().all(|instance| {
        let log = instance.log();
        let since = log.split_once(SHARED).map(|(_, since)| since);
        since.is_some_and(|since| !since.contains("Redis does not answer"))
    })
}

/// Asks all of these, several at once, until each has gone on refusing for longer than another may hold a lease, and
/// counts the answers.
async fn ask_until_refused(clients: &[Client]) -> usize {
    const LEASE: Duration = Duration::from_secs(1);
    let answered = AtomicUsize::new(0);
    let last = Cell::new(Instant::now());
    let one = async |client: &Client| {
        let mut refused = 0;
        while refused < 50 || last.get().elapsed() < 2 * LEASE {
            match client.post(CHAT, &chat("gpt-4o")).await.status {
                200 => {
                    answered.fetch_add(1, Ordering::Relaxed);
                    last.set(Instant::now());
                    refused = 0;
                }
                429 => {
                    refused += 1;
                    sleep(Duration::from_millis(5)).await;
                }
                other => panic!("a client saw {other}"),
            }
        }
    };
    let four = clients.iter().flat_map(|client| [client; 4]);
    join_all(four.map(one)).await;
    answered.into_inner()
}

/// How often a run is repeated in which Redis was late.
const TRIES: usize = 20;

/// Asks for so long, `at_once` at a time, and counts the answers by status.
async fn ask_for(client: &Client, at_once: usize, lasts: Duration) -> (usize, usize) {
    ask_group(client, "gpt-4o", at_once, lasts).await
}

/// The same of any group.
pub(crate) async fn ask_group(
    client: &Client,
    group: &str,
    at_once: usize,
    lasts: Duration,
) -> (usize, usize) {
    let end = Instant::now() + lasts;
    let one = async |_: usize| {
        let (mut answered, mut refused) = (0, 0);
        while Instant::now() < end {
            match client.post(CHAT, &chat(group)).await.status {
                200 => answered += 1,
                429 => {
                    refused += 1;
                    sleep(Duration::from_millis(5)).await;
                }
                other => panic!("a client saw {other}"),
            }
        }
        (answered, refused)
    };
    let all = join_all((0..at_once).map(one)).await;
    let sum = |part: fn(&(usize, usize)) -> usize| all.iter().map(part).sum();
    (sum(|counts| counts.0), sum(|counts| counts.1))
}

#[tokio::test]
async fn more_demand_than_there_is_room_for_uses_the_limit_to_the_last_and_no_more() {
    for n in [2, 5] {
        let mut tries = 0..TRIES;
        loop {
            tries.next().expect("a run in which Redis is never late");
            let (upstream, redis) = (Upstream::start().await, RedisServer::start(&[]).await);
            // Nothing is admitted that Redis has not granted.
            let closed = ", redis: { when_silent: closed }";
            let instances = start_many(n, &yaml(&upstream, 60, &redis, closed)).await;
            let clients: Vec<_> = instances.iter().map(Headworks::client).collect();
            let answered = ask_until_refused(&clients).await;
            assert_eq!(answered, upstream.seen().requests);
            assert!(answered <= 60, "{answered} over {n} instances");
            if are_in_step(&instances) {
                assert_eq!(answered, 60, "{n} instances");
                break;
            }
        }
    }
}

#[tokio::test]
async fn one_that_has_all_the_demand_has_nearly_all_of_the_limit() {
    let mut tries = 0..TRIES;
    loop {
        tries.next().expect("a run in which Redis is never late");
        let (upstream, redis) = (Upstream::start().await, RedisServer::start(&[]).await);
        let closed = ", redis: { when_silent: closed }";
        let instances = start_many(3, &yaml(&upstream, 100, &redis, closed)).await;
        let answered = ask_until_refused(&[instances[0].client()]).await;
        assert!(answered <= 100, "{answered}");
        if are_in_step(&instances) {
            assert!(answered >= 95, "{answered}");
            break;
        }
    }
}

/// Two instances that prefer `a` to `b` in each of these groups.
async fn start_pair(
    groups: &[String],
    a: &Upstream,
    b: &Upstream,
    redis: &RedisServer,
) -> Vec<Headworks> {
    let deployments: Vec<_> = groups
        .iter()
        .flat_map(|group| {
            let deployment = |at: &Upstream, order| {
                let id = format!("{group}-{order}");
                config::with(group, &id, &at.base_url(), &format!("order: {order}"))
            };
            [deployment(a, 1), deployment(b, 2)]
        })
        .collect();
    let rest = format!("router_settings: {{ redis_url: \"{}\" }}", redis.url());
    start_many(2, &config::of(&deployments, &rest)).await
}

/// Which of the two has answered.
async fn ask_of(client: &Client, group: &str) -> char {
    let answer = client.post(CHAT, &chat(group)).await;
    assert_eq!(answer.status, 200);
    answer.header("x-litellm-model-id").chars().last().unwrap()
}

/// Asks until the second answers, and says how long that took.
async fn until_told(client: &Client, group: &str) -> Duration {
    let began = Instant::now();
    let asking = async {
        while ask_of(client, group).await != '2' {
            sleep(Duration::from_millis(2)).await;
        }
    };
    bounded(asking).await;
    began.elapsed()
}

#[tokio::test]
async fn whoever_is_told_to_wait_tells_the_others_at_once() {
    let (a, b) = (Upstream::start().await, Upstream::start().await);
    let redis = RedisServer::start(&[]).await;
    let groups: Vec<_> = (0..5).map(|number| format!("group-{number}")).collect();
    let instances = start_pair(&groups, &a, &b, &redis).await;
    let [one, other] = [0, 1].map(|number| instances[number].client());
    let mut fastest = Duration::MAX;
    for group in &groups {
        assert_eq!(ask_of(&other, group).await, '1');
        // One of them alone is told so.
        a.answer_next(Answer::status(429).header("retry-after", "30"));
        assert_eq!(ask_of(&one, group).await, '2');
        fastest = until_told(&other, group).await.min(fastest);
    }
    // With its next exchange the other would learn of it within 400 ms: of five times one is soon, on any machine.
    assert!(fastest <= Duration::from_millis(200), "{fastest:?}");
}

#[tokio::test]
async fn whatever_the_provider_says_of_the_account_is_told() {
    let (a, b) = (Upstream::start().await, Upstream::start().await);
    let redis = RedisServer::start(&[]).await;
    let said = [
        Answer::status(503).header("retry-after", "30"),
        Answer::status(401),
        Answer::status(402),
    ];
    let groups = ["busy", "locked", "unpaid"].map(str::to_owned);
    let instances = start_pair(&groups, &a, &b, &redis).await;
    let [one, other] = [0, 1].map(|number| instances[number].client());
    for (group, answer) in groups.iter().zip(said) {
        assert_eq!(ask_of(&other, group).await, '1');
        a.answer_next(answer);
        assert_eq!(ask_of(&one, group).await, '2');
        until_told(&other, group).await;
    }
}

#[tokio::test]
async fn what_it_says_of_the_account_in_mid_stream_is_told_too() {
    let (a, b) = (Upstream::start().await, Upstream::start().await);
    let redis = RedisServer::start(&[]).await;
    let groups = ["busy", "locked"].map(str::to_owned);
    let instances = start_pair(&groups, &a, &b, &redis).await;
    let [one, other] = [0, 1].map(|number| instances[number].client());
    for (group, kind) in groups
        .iter()
        .zip(["rate_limit_exceeded", "invalid_api_key"])
    {
        assert_eq!(ask_of(&other, group).await, '1');
        let error = openai::error_event(kind, "no more");
        a.answer_next(openai::chat_stream("a-model", false).only(3).chunk(error));
        let mut answer = one.open(CHAT, chat_stream(group).to_string()).await;
        let told = read_until(answer.body_mut(), "no more").await;
        assert!(told.contains("Hello"), "{told}");
        drop(answer);
        until_told(&other, group).await;
    }
}

#[tokio::test]
async fn where_redis_decides_on_each_request_the_limit_is_used_to_the_last_by_whoever_asks() {
    let (upstream, redis) = (Upstream::start().await, RedisServer::start(&[]).await);
    // Long enough for a machine that has other things to do; nothing is admitted without having been asked for.
    let strict = ", redis: { strict_within: 1, when_silent: closed }";
    let instances = start_many(5, &yaml(&upstream, 60, &redis, strict)).await;
    let clients: Vec<_> = instances.iter().map(Headworks::client).collect();
    let demand = clients
        .iter()
        .zip([3, 17, 5, 11, 7])
        .map(|(client, requests)| {
            // No two of them are in step.
            let pauses = (0..requests).map(move |n| (n * n * 13 + requests * 29) % 40);
            async move {
                let mut answered = 0;
                for pause in pauses {
                    sleep(Duration::from_millis(pause)).await;
                    answered += usize::from(client.post(CHAT, &chat("gpt-4o")).await.status == 200);
                }
                answered
            }
        });
    let mut answered: usize = join_all(demand).await.into_iter().sum();
    // One that has been idle has all that is left. Whoever was not answered in time was refused, and what was granted to
    // it comes back.
    let refused = bounded(async {
        loop {
            let answer = clients[4].post(CHAT, &chat("gpt-4o")).await;
            match answer.status {
                200 => answered += 1,
                _ if answered == 60 => break answer,
                _ => sleep(Duration::from_millis(5)).await,
            }
        }
    })
    .await;
    assert_eq!((answered, upstream.seen().requests), (60, 60));
    assert_eq!(refused.status, 429);
    // In a while the first of them leave the window.
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((30..=62).contains(&wait), "{wait}");
}

#[tokio::test]
async fn no_client_can_tell_that_redis_hangs_dies_or_comes_back() {
    let (upstream, mut redis) = (Upstream::start().await, RedisServer::start(&[]).await);
    let instances = start_many(2, &yaml(&upstream, 1_000_000, &redis, "")).await;
    let client = instances[0].client();
    let second = Duration::from_secs(1);
    let calm = ask_for(&client, 2, second).await;
    redis.pause();
    let hanging = ask_for(&client, 2, 2 * second).await;
    redis.resume();
    redis.kill();
    let dead = ask_for(&client, 2, 2 * second).await;
    bounded(instances[0].logs("Redis does not answer")).await;
    redis.start_again().await;
    let back = ask_for(&client, 2, 2 * second).await;
    for (answered, refused) in [calm, hanging, dead, back] {
        assert_eq!(refused, 0);
        assert!(answered > 0);
    }
    let ready = client.get("/health/readiness").await;
    assert_eq!(ready.status, 200);
}

#[tokio::test]
async fn it_starts_without_redis_and_says_so() {
    let (upstream, mut redis) = (Upstream::start().await, RedisServer::start(&[]).await);
    redis.kill();
    let instance = Headworks::start(&yaml(&upstream, 10, &redis, "")).await;
    bounded(instance.logs("Redis does not answer: the connection is refused")).await;
    let (answered, _) = ask_for(&instance.client(), 2, Duration::from_secs(1)).await;
    assert_eq!(answered, 5, "a half, as long as it knows of nobody");
    // Redis comes up later, and is used.
    redis.start_again().await;
    until_shared(&instance).await;
    let (more, _) = ask_for(&instance.client(), 2, Duration::from_secs(3)).await;
    assert_eq!(more, 5, "the rest of it");
}

#[tokio::test]
async fn one_that_is_told_to_end_leaves_all_of_the_limits_to_the_other_at_once() {
    let (upstream, redis) = (Upstream::start().await, RedisServer::start(&[]).await);
    let deployments = [("few", "rpm: 4"), ("narrow", "max_parallel_requests: 2")]
        .map(|(group, limit)| config::with(group, group, &upstream.base_url(), limit));
    let rest = format!(
        "router_settings: {{ redis_url: \"{}\", num_retries: 0 }}\nheadworks: {{ limits: enforce }}",
        redis.url()
    );
    let mut instances = start_many(2, &config::of(&deployments, &rest)).await;
    // Each holds a request of the one and a slot of the other in advance.
    let ends = instances.remove(0);
    ends.terminate().await;
    assert!(ends.ended().await.success());
    let client = instances[0].client();
    let (answered, _) = ask_group(&client, "few", 1, Duration::from_secs(1)).await;
    assert_eq!(answered, 4);

    let end = Gate::new();
    upstream.answer(openai::chat("m").hold_head(&end));
    let ask = async || {
        while client.post(CHAT, &chat("narrow")).await.status != 200 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let at_once = async {
        // The slots of one that crashes are kept for ten seconds.
        let within = Duration::from_secs(5);
        let both = upstream.wait_for(within, |seen| seen.in_flight == 2).await;
        both.unwrap();
        end.open();
    };
    bounded(async { tokio::join!(ask(), ask(), at_once) }).await;
}
