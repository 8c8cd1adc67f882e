use crate::{ScriptedBody, error::Failure};
use http::Response;
use parking_lot::Mutex;
use pin_project::pin_project;
use std::{
    fmt,
    marker::PhantomPinned,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};
use tower_service::Service;

/// The service a layer under contract is put around: it answers as it is told, counts, and holds its caller
/// to the contract of `Service`.
///
/// It is stricter than most services are. Readiness belongs to the instance that was polled: `call` on any
/// other, a clone of a ready one among them, panics. Readiness, the head and every frame of a
/// [`ScriptedBody`] are `Pending` once before they come, so that nothing works by luck.
pub struct Inner<B = ScriptedBody> {
    shared: Arc<Shared<B>>,
    readiness: Readiness,
}

/// What [`Inner`] makes of one request.
#[derive(Debug)]
pub enum Play<B> {
    /// It answers.
    Answer(Response<B>),
    /// It fails.
    Fail(Failure),
    /// It never answers.
    Silence,
}

/// The future of [`Inner`]. Deliberately not `Unpin`.
#[pin_project]
pub struct Reply<B> {
    play: Option<Play<B>>,
    polled: bool,
    /// Counts as running while it lives.
    running: Arc<()>,
    #[pin]
    pinned: PhantomPinned,
}

struct Shared<B> {
    play: Box<dyn Fn() -> Play<B> + Send + Sync>,
    calls: AtomicUsize,
    running: Arc<()>,
    door: Mutex<Door>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Unknown,
    Asked,
    Ready,
}

/// Whether readiness is given at all.
#[derive(Debug, Default)]
enum Door {
    #[default]
    Open,
    Shut(Option<Waker>),
    Dead,
}

// ===== impl Inner =====

impl<B> Inner<B> {
    /// Does with each request what `play` says.
    pub fn new(play: impl Fn() -> Play<B> + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                play: Box::new(play),
                calls: AtomicUsize::new(0),
                running: Arc::default(),
                door: Mutex::default(),
            }),
            readiness: Readiness::Unknown,
        }
    }

    /// Answers each request with 200 and what `body` makes.
    pub fn answering(body: impl Fn() -> B + Send + Sync + 'static) -> Self {
        Self::new(move || Play::Answer(Response::new(body())))
    }

    /// How often it and its clones were called.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// How many of its futures are alive.
    #[must_use]
    pub fn running(&self) -> usize {
        Arc::strong_count(&self.shared.running) - 1
    }

    /// From now on neither it nor a clone of it becomes ready.
    pub fn shut(&self) {
        *self.shared.door.lock() = Door::Shut(None);
    }

    /// Readiness is given again; whoever asked last is woken.
    pub fn open(&self) {
        let door = std::mem::take(&mut *self.shared.door.lock());
        if let Door::Shut(Some(waker)) = door {
            waker.wake();
        }
    }

    /// From now on asking for readiness is answered with an error.
    pub fn die(&self) {
        *self.shared.door.lock() = Door::Dead;
    }
}

impl Inner<ScriptedBody> {
    /// Answers each request with 200 and [`ScriptedBody::good`].
    #[must_use]
    pub fn good() -> Self {
        Self::answering(ScriptedBody::good)
    }
}

impl<B, Req> Service<Req> for Inner<B> {
    type Response = Response<B>;
    type Error = Failure;
    type Future = Reply<B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match &mut *self.shared.door.lock() {
            Door::Open => {}
            Door::Shut(waker) => {
                *waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Door::Dead => return Poll::Ready(Err(Failure::reset())),
        }
        if self.readiness == Readiness::Unknown {
            self.readiness = Readiness::Asked;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.readiness = Readiness::Ready;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Req) -> Reply<B> {
        let readiness = std::mem::replace(&mut self.readiness, Readiness::Unknown);
        assert_eq!(
            readiness,
            Readiness::Ready,
            "`call` on an instance that was not polled ready"
        );
        self.shared.calls.fetch_add(1, Ordering::Relaxed);
        Reply {
            play: Some((self.shared.play)()),
            polled: false,
            running: self.shared.running.clone(),
            pinned: PhantomPinned,
        }
    }
}

impl<B> Clone for Inner<B> {
    /// A clone does not carry readiness.
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            readiness: Readiness::Unknown,
        }
    }
}

impl<B> fmt::Debug for Inner<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("calls", &self.calls())
            .field("readiness", &self.readiness)
            .finish_non_exhaustive()
    }
}

// ===== impl Reply =====

impl<B> Future for Reply<B> {
    type Output = Result<Response<B>, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if !std::mem::replace(this.polled, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match this.play.take() {
            Some(Play::Answer(response)) => Poll::Ready(Ok(response)),
            Some(Play::Fail(failure)) => Poll::Ready(Err(failure)),
            Some(Play::Silence) => {
                *this.play = Some(Play::Silence);
                Poll::Pending
            }
            None => panic!("polled after it was ready"),
        }
    }
}

impl<B> fmt::Debug for Reply<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}
