use super::*;
use crate::{FallbackError, Hop};
use proptest::prelude::*;

fn groups<const N: usize>(names: [&str; N]) -> Vec<Group> {
    names.map(Group::from).into()
}

/// Every name is a group.
fn any(name: &str) -> Option<Group> {
    Some(name.into())
}

/// The groups in the order in which they are asked when each fails in the way that `list` is for.
fn order(fallbacks: &Fallbacks, list: List, first: &str) -> Vec<Group> {
    let mut asked = groups([first]);
    while let Some(next) = fallbacks.next(list, &asked) {
        asked.push(next.clone());
    }
    asked
}

#[test]
fn a_target_with_fallbacks_of_its_own_comes_with_them_before_the_list_goes_on() {
    let fallbacks = Fallbacks::builder()
        .general("a", ["b", "c"])
        .general("b", ["d", "e"])
        .general("d", ["f"])
        .build(any)
        .unwrap();
    let expected = groups(["a", "b", "d", "f", "e", "c"]);
    assert_eq!(order(&fallbacks, List::General, "a"), expected);
    assert_eq!(
        order(&fallbacks, List::General, "c"),
        groups(["c"]),
        "nothing leads back"
    );
}

#[test]
fn each_failure_looks_in_the_lists_that_are_for_it_and_in_no_other() {
    let fallbacks = Fallbacks::builder()
        .general("a", ["b"])
        .context_window("a", ["large"])
        .context_window("b", ["larger"])
        .content_policy("b", ["lenient"])
        .build(any)
        .unwrap();
    let next = |list, asked: &[Group]| fallbacks.next(list, asked).map(Group::as_str);
    assert_eq!(next(List::General, &groups(["a"])), Some("b"));
    assert_eq!(next(List::ContextWindow, &groups(["a"])), Some("large"));
    assert_eq!(next(List::ContentPolicy, &groups(["a"])), None);
    let asked = groups(["a", "b"]);
    assert_eq!(next(List::General, &asked), None);
    assert_eq!(next(List::ContextWindow, &asked), Some("larger"));
    assert_eq!(next(List::ContentPolicy, &asked), Some("lenient"));
    let asked = groups(["a", "b", "larger"]);
    assert_eq!(next(List::ContextWindow, &asked), Some("large"));
    assert_eq!(
        next(List::General, &groups(["a", "large"])),
        Some("b"),
        "what was given for one failure is left after another"
    );
}

#[test]
fn a_star_stands_for_the_first_group_without_an_entry_and_for_no_other() {
    let fallbacks = Fallbacks::builder()
        .general("*", ["x", "y"])
        .general("a", ["b"])
        .general("y", ["z"])
        .build(any)
        .unwrap();
    assert_eq!(order(&fallbacks, List::General, "a"), groups(["a", "b"]));
    assert_eq!(
        order(&fallbacks, List::General, "unheard-of"),
        groups(["unheard-of", "x", "y", "z"])
    );
    assert_eq!(
        order(&fallbacks, List::General, "x"),
        groups(["x", "y", "z"]),
        "not to itself"
    );
}

#[test]
fn names_are_resolved_and_of_two_entries_for_one_group_the_first_holds() {
    let resolve = |name: &str| match name {
        "best" => Some("a".into()),
        "other" => Some("b".into()),
        name => any(name),
    };
    let fallbacks = Fallbacks::builder()
        .general("best", ["other"])
        .general("a", ["c"])
        .general("*", ["d"])
        .general("*", ["e"])
        .build(resolve)
        .unwrap();
    assert_eq!(order(&fallbacks, List::General, "a"), groups(["a", "b"]));
    assert_eq!(order(&fallbacks, List::General, "x"), groups(["x", "d"]));
}

#[test]
fn a_circle_within_a_list_is_refused_and_told() {
    let error = Fallbacks::builder()
        .general("start", ["end", "a"])
        .general("a", ["b"])
        .general("b", ["end", "c"])
        .general("c", ["a"])
        .build(any)
        .unwrap_err();
    let chain = groups(["a", "b", "c", "a"]);
    let list = List::General;
    assert_eq!(error, FallbackError::Cycle { list, chain });
    assert_eq!(
        error.to_string(),
        r#"fallbacks run in a circle: "a" -> "b" -> "c" -> "a""#
    );

    let itself = Fallbacks::builder().content_policy("a", ["a"]).build(any);
    assert_eq!(
        itself.unwrap_err().to_string(),
        r#"content_policy_fallbacks run in a circle: "a" -> "a""#
    );
}

