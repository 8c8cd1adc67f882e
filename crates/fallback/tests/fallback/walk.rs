//! Which groups are asked, after which answers.

use crate::groups::{Step, request, stack, status, understood};
use headworks_core::{Answer, BoxError, Group, Outcome};
use headworks_fallback::{Fallback, FallbackLayer, Fallbacks, FallbacksBuilder, FellBack};
use http::{Request, Response, StatusCode};
use std::convert::Infallible;
use tower::{ServiceBuilder, ServiceExt, service_fn};

fn table() -> FallbacksBuilder {
    Fallbacks::builder()
        .general("a", ["b", "c"])
        .context_window("a", ["large"])
        .content_policy("a", ["lenient"])
}

/// Who was asked for a request for "a" that fails there like this, and nowhere else.
async fn asked(first: Step) -> Vec<String> {
    let (stack, seen) = stack(table(), move |group| match group {
        "a" => first.clone(),
        _ => status(200),
    });
    drop(stack.oneshot(request("a").0).await);
    seen.groups()
}

#[tokio::test(start_paused = true)]
async fn a_success_is_handed_on_as_it_is() {
    let (stack, seen) = stack(table(), |_| status(200));
    let response = stack.oneshot(request("a").0).await.unwrap();
    assert_eq!(seen.groups(), ["a"]);
    assert!(response.extensions().get::<FellBack>().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_may_succeed_elsewhere_goes_to_the_general_list() {
    for code in [401, 403, 408, 429, 500, 502, 503, 504, 529] {
        assert_eq!(asked(status(code)).await, ["a", "b"], "{code}");
    }
    for step in [Step::Error, Step::Refusal, Step::Unknown] {
        assert_eq!(asked(step.clone()).await, ["a", "b"], "{step:?}");
    }
    for outcome in [Outcome::Misconfigured, Outcome::Unsuitable] {
        assert_eq!(asked(understood(outcome)).await, ["a", "b"], "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn context_and_content_go_to_their_own_lists() {
    assert_eq!(
        asked(understood(Outcome::ContextTooLong)).await,
        ["a", "large"]
    );
    assert_eq!(
        asked(understood(Outcome::ContentRefused)).await,
        ["a", "lenient"]
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_list_of_their_own_they_are_handed_on() {
    for outcome in [Outcome::ContextTooLong, Outcome::ContentRefused] {
        let table = Fallbacks::builder().general("a", ["b"]).general("*", ["c"]);
        let (stack, seen) = stack(table, move |_| understood(outcome));
        let response = stack.oneshot(request("a").0).await.unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(seen.groups(), ["a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_callers_fault_and_a_client_that_left_are_handed_on() {
    for code in [400, 404, 413, 422, 499] {
        assert_eq!(asked(status(code)).await, ["a"], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_callers_fault_further_on_ends_it_too() {
    let (stack, seen) = stack(table(), |group| match group {
        "a" => status(500),
        _ => status(422),
    });
    let response = stack.oneshot(request("a").0).await.unwrap();
    assert_eq!(seen.groups(), ["a", "b"]);
    assert_eq!(response.status(), 500);
}

#[tokio::test(start_paused = true)]
async fn each_failure_on_the_way_picks_its_own_list() {
    let table = Fallbacks::builder()
        .general("a", ["b", "c"])
        .context_window("b", ["large"])
        .general("large", ["larger"]);
    let (stack, seen) = stack(table, |group| match group {
        "b" => understood(Outcome::ContextTooLong),
        "c" => status(200),
        _ => status(500),
    });
    let response = stack.oneshot(request("a").0).await.unwrap();
    assert_eq!(seen.groups(), ["a", "b", "large", "larger", "c"]);
    let record: &FellBack = response.extensions().get().unwrap();
    assert_eq!((&*record.from, &*record.to, record.hops), ("a", "c", 4));
    assert_eq!(
        (record.why, record.unknown_group),
        (Outcome::ServerFault, false)
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_that_nobody_knows_goes_to_those_for_every_other_and_the_answer_says_so() {
    let rule = |group: &str| match group {
        "gpt-4oo" => Step::Unknown,
        _ => status(200),
    };
    let (with_default, _) = stack(table().general("*", ["c"]), rule);
    let response = with_default.oneshot(request("gpt-4oo").0).await.unwrap();
    let record: &FellBack = response.extensions().get().unwrap();
    assert!(record.unknown_group);
    assert_eq!((&*record.from, &*record.to), ("gpt-4oo", "c"));

    let (without, seen) = stack(table(), rule);
    let error = without.oneshot(request("gpt-4oo").0).await.err().unwrap();
    assert!(error.is::<headworks_core::UnknownGroup>());
    assert_eq!(seen.groups(), ["gpt-4oo"]);
}

#[tokio::test(start_paused = true)]
async fn no_more_groups_are_asked_than_allowed_and_the_ledger_knows_how_many() {
    let names = ["b", "c", "d", "e", "f", "g", "h"];
    for (builder, most) in [
        (Fallbacks::builder(), 5),
        (Fallbacks::builder().max(2), 2),
        (Fallbacks::builder().max(99), 7),
        (Fallbacks::builder().max(0), 0),
    ] {
        let (stack, seen) = stack(builder.general("a", names), |_| status(500));
        let (request, ledger) = request("a");
        assert_eq!(stack.oneshot(request).await.unwrap().status(), 500);
        assert_eq!(seen.groups().len(), 1 + most);
        assert_eq!(ledger.fallbacks() as usize, most);
        assert_eq!(ledger.left(), 9, "that is for retries");
    }
}

#[tokio::test(start_paused = true)]
async fn a_classifier_of_ones_own_decides_what_is_a_failure() -> Result<(), BoxError> {
    let fallbacks = Fallbacks::builder().general("a", ["b"]);
    let layer = FallbackLayer::new(fallbacks.build(|name| Some(name.into()))?);
    let teapots_are_full = |answer: Answer<'_>| match answer {
        Answer::Head { status, .. } if status == StatusCode::IM_A_TEAPOT => {
            Outcome::Capacity.into()
        }
        _ => Outcome::Success.into(),
    };
    let stack = ServiceBuilder::new()
        .layer(layer.classifier(teapots_are_full))
        .service(service_fn(async |request: Request<&'static str>| {
            let first = request.extensions().get::<Group>() == Some(&"a".into());
            let mut response = Response::new(String::new());
            *response.status_mut() = match first {
                true => StatusCode::IM_A_TEAPOT,
                false => StatusCode::BAD_GATEWAY,
            };
            Ok::<_, Infallible>(response)
        }));
    let response = stack.oneshot(request("a").0).await?;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_of_its_own_making_needs_no_layer() {
    let (stack, seen) = stack(table(), |_| status(200));
    let mut fallback = Fallback::new(
        stack.into_inner(),
        Fallbacks::default(),
        headworks_core::StatusClassifier::default(),
    );
    assert!(
        fallback
            .get_mut()
            .clone()
            .oneshot(request("b").0)
            .await
            .is_ok()
    );
    assert!(fallback.oneshot(request("a").0).await.is_ok());
    assert_eq!(seen.groups(), ["b", "a"]);
}
