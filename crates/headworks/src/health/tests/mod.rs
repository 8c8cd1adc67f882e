//! Checks on a paused clock, of deployments that are closures.

mod background;
mod judging;
mod news;
mod report;
mod steering;

use super::record::News;
use super::*;
use crate::{
    breaker::{BreakerPolicy, Circuit},
    provider::Target,
};
use headworks_core::Outcome;
use parking_lot::Mutex;
use std::{convert::Infallible, future::Future, pin::Pin, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use tower::service_fn;

/// In no header, no log and no report.
const CANARY: &str = "sk-canary-7f3a";

/// What a provider might write, which nobody else is to read.
const WRITTEN: &str = r#"{"error": {"message": "wrong key sk-canary-7f3a", "type": "x"}}"#;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A deployment that answers with a status, after a while; both can be changed, and every check is written
/// down with its time. Zero is no answer at all.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<FakeState>>);

#[derive(Default)]
struct FakeState {
    status: u16,
    takes: Duration,
    asked: Vec<(Instant, Request<Full<Bytes>>)>,
    under_way: usize,
    most: usize,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, BoxError>> + Send>>;

impl Fake {
    fn new(status: u16) -> Self {
        let fake = Self::default();
        fake.says(status);
        fake
    }

    fn says(&self, status: u16) {
        self.0.lock().status = status;
    }

    fn takes(self, takes: Duration) -> Self {
        self.0.lock().takes = takes;
        self
    }

    fn times(&self) -> Vec<Instant> {
        let state = self.0.lock();
        state.asked.iter().map(|(at, _)| *at).collect()
    }

    fn count(&self) -> usize {
        self.0.lock().asked.len()
    }

    fn service(
        &self,
    ) -> impl Service<
        Request<Full<Bytes>>,
        Response = Response<Full<Bytes>>,
        Error = BoxError,
        Future = Answering,
    > + Clone
    + Send
    + Sync
    + 'static {
        let fake = self.clone();
        service_fn(move |request| -> Answering { Box::pin(fake.clone().answer(request)) })
    }

    async fn answer(
        self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, BoxError> {
        let takes = {
            let mut state = self.0.lock();
            state.asked.push((Instant::now(), request));
            state.under_way += 1;
            state.most = state.most.max(state.under_way);
            state.takes
        };
        let _under_way = UnderWay(&self);
        sleep(takes).await;
        let status = self.0.lock().status;
        if status == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
        }
        let body = Full::new(WRITTEN.into());
        Ok(Response::builder().status(status).body(body)?)
    }
}

/// One check, until it is answered or dropped.
struct UnderWay<'a>(&'a Fake);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.0.lock().under_way -= 1;
    }
}

fn circuit() -> Circuit {
    Circuit::new(
        BreakerPolicy::new()
            .cooldown(seconds(3600))
            .longest(seconds(3600))
            .jitter(0.0),
    )
}

fn target(id: &str) -> Target {
    let target =
        Target::builder("hosted_vllm/llama").api_base(format!("https://{id}.test/v1?k={CANARY}"));
    target.api_key(CANARY.into()).build().unwrap()
}

/// Adds the deployment `id` of the group `g`.
fn add(to: &mut HealthBuilder, id: &str, circuit: &Circuit, fake: &Fake) -> HealthGate {
    to.add(subject(id, circuit, fake.service()))
}

fn subject<S>(id: &str, circuit: &Circuit, service: S) -> Subject<S> {
    Subject::new(id, "g", target(id), circuit.clone(), service).model("hosted_vllm/llama")
}

fn sickness(health: &Health, id: &str) -> Option<String> {
    let finding = health
        .finding(&id.into())
        .expect("a deployment that was checked");
    finding.sickness().map(|sickness| sickness.to_string())
}
