//! What the client gets when no group answers.

use crate::groups::{Step, reply, request, stack, status};
use bytes::Bytes;
use headworks_core::{Outcome, Refusal, UnknownGroup};
use headworks_fallback::{Fallbacks, FallbacksBuilder, FellBack};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceExt;

fn table() -> FallbacksBuilder {
    Fallbacks::builder().general("a", ["b", "c"])
}

/// The status, body and record of what comes of a request for "a", or the error.
async fn outcome(
    rule: impl Fn(&str) -> Step + Send + Sync + 'static,
) -> Result<(u16, String, FellBack), headworks_core::BoxError> {
    let (stack, seen) = stack(table(), rule);
    let response = stack.oneshot(request("a").0).await?;
    let record: FellBack = response.extensions().get().cloned().unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    assert_eq!(seen.running(), 0);
    Ok((status, String::from_utf8(body.into())?, record))
}

#[tokio::test(start_paused = true)]
async fn it_is_the_first_groups_answer_with_its_body() {
    let (code, body, record) = outcome(|group| match group {
        "a" => status(429),
        "b" => Step::Refusal,
        _ => status(500),
    })
    .await
    .unwrap();
    assert_eq!((code, &*body), (429, "a"));
    assert_eq!((&*record.from, &*record.to, record.hops), ("a", "a", 2));
}

#[tokio::test(start_paused = true)]
async fn it_is_the_first_groups_error_as_well() {
    let error = outcome(|group| match group {
        "a" => Step::Error,
        _ => status(500),
    })
    .await
    .unwrap_err();
    assert_eq!(error.to_string(), "a was reset");

    let error = outcome(|group| match group {
        "a" => Step::Refusal,
        _ => status(500),
    })
    .await
    .unwrap_err();
    let refusal: &Refusal = error.downcast_ref().unwrap();
    assert_eq!(&**refusal.group(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_first_answer_too_large_or_too_late_to_keep_gives_way_to_the_next() {
    let large = reply(500, |reply| reply.body = Bytes::from(vec![b'x'; 100_000]));
    let late = reply(500, |reply| reply.body_after = Duration::from_secs(9));
    for first in [large, late] {
        let rule = move |group: &str| match group {
            "a" => first.clone(),
            "b" => status(502),
            _ => status(503),
        };
        let (code, body, record) = outcome(rule).await.unwrap();
        assert_eq!((code, &*body, &*record.to), (502, "b", "b"));
    }
}

#[tokio::test(start_paused = true)]
async fn where_none_could_be_kept_it_is_the_last() {
    let rule = |_: &str| reply(500, |reply| reply.body = Bytes::from(vec![b'x'; 100_000]));
    let (code, body, record) = outcome(rule).await.unwrap();
    assert_eq!((code, body.len(), &*record.to), (500, 100_000, "c"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_gives_way_to_what_the_others_say() {
    let rule = |code| {
        move |group: &str| match group {
            "a" => Step::Unknown,
            _ => status(code),
        }
    };
    let (code, body, record) = outcome(rule(503)).await.unwrap();
    assert_eq!((code, &*body), (503, "b"));
    assert!(record.unknown_group);
    let error = outcome(|_| Step::Unknown).await.unwrap_err();
    let unknown: &UnknownGroup = error.downcast_ref().unwrap();
    assert_eq!(&**unknown.group(), "a", "what the client asked for");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_read_to_its_end_before_the_next_group_is_asked() {
    let late = |ms| {
        reply(500, move |reply| {
            reply.body_after = Duration::from_millis(ms);
        })
    };
    let (stack, seen) = stack(table(), move |group| match group {
        "a" => late(15),
        "b" => late(60_000),
        _ => status(200),
    });
    let response = stack.oneshot(request("a").0).await.unwrap();
    assert_eq!(response.status(), 200);
    let millis = Duration::from_millis;
    assert_eq!(seen.times(), [millis(0), millis(15), millis(35)]);
    assert_eq!(seen.running(), 1);
    drop(response);
    assert_eq!(seen.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_after_the_deadline() {
    let slow = |_: &str| reply(500, |reply| reply.after = Duration::from_secs(1));
    let (stack, seen) = stack(table(), slow);
    let (request, ledger) = request("a");
    ledger.shorten_deadline(Instant::now() + Duration::from_millis(1500));
    let response = stack.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(seen.groups(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_does_not_come_costs_the_next_group_a_tenth_of_the_time_that_is_left() {
    let withheld = || {
        reply(200, |reply| {
            reply.outcome = Some(Outcome::ContentRefused);
            reply.body_after = Duration::from_secs(60);
        })
    };
    let table = || Fallbacks::builder().content_policy("a", ["b"]);
    for (left, asked_after) in [(None, 1000), (Some(2000), 200), (Some(300), 30)] {
        let (stack, seen) = stack(table(), move |group| match group {
            "a" => withheld(),
            _ => status(200),
        });
        let (request, ledger) = request("a");
        if let Some(left) = left {
            ledger.shorten_deadline(Instant::now() + Duration::from_millis(left));
        }
        let response = stack.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let millis = Duration::from_millis;
        assert_eq!(seen.times(), [millis(0), millis(asked_after)], "{left:?}");
    }
}
