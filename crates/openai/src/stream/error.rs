use crate::ErrorObject;
use headworks_core::{BoxError, Elapsed};
use http::StatusCode;
use std::{error::Error, fmt};

/// An answer with a good head that did not hold what it promised.
///
/// By itself it is nothing that [`Verdict::of_error`](headworks_core::Verdict::of_error) knows, which makes it
/// what it is, a failure of transport; unless its source says more: a clock that ran out, or, where the provider
/// failed in the stream ([`InBand`](StreamErrorKind::InBand)), the [`Judged`](headworks_core::Judged) error
/// that its event told of.
#[derive(Debug)]
pub struct StreamError {
    kind: StreamErrorKind,
    source: Option<BoxError>,
}

/// In which way a stream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamErrorKind {
    /// It ended, or broke, before the answer was finished.
    Cut,
    /// It ended before it had said anything.
    Empty,
    /// The provider said in the stream that it failed.
    InBand,
    /// An event was no JSON, or no UTF-8.
    Malformed,
}

// ===== impl StreamError =====

impl StreamError {
    pub(super) const fn new(kind: StreamErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// What broke the stream.
    pub(super) fn broken(kind: StreamErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// In which way it failed.
    #[must_use]
    pub const fn kind(&self) -> StreamErrorKind {
        self.kind
    }

    /// The same, as a client is told. The source stays out of it: it may name addresses.
    pub(super) fn to_object(&self) -> (StatusCode, ErrorObject) {
        if let Some(elapsed) = self.elapsed() {
            let message = format!("the answer stopped in mid-stream: {elapsed}");
            let error = ErrorObject::new("timeout_error", message).with_code("stream_stalled");
            return (StatusCode::REQUEST_TIMEOUT, error);
        }
        let error = ErrorObject::new("server_error", self.kind.message());
        (StatusCode::BAD_GATEWAY, error.with_code(self.kind.as_str()))
    }

    /// The clock that ended it by running out, if one did.
    #[must_use]
    pub fn elapsed(&self) -> Option<&Elapsed> {
        let mut cause: Option<&(dyn Error + 'static)> = self.source();
        while let Some(error) = cause {
            if let Some(elapsed) = error.downcast_ref() {
                return Some(elapsed);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.message())
    }
}

impl Error for StreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

// ===== impl StreamErrorKind =====

impl StreamErrorKind {
    /// The word for it in error events, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "stream_cut",
            Self::Empty => "stream_empty",
            Self::InBand => "stream_error",
            Self::Malformed => "stream_malformed",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Cut => "the answer was cut off before it was finished",
            Self::Empty => "the answer was empty",
            Self::InBand => "the provider failed in mid-stream",
            Self::Malformed => "the provider sent an event that cannot be read",
        }
    }
}
