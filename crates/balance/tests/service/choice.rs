//! Who is asked.

use crate::*;
use headworks_balance::{MissingGroup, Pinned, Session};
use headworks_core::{Reason, UnknownGroup, Why};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio_test::assert_ready;

#[tokio::test]
async fn a_retry_goes_somewhere_new_then_where_there_is_hope_then_nowhere() {
    for strategy in strategies() {
        let endpoints = [("a", 503), ("b", 400), ("c", 503)];
        let endpoints = endpoints.map(|(id, code)| Endpoint::new(id, status(code)));
        let mut balance = Balance::new("g", &strategy, endpoints);
        let attempts = Attempts::new(9);
        let mut ids = Vec::new();
        for _ in 0..9 {
            let response = balance.call(request(&attempts)).await.unwrap();
            ids.push(response.extensions().get::<DeploymentId>().unwrap().clone());
        }
        let again = ids.split_off(3);
        ids.sort();
        assert_eq!(ids, ["a", "b", "c"].map(DeploymentId::from), "{strategy:?}");
        assert!(again.iter().all(|id| **id != *"b"), "{strategy:?}");
    }

    let mut balance = Balance::new("g", &Strategy::LeastBusy, [Endpoint::new("a", status(400))]);
    let attempts = Attempts::new(1);
    assert!(balance.call(request(&attempts)).await.is_ok());
    let error = balance.call(request(&attempts)).await.unwrap_err();
    assert_eq!(refusal(&error).candidates(), [("a".into(), Reason::Tried)]);
}

#[tokio::test]
async fn a_group_of_nobody_refuses_at_once() {
    for strategy in strategies() {
        let mut balance = Balance::new("g", &strategy, [])
            .classifier(|_: headworks_core::Answer<'_>| Outcome::Success.into());
        balance.registry().insert(Endpoint::new("a", status(200)));
        balance.registry().remove("a");
        let mut future = task::spawn(balance.call(Request::new(())));
        let error = assert_ready_err!(future.poll());
        assert!(refusal(&error).candidates().is_empty());
        assert_eq!(**refusal(&error).group(), *"g");
    }
}

#[tokio::test]
async fn whoever_takes_nothing_is_passed_over_with_its_reason() {
    for strategy in strategies() {
        let open = Arc::new(AtomicBool::new(true));
        let gate = {
            let open = open.clone();
            move || match open.load(Ordering::Relaxed) {
                true => Ok(()),
                false => Err(Reason::Resting(Duration::from_secs(7))),
            }
        };
        let endpoints = [
            Endpoint::new("a", status(200)).gate(gate),
            Endpoint::new("b", status(200)).max_in_flight(0),
            Endpoint::new("c", status(200)).order(1).max_in_flight(0),
        ];
        let mut balance = Balance::new("g", &strategy, endpoints);
        let attempts = Attempts::new(9);
        assert!(balance.call(request(&attempts)).await.is_ok());
        let passed_over = attempts.passed_over();
        let mut reasons: Vec<_> = passed_over
            .iter()
            .map(|p| (&*p.deployment, p.reason))
            .collect();
        reasons.sort_by_key(|(id, _)| *id);
        assert_eq!(reasons, [("b", Reason::Full), ("c", Reason::OtherTier)]);
        assert_eq!(attempts.others(), 0);

        open.store(false, Ordering::Relaxed);
        let error = balance.call(Request::new(())).await.unwrap_err();
        let expected = [
            ("a".into(), Reason::Resting(Duration::from_secs(7))),
            ("b".into(), Reason::Full),
            ("c".into(), Reason::Full),
        ];
        assert_eq!(refusal(&error).candidates(), expected);
        assert_eq!(refusal(&error).retry_after(), Some(Duration::from_secs(7)));
    }
}

#[tokio::test]
async fn the_ledger_knows_who_was_chosen_why_and_how_many_others_there_were() {
    for (strategy, why) in strategies().into_iter().zip(WHY) {
        let endpoints = ["a", "b", "c"].map(|id| Endpoint::new(id, status(200)));
        let mut balance = Balance::new("g", &strategy, endpoints);
        let attempts = Attempts::new(0);
        let mut request = request(&attempts);
        request.extensions_mut().insert(Session::new(b"me", b"1"));
        assert!(balance.call(request).await.is_ok());
        let attempt = &attempts.attempts()[0];
        assert_eq!((attempt.why.as_str(), &*attempt.group), (why, "g"));
        assert_eq!(attempts.others(), 2);
    }
}

#[tokio::test]
async fn the_lowest_tier_with_a_candidate_is_asked_and_those_without_an_order_last() {
    for strategy in strategies() {
        let endpoints = [
            Endpoint::new("last", status(503)),
            Endpoint::new("second", status(503)).order(2),
            Endpoint::new("first", status(503)).order(1),
        ];
        let mut balance = Balance::new("g", &strategy, endpoints);
        let attempts = Attempts::new(9);
        for (id, others) in [("first", 2), ("second", 1), ("last", 0), ("first", 0)] {
            let response = balance.call(request(&attempts)).await.unwrap();
            assert_eq!(response.extensions().get(), Some(&DeploymentId::from(id)));
            assert_eq!(attempts.others(), others, "it has somewhere new to go");
        }
    }
}

#[tokio::test]
async fn a_strategy_of_the_users_own_chooses_and_may_decline() {
    let picker = |candidates: &headworks_balance::Candidates<'_>| {
        let wanted = candidates.headers().get("x-place")?.to_str().ok()?;
        candidates.members().place(wanted)
    };
    let endpoints = [
        Endpoint::new("a", status(200)),
        Endpoint::new("b", status(200)),
        Endpoint::new("full", status(200)).max_in_flight(0),
    ];
    let mut balance = Balance::new("g", &Strategy::picker(picker), endpoints);
    let mut ask = |place: &str| {
        let request = Request::builder()
            .header("x-place", place)
            .body(())
            .unwrap();
        assert_ready!(task::spawn(balance.call(request)).poll())
    };
    let response = ask("b").unwrap();
    assert_eq!(response.extensions().get(), Some(&DeploymentId::from("b")));
    for nowhere in ["full", "nowhere"] {
        let error = ask(nowhere).unwrap_err();
        let reasons = refusal(&error)
            .candidates()
            .iter()
            .map(|(_, reason)| *reason);
        assert!(reasons.eq([Reason::Declined, Reason::Declined, Reason::Full]));
    }
}

