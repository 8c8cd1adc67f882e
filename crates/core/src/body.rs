use crate::{BoxError, End, Foretold, Guard, Watch};
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use std::{
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A body that carries a [`Guard`]: what counts until the end of an answer hangs off it.
///
/// Frames pass through untouched, data and trailers alike; `size_hint` and `is_end_stream` are the inner
/// body's. The guard is told [`End::Complete`] at the end of the body, which trailers are, [`End::Failed`] on an
/// error, and [`End::Dropped`] if the body is dropped before either. What an error says it is shown before
/// ([`Watch::failed`]): a clock that ran out is not a broken connection. For that the error is boxed, unless
/// it is already.
///
/// Whoever reads the body may stop asking once `is_end_stream` is true, so a guard whose body is then dropped
/// is told [`End::Complete`] as well. And whoever is told in a body that it has failed may leave before the
/// error: where that was [`Foretold`], a drop is the failure.
///
/// Of guards around each other the inner one is told first, however the body ends: what it has found out is there
/// when the outer one is told.
#[pin_project(PinnedDrop)]
#[derive(Debug)]
pub struct GuardedBody<B, W>
where
    B: Body,
    W: Watch<B::Data>,
{
    // Dropped before the guard, and with it the guards within.
    #[pin]
    inner: B,
    riding: Riding<B::Data, W>,
}

/// A guard that is told of a failure that was foretold if it is dropped.
#[derive(Debug)]
struct Riding<D, W: Watch<D>> {
    guard: Guard<W>,
    foretold: Option<Foretold>,
    data: PhantomData<fn(&D)>,
}

// ===== impl GuardedBody =====

impl<B, W> GuardedBody<B, W>
where
    B: Body,
    W: Watch<B::Data>,
{
    /// Lets `guard` ride in `inner`.
    pub const fn new(inner: B, guard: Guard<W>) -> Self {
        Self {
            inner,
            riding: Riding::new(guard, None),
        }
    }

    /// Lets `guard` ride in the body of `response`, and listen to what its head has [`Foretold`].
    pub fn of(response: Response<B>, guard: Guard<W>) -> Response<Self> {
        let (head, inner) = response.into_parts();
        let foretold = head.extensions.get().cloned();
        let body = Self {
            inner,
            riding: Riding::new(guard, foretold),
        };
        Response::from_parts(head, body)
    }

    /// The body within.
    pub const fn get_ref(&self) -> &B {
        &self.inner
    }
}

impl<B, W> Body for GuardedBody<B, W>
where
    B: Body,
    B::Error: Into<BoxError>,
    W: Watch<B::Data>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let guard = &mut this.riding.guard;
        if let Some(watch) = guard.get_mut() {
            watch.asked();
        }
        let frame = ready!(this.inner.poll_frame(cx)).map(|frame| frame.map_err(Into::into));
        match &frame {
            None => guard.finish(End::Complete),
            Some(Err(error)) => {
                if let Some(watch) = guard.get_mut() {
                    watch.failed(&**error);
                }
                guard.finish(End::Failed);
            }
            // Nothing follows trailers, and gRPC clients do not ask whether anything does.
            Some(Ok(frame)) if frame.is_trailers() => guard.finish(End::Complete),
            Some(Ok(frame)) => {
                if let (Some(data), Some(watch)) = (frame.data_ref(), guard.get_mut()) {
                    watch.data(data);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[pin_project::pinned_drop]
impl<B, W> PinnedDrop for GuardedBody<B, W>
where
    B: Body,
    W: Watch<B::Data>,
{
    fn drop(self: Pin<&mut Self>) {
        let this = self.project();
        if this.inner.is_end_stream() {
            this.riding.guard.has_ended(End::Complete);
            this.riding.foretold = None;
        }
    }
}

// ===== impl Riding =====

impl<D, W: Watch<D>> Riding<D, W> {
    const fn new(guard: Guard<W>, foretold: Option<Foretold>) -> Self {
        Self {
            guard,
            foretold,
            data: PhantomData,
        }
    }
}

impl<D, W: Watch<D>> Drop for Riding<D, W> {
    fn drop(&mut self) {
        let Some(failure) = self.foretold.as_ref().and_then(Foretold::failure) else {
            return;
        };
        if let Some(watch) = self.guard.get_mut() {
            watch.failed(failure);
        }
        self.guard.has_ended(End::Failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Finish, Judged, Outcome};
    use bytes::Bytes;
    use http::HeaderMap;
    use http_body_util::{BodyExt, Full, StreamBody};
    use parking_lot::Mutex;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<(usize, Vec<End>)>>);
    impl Finish for Seen {
        fn finish(self, end: End) {
            self.0.lock().1.push(end);
        }
    }
    impl Watch<Bytes> for Seen {
        fn data(&mut self, data: &Bytes) {
            self.0.lock().0 += data.len();
        }
        fn failed(&mut self, error: &(dyn std::error::Error + 'static)) {
            assert!(error.to_string() == "reset" || error.is::<Judged>());
            self.0.lock().0 += 100;
        }
    }

    struct Frames(Vec<Result<Frame<Bytes>, &'static str>>);
    impl Body for Frames {
        type Data = Bytes;
        type Error = &'static str;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            Poll::Ready((!self.0.is_empty()).then(|| self.0.remove(0)))
        }
    }

    #[tokio::test]
    async fn the_end_of_the_body_is_the_end_and_trailers_pass() {
        let seen = Seen::default();
        let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
        let frames = Frames(vec![
            Ok(Frame::data("abc".into())),
            Ok(Frame::trailers(trailers.clone())),
        ]);
        let body = GuardedBody::new(frames, Guard::new(seen.clone()));
        let collected = body.collect().await.unwrap();
        assert_eq!(collected.trailers(), Some(&trailers));
        assert_eq!(*seen.0.lock(), (3, vec![End::Complete]));
    }

    #[tokio::test]
    async fn trailers_are_the_end_for_whoever_reads_no_further() {
        let seen = Seen::default();
        let frames = Frames(vec![Ok(Frame::trailers(HeaderMap::new()))]);
        let mut body = GuardedBody::new(frames, Guard::new(seen.clone()));
        assert!(body.frame().await.unwrap().unwrap().is_trailers());
        assert_eq!(*seen.0.lock(), (0, vec![End::Complete]));
    }

    #[tokio::test]
    async fn a_watch_is_told_when_the_body_is_asked_and_when_data_comes() {
        #[derive(Default)]
        struct Log(Arc<Mutex<String>>);
        impl Finish for Log {
            fn finish(self, _: End) {
                self.0.lock().push('.');
            }
        }
        impl Watch<Bytes> for Log {
            fn asked(&mut self) {
                self.0.lock().push('?');
            }
            fn data(&mut self, _: &Bytes) {
                self.0.lock().push('!');
            }
        }

        let log = Log::default();
        let seen = log.0.clone();
        let frames = ["a", "b"].map(|data| Ok(Frame::data(data.into())));
        let body = GuardedBody::new(Frames(frames.into()), Guard::new(log));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "ab");
        assert_eq!(*seen.lock(), "?!?!?.");
    }

    #[tokio::test]
    async fn an_error_is_a_failure_and_a_drop_is_a_drop() {
        let seen = Seen::default();
        let frames = Frames(vec![Ok(Frame::data("abc".into())), Err("reset")]);
        let mut body = GuardedBody::new(frames, Guard::new(seen.clone()));
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.unwrap().is_err());
        drop(body);
        assert_eq!(*seen.0.lock(), (103, vec![End::Failed]));

        let seen = Seen::default();
        drop(GuardedBody::new(
            Frames(Vec::new()),
            Guard::new(seen.clone()),
        ));
        assert_eq!(*seen.0.lock(), (0, vec![End::Dropped]));
    }

    #[tokio::test]
    async fn whoever_leaves_an_answer_that_had_failed_has_not_left_one_that_was_well() {
        let foretold = Foretold::default();
        let answer = |seen: &Seen| {
            let frames = Frames(vec![Ok(Frame::data("abc".into())), Err("cut")]);
            let mut response = Response::new(frames);
            response.extensions_mut().insert(foretold.clone());
            GuardedBody::of(response, Guard::new(seen.clone())).into_body()
        };
        let seen = Seen::default();
        drop(answer(&seen));
        assert_eq!(*seen.0.lock(), (0, vec![End::Dropped]));

        let seen = Seen::default();
        let mut body = answer(&seen);
        assert!(body.frame().await.unwrap().is_ok());
        foretold.fails(Outcome::Timeout.into());
        foretold.fails(Outcome::Transport.into());
        let outcome = foretold.failure().map(|failure| failure.verdict().outcome);
        assert_eq!(outcome, Some(Outcome::Timeout));
        drop(body);
        assert_eq!(*seen.0.lock(), (103, vec![End::Failed]));
    }

    #[tokio::test]
    async fn a_body_known_to_be_over_was_not_left_early() {
        let seen = Seen::default();
        let mut body = GuardedBody::new(Full::new(Bytes::from("abc")), Guard::new(seen.clone()));
        assert_eq!(body.size_hint().exact(), Some(3));
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.is_end_stream());
        drop(body);
        assert_eq!(*seen.0.lock(), (3, vec![End::Complete]));
    }

    #[test]
    fn a_body_is_as_thread_safe_as_what_it_holds() {
        fn assert<T: Send + Sync>() {}
        assert::<GuardedBody<Full<Bytes>, Seen>>();
        let _ = StreamBody::<Frames>::new;
    }

    #[tokio::test]
    async fn the_guard_within_is_told_first_however_it_ends() {
        #[derive(Clone)]
        struct Named(&'static str, Arc<Mutex<Vec<(&'static str, End)>>>);
        impl Finish for Named {
            fn finish(self, end: End) {
                self.1.lock().push((self.0, end));
            }
        }
        impl<D> Watch<D> for Named {}

        for (frames, end) in [(0, End::Dropped), (1, End::Complete), (2, End::Complete)] {
            let told = Arc::new(Mutex::new(Vec::new()));
            let guard = |name| Guard::new(Named(name, told.clone()));
            let body = Full::new(Bytes::from("abc"));
            let mut body = GuardedBody::new(GuardedBody::new(body, guard("inner")), guard("outer"));
            for _ in 0..frames {
                body.frame().await;
            }
            drop(body);
            assert_eq!(
                *told.lock(),
                [("inner", end), ("outer", end)],
                "{frames} frames"
            );
        }
    }

    #[tokio::test]
    async fn of_a_failure_that_was_foretold_the_guard_within_is_told_first() {
        struct Named(&'static str, Arc<Mutex<Vec<&'static str>>>);
        impl Finish for Named {
            fn finish(self, end: End) {
                assert_eq!(end, End::Failed);
                self.1.lock().push(self.0);
            }
        }
        impl Watch<Bytes> for Named {
            fn failed(&mut self, _: &(dyn std::error::Error + 'static)) {
                self.1.lock().push(self.0);
            }
        }

        let told = Arc::new(Mutex::new(Vec::new()));
        let foretold = Foretold::default();
        let mut response = Response::new(Frames(vec![Ok(Frame::data("abc".into()))]));
        response.extensions_mut().insert(foretold.clone());
        let guard = |name| Guard::new(Named(name, told.clone()));
        let response = GuardedBody::of(response, guard("inner"));
        let body = GuardedBody::of(response, guard("outer"));
        foretold.fails(Outcome::RateLimited.into());
        drop(body);
        assert_eq!(*told.lock(), ["inner", "inner", "outer", "outer"]);
    }
}
