//! The request bodies that are sent through a layer.

use crate::{OddBody, ScriptedBody};
use bytes::Bytes;
use http_body_util::Full;

/// Bytes: `Clone`, `Default`, `Unpin`.
#[must_use]
pub fn full() -> Full<Bytes> {
    Full::from("full")
}

/// A `String`, which is a body too.
#[must_use]
pub fn text() -> String {
    "text".into()
}

/// Neither `Clone` nor `Default` nor `Unpin`, and fallible.
#[must_use]
pub fn scripted() -> ScriptedBody {
    ScriptedBody::good()
}

/// Data that are not `Bytes`, and an error that is no `Error`.
#[must_use]
pub const fn odd() -> OddBody {
    OddBody::one_frame()
}