#[tokio::test]
async fn groups_steer_by_the_group_of_the_request() {
    let balance = |group: &str, code| {
        let endpoint = Endpoint::new(group, status(code));
        let group = Group::from(group);
        (
            group.clone(),
            Balance::new(group, &Strategy::RoundRobin, [endpoint]),
        )
    };
    let mut groups: Groups<_> = [balance("small", 200), balance("large", 201)]
        .into_iter()
        .collect();
    let mut ask = |group: Option<&str>| {
        let mut request = Request::new(());
        if let Some(group) = group {
            request.extensions_mut().insert(Group::from(group));
        }
        assert_ready!(task::spawn(groups.call(request)).poll())
    };
    assert_eq!(ask(Some("small")).unwrap().status(), 200);
    assert_eq!(ask(Some("large")).unwrap().status(), 201);
    let unknown = ask(Some("medium")).unwrap_err();
    assert_eq!(
        unknown.downcast_ref(),
        Some(&UnknownGroup::new("medium".into()))
    );
    assert!(ask(None).unwrap_err().is::<MissingGroup>());
}

#[tokio::test]
async fn a_pinned_request_goes_where_it_belongs_while_that_may_take_it() {
    let mut balance = Balance::new(
        "g",
        &Strategy::RoundRobin,
        [
            Endpoint::new("first", status(200)).order(1),
            Endpoint::new("second", status(200)).order(2),
        ],
    );
    let mut to = async |pinned: &str, attempts: &Attempts| {
        let mut request = request(attempts);
        request.extensions_mut().insert(Pinned(pinned.into()));
        let response = balance.ready().await.unwrap().call(request).await.unwrap();
        let id = response.extensions().get::<DeploymentId>().unwrap().clone();
        (id, attempts.attempts().last().unwrap().why)
    };
    let attempts = Attempts::new(1);
    assert_eq!(
        to("second", &attempts).await,
        ("second".into(), Pinned::WHY)
    );
    // It has been there.
    assert_eq!(
        to("second", &attempts).await,
        ("first".into(), Why::new("round robin"))
    );
    assert_eq!(
        to("nobody", &Attempts::new(0)).await.0,
        DeploymentId::from("first")
    );
}
