use crate::{Inner, Subject};
use std::fmt::Debug;

/// The layer and its service are `Clone + Send + Sync + 'static`, the future and the body `Send` (all that
/// by [`Subject`]); layer and service are `Debug` besides, and the body is `Sync` since the one within is.
pub fn auto_traits<L>(layer: &L)
where
    L: Subject<Inner, Body: Sync, Wrapped: Debug> + Debug,
{
    let service = layer.layer(Inner::good());
    assert!(!format!("{layer:?} {service:?}").is_empty());
}
