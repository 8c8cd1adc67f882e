use crate::{Arrivals, Asked, deployment::AnsweredBy, gateway::Instance, log::Recorder};
use fastrand::Rng;
use headworks_balance::Session;
use headworks_simulation::until_next;
use http::Request;
use http_body_util::BodyExt;
use std::sync::Arc;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tower::ServiceExt;

/// Sends requests until `end`, and returns when the last of them has been answered.
pub(crate) async fn arrive(
    arrivals: &Arrivals,
    end: Instant,
    instances: &Arc<[Instance]>,
    mut rng: Rng,
    recorder: &Recorder,
) {
    let mut tasks = JoinSet::new();
    let client = |rng: &mut Rng| Client {
        instances: instances.clone(),
        sessions: arrivals.sessions,
        rng: rng.fork(),
        recorder: recorder.clone(),
    };
    for _ in 0..arrivals.clients.unwrap_or(0) {
        let mut client = client(&mut rng);
        tasks.spawn(async move {
            while Instant::now() < end {
                client.ask().await;
            }
        });
    }
    if let Some(per_second) = arrivals.per_second {
        let mut next = recorder.start();
        loop {
            next += until_next(per_second, &mut rng);
            if next >= end {
                break;
            }
            sleep_until(next).await;
            let mut client = client(&mut rng);
            tasks.spawn(async move { client.ask().await });
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Somebody who asks, one request at a time.
struct Client {
    instances: Arc<[Instance]>,
    sessions: Option<u32>,
    rng: Rng,
    recorder: Recorder,
}

// ===== impl Client =====

impl Client {
    async fn ask(&mut self) {
        let instance = &self.instances[self.rng.usize(..self.instances.len())];
        let session = self.sessions.map(|sessions| self.rng.u32(..sessions));
        let mut request = Request::new(());
        if let Some(session) = session {
            let session = Session::new(b"lab", &session.to_le_bytes());
            request.extensions_mut().insert(session);
        }
        let at = self.recorder.now();
        let answered_by = match instance.service.clone().oneshot(request).await {
            Ok(response) => {
                let answered_by = response.extensions().get().copied();
                let read = response.into_body().collect().await;
                read.ok().and(answered_by)
            }
            Err(_) => None,
        };
        self.recorder.asked(Asked {
            at,
            took: self.recorder.now() - at,
            answered_by: answered_by.map(|AnsweredBy(number)| number),
            session,
        });
    }
}
