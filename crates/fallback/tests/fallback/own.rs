//! What a request brings itself.

use crate::groups::{Step, request, stack, status, understood};
use headworks_core::Outcome;
use headworks_fallback::{Fallbacks, Hop, List, OwnFallbacks};
use std::time::Duration;
use tower::ServiceExt;

type Own = OwnFallbacks<&'static str>;

/// Who is asked, and with which body, by a request for "a" that brings `own`, if every group does `step`.
async fn asked(own: Own, step: Step) -> (Vec<String>, Vec<&'static str>) {
    let table = Fallbacks::builder().general("a", ["b", "c"]);
    let (stack, seen) = stack(table, move |_| step.clone());
    let (mut request, _) = request("a");
    request.extensions_mut().insert(own);
    drop(stack.oneshot(request).await);
    (seen.groups(), seen.bodies())
}

#[tokio::test(start_paused = true)]
async fn its_own_groups_stand_in_for_the_configured_ones_each_with_its_own_body() {
    let own = OwnFallbacks::to([Hop::new("x").body("ho"), Hop::new("y")]);
    for step in [status(500), understood(Outcome::ContextTooLong)] {
        let (groups, bodies) = asked(own.clone(), step).await;
        assert_eq!(groups, ["a", "x", "y"]);
        assert_eq!(bodies, ["hi", "ho", "hi"]);
    }
    assert_eq!(asked(own, status(400)).await.0, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn the_body_of_the_last_group_is_its_own_too() {
    let own = OwnFallbacks::to([Hop::new("x").body("ho")]);
    assert_eq!(asked(own, status(500)).await.1, ["hi", "ho"]);
}

#[tokio::test(start_paused = true)]
async fn its_own_groups_for_long_prompts_leave_the_rest_as_it_is() {
    let own = Own::default().list(List::ContextWindow, [Hop::new("x").body("ho")]);
    let too_long = understood(Outcome::ContextTooLong);
    assert_eq!(asked(own.clone(), too_long).await.1, ["hi", "ho"]);
    assert_eq!(asked(own, status(500)).await.0, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn it_may_have_none_or_fewer() {
    assert_eq!(asked(Own::disabled(), status(500)).await.0, ["a"]);
    let fewer = Own::default().max(1);
    assert_eq!(asked(fewer, status(500)).await.0, ["a", "b"]);
    assert_eq!(asked(Own::default(), status(500)).await.0, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_of_its_own_that_nobody_knows_is_passed_over() {
    let own = OwnFallbacks::to([Hop::new("x"), Hop::new("y")]);
    assert_eq!(asked(own, Step::Unknown).await.0, ["a", "x", "y"]);
}

#[tokio::test(start_paused = true)]
async fn only_the_last_of_them_may_wait() {
    let table = Fallbacks::builder();
    let (stack, seen) = stack(table, |_| status(500));
    let (mut request, _) = request("a");
    let own = OwnFallbacks::<&str>::to([Hop::new("x"), Hop::new("y")]);
    request.extensions_mut().insert(own);
    drop(stack.oneshot(request).await);
    let never = Some(Duration::ZERO);
    assert_eq!(seen.longest_waits(), [never, never, None]);
}
