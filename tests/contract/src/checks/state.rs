use super::answers;
use crate::{Inner, Subject};
use std::fmt::Debug;

/// Two services of one layer count together: `observe` sees the same after four requests through one as
/// after two through each of two, and something else than on a layer that has seen none.
pub async fn state_is_shared<L, T>(make: impl Fn() -> L, observe: impl Fn(&L) -> T)
where
    L: Subject<Inner>,
    T: PartialEq + Debug,
{
    let untouched = make();
    drop(untouched.layer(Inner::good()));

    let one = make();
    let mut service = one.layer(Inner::good());
    for _ in 0..4 {
        answers(&mut service).await;
    }

    let two = make();
    let (mut first, mut second) = (two.layer(Inner::good()), two.layer(Inner::good()));
    for _ in 0..2 {
        answers(&mut first).await;
        answers(&mut second).await;
    }

    let (none, all) = (observe(&untouched), observe(&one));
    assert_ne!(none, all, "nothing was counted");
    assert_eq!(all, observe(&two), "each service counts for itself");
}
