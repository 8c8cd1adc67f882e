//! With the real retry within: a plan of a known length, and no wait while there is somewhere to go.

use crate::groups::{Groups, Seen, Step, reply, request, status, understood};
use headworks_core::{Attempts, Outcome};
use headworks_fallback::{
    FallbackLayer, Fallbacks, FallbacksBuilder, FellBack, Hop, List, OwnFallbacks,
};
use headworks_retry::{RetryLayer, RetryPolicy};
use http::Response;
use proptest::prelude::*;
use std::{sync::Arc, time::Duration};
use tower::{ServiceBuilder, ServiceExt};

/// What comes of a request for "0" that may be tried again as often, where each attempt has so many others.
async fn ask(
    fallbacks: &Fallbacks,
    num_retries: u32,
    own: Option<OwnFallbacks<&'static str>>,
    rule: impl Fn(&str) -> Step + Send + Sync + 'static,
    others: impl Fn() -> usize + Send + Sync + 'static,
) -> (Option<Response<()>>, Arc<Seen>, Attempts) {
    let (groups, seen) = Groups::new(move |group| rule(group), others);
    let stack = ServiceBuilder::new()
        .layer(FallbackLayer::new(fallbacks.clone()))
        .layer(RetryLayer::new(RetryPolicy::new(num_retries)))
        .service(groups);
    let (mut request, _) = request("0");
    let ledger = Attempts::new(num_retries);
    request.extensions_mut().insert(ledger.clone());
    if let Some(own) = own {
        request.extensions_mut().insert(own);
    }
    let response = stack.oneshot(request).await.ok();
    (response.map(|response| response.map(drop)), seen, ledger)
}

fn build(builder: FallbacksBuilder) -> Fallbacks {
    builder.build(|name| Some(name.into())).unwrap()
}

