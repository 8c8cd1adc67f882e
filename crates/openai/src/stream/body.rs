use super::{follower::Follower, parting::Parting};
use bytes::Bytes;
use headworks_core::BoxError;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Response body of [`Commit`](super::Commit): the one within as it came, or a stream that is followed to its
/// end.
///
/// # Panics
///
/// Polled after a failure, outside a tokio runtime with its clock: a reader that keeps what it was given, so
/// that nobody can tell whether it was sent, is waited for a little.
#[pin_project]
#[derive(Debug)]
pub struct CommitBody<R>(#[pin] Kind<R>);

#[pin_project(project = KindProj)]
#[derive(Debug)]
enum Kind<R> {
    Passed(#[pin] R),
    /// As it came too, but for its first bytes, which were looked at.
    Begun {
        first: Option<Bytes>,
        /// `None` if the first were all.
        rest: Option<Pin<Box<R>>>,
        trailers: Option<HeaderMap>,
    },
    Followed(Stream<R>),
    /// An error that came as an event.
    Own(#[pin] Full<Bytes>),
}

/// A stream that has been handed on.
#[derive(Debug)]
struct Stream<R> {
    follower: Box<Follower>,
    /// The body within, until its end.
    rest: Option<Pin<Box<R>>>,
    trailers: Option<HeaderMap>,
    parting: Parting,
}

// ===== impl CommitBody =====

impl<R> CommitBody<R> {
    pub(super) const fn passed(body: R) -> Self {
        Self(Kind::Passed(body))
    }

    pub(super) const fn begun(
        first: Bytes,
        rest: Option<Pin<Box<R>>>,
        trailers: Option<HeaderMap>,
    ) -> Self {
        Self(Kind::Begun {
            first: Some(first),
            rest,
            trailers,
        })
    }

    pub(super) fn followed(
        follower: Box<Follower>,
        rest: Option<Pin<Box<R>>>,
        trailers: Option<HeaderMap>,
    ) -> Self {
        Self(Kind::Followed(Stream {
            follower,
            rest,
            trailers,
            parting: Parting::default(),
        }))
    }

    pub(super) fn own(json: Bytes) -> Self {
        Self(Kind::Own(Full::new(json)))
    }
}

impl<R> Body for CommitBody<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().0.project() {
            KindProj::Passed(body) => body.poll_frame(cx).map_err(Into::into),
            KindProj::Begun {
                first,
                rest,
                trailers,
            } => match (first.take(), rest) {
                (Some(first), _) => Poll::Ready(Some(Ok(Frame::data(first)))),
                (None, Some(rest)) => rest.as_mut().poll_frame(cx).map_err(Into::into),
                (None, None) => Poll::Ready(trailers.take().map(|t| Ok(Frame::trailers(t)))),
            },
            KindProj::Followed(stream) => stream.poll_frame(cx),
            KindProj::Own(body) => body.poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Passed(body) => body.is_end_stream(),
            Kind::Begun {
                first,
                rest,
                trailers,
            } => {
                let rest_is_over = rest.as_ref().is_none_or(Body::is_end_stream);
                first.is_none() && rest_is_over && trailers.is_none()
            }
            Kind::Followed(stream) => stream.is_over(),
            Kind::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Passed(body) => body.size_hint(),
            Kind::Begun { first, rest, .. } => {
                let first = first.as_ref().map_or(0, |first| first.len() as u64);
                let nothing = SizeHint::with_exact(0);
                let rest = rest.as_ref().map_or(nothing, Body::size_hint);
                let mut hint = SizeHint::new();
                hint.set_lower(first + rest.lower());
                if let Some(upper) = rest.upper() {
                    hint.set_upper(first + upper);
                }
                hint
            }
            Kind::Followed(stream) => {
                let mut hint = SizeHint::new();
                hint.set_lower(stream.follower.queued());
                hint
            }
            Kind::Own(body) => body.size_hint(),
        }
    }
}

// ===== impl Stream =====

impl<R> Stream<R> {
    /// True once nothing follows, not even an error.
    fn is_over(&self) -> bool {
        matches!(self.follower.ending(), Some(Ok(())))
            && self.follower.queued() == 0
            && self.trailers.is_none()
    }
}

impl<R> Stream<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if self.follower.ending().is_some() {
                self.rest = None;
            }
            if let Some(mut bytes) = self.follower.next() {
                if self.follower.ends_in_error() && self.follower.queued() == 0 {
                    bytes = self.parting.last(bytes);
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            match self.follower.ending() {
                Some(Ok(())) => {
                    return Poll::Ready(self.trailers.take().map(|t| Ok(Frame::trailers(t))));
                }
                Some(Err(_)) => {
                    ready!(self.parting.poll(cx));
                    self.trailers = None;
                    let error = self.follower.take_error();
                    return Poll::Ready(error.map(|error| Err(error.into())));
                }
                None => ready!(self.poll_rest(cx)),
            }
        }
    }

    /// Tells the follower what comes next.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let frame = match &mut self.rest {
            Some(rest) => ready!(rest.as_mut().poll_frame(cx)),
            None => None,
        };
        match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => self.follower.push(data),
            Some(Ok(Err(last))) => {
                self.trailers = last.into_trailers().ok();
                self.follower.end();
            }
            Some(Err(error)) => self.follower.break_off(error.into()),
            None => self.follower.end(),
        }
        Poll::Ready(())
    }
}
