//! An HTTP/2 client that takes nothing of one answer, while it may well take others.
//!
//! [`SendTimeout`](crate::stall::SendTimeout) sees connections. One whose client opens no window for a single stream
//! need not be full, and the body of that stream is not polled again, so that no clock within it can run out. What it
//! holds, a call upstream and what was admitted for it, is let go by a task beside it.

use http::{Request, Response, Version};
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use pin_project::pin_project;
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep_until},
};
use tower::{BoxError, Layer, Service};

/// Lets go of the answers to HTTP/2 requests that are not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnreadLayer {
    longest: Duration,
}

/// A service whose answers over HTTP/2 fail when nobody asks for more of them for too long.
///
/// What counts is the time from a piece that was handed out until the next is asked for. While one is waited for, no
/// clock runs. HTTP/1.1 has one answer a connection at a time, and needs no more than the connection's own clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unread<S> {
    inner: S,
    longest: Duration,
}

#[pin_project]
#[derive(Debug)]
pub(crate) struct ResponseFuture<F> {
    #[pin]
    inner: F,
    /// `None` for an answer that is not watched.
    longest: Option<Duration>,
}

/// The body of an answer, watched or not.
#[pin_project(project = UnreadBodyProj)]
#[derive(Debug)]
pub(crate) enum UnreadBody<B> {
    Plain(#[pin] B),
    Watched(Watched<B>),
}

/// A body that is dropped when it is not asked for more.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    /// Held weakly by the watcher: what drops this drops the body with it.
    watch: Arc<Mutex<Watch<B>>>,
    longest: Duration,
    watcher: AbortHandle,
}

#[derive(Debug)]
struct Watch<B> {
    /// `None` once it is given up.
    body: Option<Pin<Box<B>>>,
    /// When the last piece was handed out; `None` while the next one is waited for.
    unread: Option<Instant>,
}

/// What a watcher finds when it looks.
enum Found<B> {
    /// Nothing can be due before then.
    Later(Instant),
    /// A body to drop.
    Unread(Option<Pin<Box<B>>>),
}

// ===== impl UnreadLayer =====

impl UnreadLayer {
    /// Lets a client ask for nothing more of an answer for `longest`.
    pub(crate) const fn new(longest: Duration) -> Self {
        Self { longest }
    }
}

impl<S> Layer<S> for UnreadLayer {
    type Service = Unread<S>;

    fn layer(&self, inner: S) -> Unread<S> {
        Unread {
            inner,
            longest: self.longest,
        }
    }
}

// ===== impl Unread =====

impl<S, A, B> Service<Request<A>> for Unread<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body + Send + 'static,
{
    type Response = Response<UnreadBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let longest = (request.version() == Version::HTTP_2).then_some(self.longest);
        ResponseFuture {
            inner: self.inner.call(request),
            longest,
        }
    }
}

// ===== impl ResponseFuture =====

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body + Send + 'static,
{
    type Output = Result<Response<UnreadBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let longest = *this.longest;
        Poll::Ready(Ok(response.map(|body| match longest {
            Some(longest) if !body.is_end_stream() => {
                UnreadBody::Watched(Watched::new(body, longest))
            }
            _ => UnreadBody::Plain(body),
        })))
    }
}

// ===== impl UnreadBody =====

impl<B> Body for UnreadBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        match self.project() {
            UnreadBodyProj::Plain(body) => body.poll_frame(cx).map_err(Into::into),
            UnreadBodyProj::Watched(watched) => watched.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain(body) => body.is_end_stream(),
            Self::Watched(watched) => {
                let watch = watched.watch.lock();
                watch.body.as_ref().is_some_and(Body::is_end_stream)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(body) => body.size_hint(),
            Self::Watched(watched) => {
                let watch = watched.watch.lock();
                let body = watch.body.as_ref();
                body.map_or_else(SizeHint::default, Body::size_hint)
            }
        }
    }
}

// ===== impl Watched =====

impl<B: Body + Send + 'static> Watched<B> {
    fn new(body: B, longest: Duration) -> Self {
        let watch = Arc::new(Mutex::new(Watch {
            body: Some(Box::pin(body)),
            // Whoever has no room for the first piece may not even ask for it.
            unread: Some(Instant::now()),
        }));
        let watcher = tokio::spawn(give_up(Arc::downgrade(&watch), longest)).abort_handle();
        Self {
            watch,
            longest,
            watcher,
        }
    }
}

impl<B> Watched<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut watch = self.watch.lock();
        let Some(body) = watch.body.as_mut() else {
            let message = format!(
                "the client took nothing of the answer for {:?}",
                self.longest
            );
            let error = io::Error::new(io::ErrorKind::TimedOut, message);
            return Poll::Ready(Some(Err(error.into())));
        };
        let polled = body.as_mut().poll_frame(cx);
        watch.unread = polled.is_ready().then(Instant::now);
        polled.map_err(Into::into)
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

// ===== impl Watch =====

impl<B> Watch<B> {
    fn look(&mut self, longest: Duration) -> Found<B> {
        let now = Instant::now();
        let due = self.unread.unwrap_or(now) + longest;
        if due > now {
            Found::Later(due)
        } else {
            Found::Unread(self.body.take())
        }
    }
}

/// Drops the watched body once it has been left unread for `longest`.
///
/// It looks when that can be the case at the earliest, and is not woken in between, however many pieces pass.
async fn give_up<B>(watch: Weak<Mutex<Watch<B>>>, longest: Duration) {
    let mut due = Instant::now() + longest;
    loop {
        sleep_until(due).await;
        let Some(watch) = watch.upgrade() else { return };
        let found = watch.lock().look(longest);
        match found {
            Found::Later(later) => due = later,
            // Dropped here, out of the lock.
            Found::Unread(_body) => {
                tracing::debug!(after = ?longest, "an answer was left unread, and is given up");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