#[tokio::test(start_paused = true)]
async fn retries_are_shared_by_all_groups_and_every_group_has_its_attempt() {
    let fallbacks = build(Fallbacks::builder().general("0", ["1", "2"]));
    let (response, seen, ledger) = ask(&fallbacks, 2, None, |_| status(500), || 1).await;
    assert_eq!(response.unwrap().status(), 500);
    assert_eq!(seen.groups(), ["0", "0", "0", "1", "2"]);
    assert_eq!(
        seen.groups().len(),
        fallbacks.plan(&"0".into()).longest(2) as usize
    );
    assert_eq!((ledger.left(), ledger.fallbacks_left()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn what_the_first_group_leaves_of_the_retries_is_for_the_next() {
    let fallbacks = build(Fallbacks::builder().general("0", ["1"]));
    let rule = |group: &str| match group {
        "0" => status(401),
        _ => status(500),
    };
    // Nobody else is there in the first group, and the second is worth a wait.
    let (_, seen, _) = ask(&fallbacks, 2, None, rule, || 0).await;
    assert_eq!(seen.groups(), ["0", "1", "1", "1"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_not_waited_for_while_there_is_another() {
    fn limited(_: &str) -> Step {
        status(429)
    }
    let fallbacks = build(Fallbacks::builder().general("0", ["1"]));
    let (_, seen, _) = ask(&fallbacks, 1, None, limited, || 0).await;
    assert_eq!(seen.groups(), ["0", "1", "1"]);
    let times = seen.times();
    assert_eq!(times[1], Duration::ZERO);
    assert!(times[2] > Duration::ZERO, "{times:?}");

    let enough = build(Fallbacks::builder().general("0", ["1", "2"]).max(1));
    let (_, seen, _) = ask(&enough, 1, None, limited, || 0).await;
    assert_eq!(seen.groups(), ["0", "1", "1"], "the last that may be asked");

    let elsewhere = build(Fallbacks::builder().context_window("0", ["1"]));
    let (_, seen, _) = ask(&elsewhere, 1, None, limited, || 0).await;
    assert_eq!(seen.groups(), ["0", "0"]);
}

#[tokio::test(start_paused = true)]
async fn the_candidates_of_the_first_group_do_not_hurry_the_second() {
    let fallbacks = build(Fallbacks::builder().general("0", ["1"]));
    let rule = |group: &str| match group {
        "0" => status(500),
        _ => Step::Refusal,
    };
    let (response, seen, ledger) = ask(&fallbacks, 1, None, rule, || 3).await;
    assert_eq!(seen.groups(), ["0", "0", "1"]);
    assert_eq!(response.unwrap().status(), 500);
    assert_eq!(ledger.others(), 0);
}

/// An answer of every kind.
fn step(kind: u8) -> Step {
    match kind {
        0 => Step::Error,
        1 => Step::Refusal,
        2 => Step::Unknown,
        3 => status(200),
        4 => reply(503, |reply| reply.body_after = Duration::from_secs(1)),
        _ => understood(Outcome::ALL[usize::from(kind - 5)]),
    }
}

const KINDS: u8 = 5 + Outcome::ALL.len() as u8;

/// For one list: a rank for each group, so that steps lead only upwards, and steps.
fn list() -> impl Strategy<Value = (Vec<u8>, Vec<(u8, u8)>)> {
    let ranks = Just((0..7).collect::<Vec<u8>>()).prop_shuffle();
    (ranks, prop::collection::vec((0_u8..7, 0_u8..7), 0..12))
}

fn entries((ranks, steps): &(Vec<u8>, Vec<(u8, u8)>)) -> Vec<(String, Vec<String>)> {
    let rank = |group: u8| ranks[usize::from(group)];
    (0..7)
        .map(|from| {
            let upwards = |(start, to): &&(u8, u8)| *start == from && rank(*to) > rank(from);
            let targets = steps.iter().filter(upwards);
            (
                from.to_string(),
                targets.map(|(_, to)| to.to_string()).collect(),
            )
        })
        .filter(|(_, targets): &(_, Vec<_>)| !targets.is_empty())
        .collect()
}

proptest! {
    #[test]
    fn no_request_is_longer_than_its_plan(
        general in list(),
        context in list(),
        content in list(),
        rest in prop::collection::vec(0_u8..7, 0..3),
        own in prop::option::of(prop::collection::vec(0_u8..9, 0..9)),
        own_list in 0_usize..3,
        own_for_all: bool,
        own_max in prop::option::of(0_u32..9),
        max in 0_u32..9,
        num_retries in 0_u32..5,
        kinds in prop::collection::vec(0..KINDS, 1..40),
        others in 0_usize..2,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        let mut builder = Fallbacks::builder().max(max);
        for (from, to) in entries(&general) {
            builder = builder.general(from, to);
        }
        for (from, to) in entries(&context) {
            builder = builder.context_window(from, to);
        }
        for (from, to) in entries(&content) {
            builder = builder.content_policy(from, to);
        }
        let fallbacks = build(builder.general("*", rest.iter().map(u8::to_string)));

        let list = [List::General, List::ContextWindow, List::ContentPolicy][own_list];
        let hops = |own: Vec<u8>| own.into_iter().map(|group| Hop::new(group.to_string()));
        let brought = match own {
            None => OwnFallbacks::default(),
            Some(own) if own_for_all => OwnFallbacks::to(hops(own)),
            Some(own) => OwnFallbacks::default().list(list, hops(own)),
        };
        let brought = match own_max {
            Some(max) => brought.max(max),
            None => brought,
        };
        let plan = fallbacks.plan_with(&"0".into(), &brought);
        let (most, longest) = (plan.fallbacks(), plan.longest(num_retries));

        let calls = std::sync::atomic::AtomicUsize::new(0);
        let rule = move |_: &str| {
            let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            step(kinds[call % kinds.len()])
        };
        let (response, seen, ledger) =
            runtime.block_on(ask(&fallbacks, num_retries, Some(brought), rule, move || others));

        let mut groups = seen.groups();
        prop_assert!(groups.len() <= longest as usize, "{groups:?} of {longest}");
        prop_assert!(ledger.fallbacks() <= most);
        prop_assert_eq!(seen.running(), 0);
        groups.dedup();
        let planned = |group: &String| group == "0" || plan.groups().iter().any(|to| to.as_str() == group);
        prop_assert!(groups.iter().all(planned), "{groups:?} of {plan:?}");
        prop_assert_eq!(groups.len(), 1 + ledger.fallbacks() as usize);
        let record = response.as_ref().and_then(|response| response.extensions().get());
        let hops = record.map_or(0, |record: &FellBack| record.hops);
        prop_assert!(response.is_none() || hops == ledger.fallbacks());
        let in_order = groups.clone();
        groups.sort_unstable();
        groups.dedup();
        prop_assert_eq!(groups.len(), in_order.len(), "each group once: {:?}", in_order);
    }
}