#[test]
fn a_circle_over_two_lists_is_walked_once() {
    let fallbacks = Fallbacks::builder()
        .general("a", ["b"])
        .context_window("b", ["a"])
        .build(any)
        .unwrap();
    assert_eq!(
        fallbacks.next(List::ContextWindow, &groups(["a", "b"])),
        None
    );
    assert_eq!(fallbacks.plan(&"a".into()).groups(), groups(["b"]));
}

#[test]
fn a_name_that_leads_nowhere_is_refused_and_told() {
    let known = |name: &str| (name == "a").then(|| name.into());
    let error = Fallbacks::builder()
        .context_window("a", ["gone"])
        .build(known)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"context_window_fallbacks of "a" lead to "gone", which is no group"#
    );
    let error = Fallbacks::builder()
        .general("gone", ["a"])
        .build(known)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"fallbacks are given for "gone", which is no group"#
    );
    assert!(
        Fallbacks::builder()
            .general("*", ["a"])
            .build(known)
            .is_ok()
    );
}

#[test]
fn a_plan_counts_every_group_that_may_be_asked_up_to_the_most() {
    let builder = Fallbacks::builder()
        .general("a", ["b", "c"])
        .context_window("c", ["d"])
        .content_policy("*", ["e"]);
    let fallbacks = builder.clone().build(any).unwrap();
    let plan = fallbacks.plan(&"a".into());
    assert_eq!(plan.groups(), groups(["b", "c", "e", "d"]));
    assert_eq!((plan.fallbacks(), plan.longest(2)), (4, 7));
    let plan = builder.max(2).build(any).unwrap().plan(&"a".into());
    assert_eq!((plan.fallbacks(), plan.longest(2)), (2, 5));
    let plan = Fallbacks::default().plan(&"a".into());
    assert_eq!((plan.fallbacks(), plan.longest(0)), (0, 1));
}

#[test]
fn a_plan_goes_by_what_the_request_brings_and_by_the_tables_where_it_says_nothing() {
    let builder = Fallbacks::builder()
        .general("a", ["b"])
        .context_window("a", ["c"])
        .content_policy("y", ["d"]);
    let fallbacks = builder.build(any).unwrap();
    let plan = |own: OwnFallbacks<()>| fallbacks.plan_with(&"a".into(), &own);
    let hops = |names: &[&str]| names.iter().map(|name| Hop::new(*name)).collect::<Vec<_>>();

    let to = plan(OwnFallbacks::to(hops(&["x", "a", "x", "y"])));
    assert_eq!(to.groups(), groups(["x", "y"]));
    assert_eq!(to.longest(2), 5);
    let general = OwnFallbacks::default().list(List::General, hops(&["y"]));
    assert_eq!(plan(general.clone()).groups(), groups(["y", "c", "d"]));
    assert_eq!(plan(general.max(1)).longest(0), 2);
    let none = plan(OwnFallbacks::disabled());
    assert_eq!((none.groups(), none.longest(2)), (&[][..], 3));
    let bare = plan(OwnFallbacks::default());
    assert_eq!(bare, fallbacks.plan(&"a".into()));
}

proptest! {
    #[test]
    fn what_is_accepted_has_no_circle_and_what_is_refused_has_the_one_that_is_told(
        steps in prop::collection::vec((0_u8..8, prop::collection::vec(0_u8..8, 0..4)), 0..8)
    ) {
        let mut builder = Fallbacks::builder();
        let mut entries = HashMap::new();
        for (from, to) in &steps {
            builder = builder.general(from.to_string(), to.iter().map(u8::to_string));
            entries.entry(*from).or_insert_with(|| to.clone());
        }
        let leads = |from: u8, to: u8| entries.get(&from).is_some_and(|t| t.contains(&to));
        match builder.build(any) {
            Err(FallbackError::Cycle { chain, .. }) => {
                let chain: Vec<u8> = chain.iter().map(|group| group.parse().unwrap()).collect();
                prop_assert!(chain.len() > 1);
                prop_assert_eq!(chain.first(), chain.last());
                for step in chain.windows(2) {
                    prop_assert!(leads(step[0], step[1]));
                }
            }
            Err(error) => prop_assert!(false, "{error}"),
            Ok(_) => for start in 0..8 {
                // Whoever could come back to the start in as many steps as there are groups would have.
                let mut reached = vec![start];
                for _ in 0..8 {
                    reached = (0..8).filter(|to| reached.iter().any(|from| leads(*from, *to))).collect();
                    prop_assert!(!reached.contains(&start));
                }
            }
        }
    }
}
