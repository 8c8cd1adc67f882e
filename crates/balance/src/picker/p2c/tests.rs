use super::*;
use crate::{
    Endpoint, Member, Registry,
    picker::test_util::{open, picks, request, shut, weighted},
};
use std::{collections::HashSet, time::Duration};

fn by_weight(member: &Member) -> f64 {
    member.params().weight.unwrap_or_default()
}

#[test]
fn of_two_the_lesser_load_is_chosen() {
    let p2c = P2c::seeded(by_weight, 1);
    let group = weighted(&[3.0, 1.0]);
    assert_eq!(picks(&p2c, &group, &request(&[]), 100), [0, 100]);
}

#[test]
fn equal_loads_are_chosen_alike() {
    let p2c = P2c::seeded(|_: &Member| 0.0, 1);
    let counts = picks(&p2c, &weighted(&[0.0; 10]), &request(&[]), 100_000);
    crate::picker::test_util::chi_squared_fits(&counts, &[1.0; 10]);
}

#[test]
fn the_heaviest_load_is_never_chosen_and_the_lightest_most() {
    let p2c = P2c::seeded(by_weight, 1);
    let counts = picks(&p2c, &weighted(&[0.0, 1.0, 2.0]), &request(&[]), 30_000);
    assert_eq!(counts[2], 0);
    // The lightest is in two of three pairs.
    crate::picker::test_util::chi_squared_fits(&counts, &[2.0, 1.0, 0.0]);
}

#[test]
fn nobody_is_chosen_from_nobody_at_once() {
    let p2c = P2c::seeded(LeastBusy, 1);
    assert_eq!(p2c.pick(&weighted(&[]).candidates(&request(&[]))), None);
    let group = weighted(&[1.0; 3]);
    (0..3).for_each(|place| shut(&group, place));
    assert_eq!(p2c.pick(&group.candidates(&request(&[]))), None);
    assert_eq!(p2c.pick(&group.candidates(&request(&["0"]))), None);
}

#[test]
fn whoever_takes_no_requests_leaves_and_is_back_with_the_next_choice() {
    let p2c = P2c::seeded(|_: &Member| 0.0, 1);
    let group = weighted(&[1.0; 3]);
    let request = request(&[]);
    for round in 0..100 {
        let out = round % 3;
        shut(&group, out);
        assert_eq!(picks(&p2c, &group, &request, 50)[out], 0);
        (0..3)
            .filter(|place| *place != out)
            .for_each(|place| shut(&group, place));
        assert_eq!(p2c.pick(&group.candidates(&request)), None);
        open(&group, out);
        assert_eq!(p2c.pick(&group.candidates(&request)), Some(out));
        (0..3)
            .filter(|place| *place != out)
            .for_each(|place| open(&group, place));
        assert!(
            picks(&p2c, &group, &request, 100)
                .iter()
                .all(|count| *count > 0)
        );
    }
}

#[test]
fn one_that_is_back_among_many_that_rest_is_found() {
    let p2c = P2c::seeded(LeastBusy, 1);
    let group = weighted(&[1.0; 1000]);
    let request = request(&[]);
    (0..1000).for_each(|place| shut(&group, place));
    assert_eq!(p2c.pick(&group.candidates(&request)), None);
    open(&group, 777);
    assert_eq!(p2c.pick(&group.candidates(&request)), Some(777));
    // While somebody takes requests, the others are looked at a few at a time.
    open(&group, 333);
    let found: HashSet<_> = (0..1000)
        .map(|_| p2c.pick(&group.candidates(&request)))
        .collect();
    assert_eq!(found, HashSet::from([Some(333), Some(777)]));
}

#[test]
fn a_request_does_not_go_where_it_was_tried() {
    let p2c = P2c::seeded(by_weight, 1);
    let group = weighted(&[0.0, 1.0, 2.0, 3.0]);
    // The lightest is out: the next is in two of the three pairs left.
    let counts = picks(&p2c, &group, &request(&["0"]), 3_000);
    assert_eq!((counts[0], counts[3]), (0, 0));
    crate::picker::test_util::chi_squared_fits(&counts, &[0.0, 2.0, 1.0, 0.0]);
    assert_eq!(
        picks(&p2c, &group, &request(&["0", "1", "2"]), 10),
        [0, 0, 0, 10]
    );
}

#[test]
fn two_are_drawn_evenly_from_a_thousand_of_which_few_are_left() {
    let p2c = P2c::seeded(|_: &Member| 0.0, 1);
    let group = weighted(&[1.0; 1000]);
    (0..997).for_each(|place| shut(&group, place));
    let counts = picks(&p2c, &group, &request(&["0"]), 3_000);
    crate::picker::test_util::chi_squared_fits(&counts[997..], &[1.0; 3]);
}

#[test]
fn it_follows_the_group() {
    let p2c = P2c::seeded(LeastBusy, 1);
    let registry: Registry<()> = Registry::new();
    let ids = |n: usize| {
        let snapshot = registry.snapshot();
        let members = snapshot.members();
        let request = request(&[]);
        let pick = |_| p2c.pick(&members.candidates(&request));
        let places = (0..n).filter_map(pick);
        places
            .map(|place| members.list()[place].id().as_str().to_owned())
            .collect::<HashSet<_>>()
    };
    let set = |ids: &[&str]| {
        ids.iter()
            .map(|id| (*id).to_owned())
            .collect::<HashSet<_>>()
    };
    assert_eq!(ids(10), set(&[]));
    let endpoint = |id: &str| Endpoint::new(id, ()).slow_start(Duration::ZERO);
    registry.insert(endpoint("a"));
    registry.insert(endpoint("b"));
    assert_eq!(ids(100), set(&["a", "b"]));
    registry.remove("a");
    registry.insert(endpoint("c"));
    assert_eq!(ids(100), set(&["b", "c"]));
    // Replaced by one that takes nothing, and back.
    registry.insert(endpoint("b").max_in_flight(0));
    assert_eq!(ids(100), set(&["c"]));
    registry.insert(endpoint("b"));
    assert_eq!(ids(100), set(&["b", "c"]));
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_is_not_flooded() {
    // Each request takes far longer than the ramp: ten members have forty each when one joins.
    let ids =
        (0..10).map(|n: u8| Endpoint::new(n.to_string(), ()).slow_start(Duration::from_secs(5)));
    let registry: Registry<()> = ids.collect();
    let p2c = P2c::seeded(LeastBusy, 1);
    let send = || {
        let snapshot = registry.snapshot();
        let place = p2c
            .pick(&snapshot.members().candidates(&request(&[])))
            .unwrap();
        assert!(snapshot.members().list()[place].state().try_begin(None));
        place
    };
    assert_eq!((0..400).filter(|_| send() < 10).count(), 400);
    registry.insert(Endpoint::new("new", ()));
    let mut counts = Vec::new();
    for _ in 0..7 {
        counts.push((0..100).filter(|_| send() == 10).count());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // Its fair share is nine of a hundred; without a slow start it would take eighteen at once.
    assert!(counts[0] < 9, "{counts:?}");
    assert!(
        counts.iter().take(4).all(|count| *count <= 18),
        "{counts:?}"
    );
    let load = registry.snapshot().members().list()[10].state().in_flight();
    assert!(
        (70..=110).contains(&load),
        "it has its share in the end: {load}, {counts:?}"
    );
}
