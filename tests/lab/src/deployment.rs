use crate::{
    Class, Fault,
    answer::Answer,
    log::{Recorder, Running},
};
use fastrand::Rng;
use futures_core::future::BoxFuture;
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    convert::Infallible,
    future::pending,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use tower::Service;

/// How long a deployment takes to say that it does not answer.
const TO_FAIL: Duration = Duration::from_millis(5);

const MINUTE: Duration = Duration::from_secs(60);

/// A deployment that is not there, but takes as long, queues, fails and refuses as one of its [`Class`]
/// would. A clone is the same deployment.
#[derive(Clone, Debug)]
pub(crate) struct Deployment(Arc<Inner>);

/// Which deployment answered: an extension of its answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnsweredBy(pub(crate) usize);

#[derive(Debug)]
struct Inner {
    number: usize,
    class: Class,
    rng: Mutex<Rng>,
    slots: Option<Arc<Semaphore>>,
    /// When each request of the last minute was taken.
    taken: Mutex<VecDeque<Instant>>,
    recorder: Recorder,
}

// ===== impl Deployment =====

impl Deployment {
    pub(crate) fn new(number: usize, class: &Class, seed: u64, recorder: Recorder) -> Self {
        Self(Arc::new(Inner {
            number,
            class: class.clone(),
            rng: Mutex::new(Rng::with_seed(seed)),
            slots: class.parallel.map(|slots| Arc::new(Semaphore::new(slots))),
            taken: Mutex::default(),
            recorder,
        }))
    }
}

impl Service<Request<()>> for Deployment {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Answer>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let running = self.0.recorder.call(self.0.number);
        let this = self.0.clone();
        Box::pin(async move { Ok(this.answer(running).await) })
    }
}

// ===== impl Inner =====

impl Inner {
    async fn answer(&self, running: Running) -> Response<Answer> {
        match self.fault() {
            Some(Fault::Error) => return self.fail(StatusCode::SERVICE_UNAVAILABLE).await,
            Some(Fault::Silence) => {
                // Runs for as long as somebody waits for it.
                let _running = running;
                return pending().await;
            }
            None => {}
        }
        if !self.take() {
            return self.fail(StatusCode::TOO_MANY_REQUESTS).await;
        }
        let (head, rest) = self.times();
        let slot = match self.slots.clone() {
            // It is never closed, which is the one way in which this fails.
            Some(slots) => slots.acquire_owned().await.ok(),
            None => None,
        };
        sleep(head).await;
        let mut response = Response::new(Answer::new(rest, (running, slot)));
        response.extensions_mut().insert(AnsweredBy(self.number));
        response
    }

    async fn fail(&self, status: StatusCode) -> Response<Answer> {
        sleep(TO_FAIL).await;
        let mut response = Response::new(Answer::empty());
        *response.status_mut() = status;
        response
    }

    fn fault(&self) -> Option<Fault> {
        let now = self.recorder.now();
        let mut outages = self.class.outages.iter();
        let outage = outages.find(|outage| outage.from <= now && now < outage.until)?;
        Some(outage.with)
    }

    /// Counts a request against the limit; false if that is used up.
    fn take(&self) -> bool {
        let Some(rpm) = self.class.rpm else {
            return true;
        };
        let now = Instant::now();
        let mut taken = self.taken.lock();
        while taken.front().is_some_and(|at| now - *at >= MINUTE) {
            taken.pop_front();
        }
        let takes = taken.len() < rpm;
        if takes {
            taken.push_back(now);
        }
        takes
    }

    fn times(&self) -> (Duration, Duration) {
        let mut rng = self.rng.lock();
        let head = self.class.head.sample(&mut rng);
        (head, self.class.rest.sample(&mut rng))
    }
}
