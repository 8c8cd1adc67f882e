use crate::{Registry, load::InFlight};
use futures_core::Stream;
use futures_util::task::AtomicWaker;
use headworks_core::DeploymentId;
use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tower::discover::Change;

/// The changes of a [`Registry`]: a [`Discover`](tower::discover::Discover) that never fails, never ends,
/// and wakes whoever polls it when the group changes.
pub struct Changes<S> {
    registry: Registry<S>,
    waker: Arc<AtomicWaker>,
    version: u64,
    /// Whom the reader knows, by the serial of the one it knows.
    known: HashMap<DeploymentId, u64>,
    queue: VecDeque<Change<DeploymentId, InFlight<S>>>,
}

// ===== impl Changes =====

impl<S: Clone> Changes<S> {
    pub(super) fn new(registry: Registry<S>, waker: Arc<AtomicWaker>) -> Self {
        Self {
            registry,
            waker,
            version: 0,
            known: HashMap::new(),
            queue: VecDeque::new(),
        }
    }

    fn read(&mut self) {
        let snapshot = self.registry.snapshot();
        let members = snapshot.members();
        if self.version == members.version() {
            return;
        }
        self.version = members.version();
        self.known.retain(|id, _| {
            let stays = members.place(id).is_some();
            if !stays {
                self.queue.push_back(Change::Remove(id.clone()));
            }
            stays
        });
        for (member, service) in members.iter().zip(snapshot.services()) {
            let known = self.known.insert(member.id().clone(), member.serial());
            if known != Some(member.serial()) {
                let service = InFlight::with_state(service.clone(), member.state().clone());
                self.queue
                    .push_back(Change::Insert(member.id().clone(), service));
            }
        }
    }
}

impl<S: Clone> Stream for Changes<S> {
    type Item = Result<Change<DeploymentId, InFlight<S>>, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.queue.is_empty() {
            // First the waker, then the look: a change in between wakes.
            this.waker.register(cx.waker());
            this.read();
        }
        match this.queue.pop_front() {
            Some(change) => Poll::Ready(Some(Ok(change))),
            None => Poll::Pending,
        }
    }
}

/// Nothing in it is pinned.
impl<S> Unpin for Changes<S> {}

impl<S> fmt::Debug for Changes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;
    use futures_util::FutureExt;
    use tokio_test::{assert_pending, task};

    /// What is to be read now, as `+a` and `-a`.
    fn read(changes: &mut task::Spawn<Changes<u8>>) -> Vec<String> {
        let mut read = Vec::new();
        while let Poll::Ready(Some(Ok(change))) = changes.poll_next() {
            read.push(match change {
                Change::Insert(id, _) => format!("+{id}"),
                Change::Remove(id) => format!("-{id}"),
            });
        }
        read
    }

    #[test]
    fn it_tells_who_is_there_then_each_change_and_wakes() {
        let registry: Registry<u8> = ["a", "b"]
            .map(|id| Endpoint::new(id, 0))
            .into_iter()
            .collect();
        let mut changes = task::spawn(registry.discover());
        assert_eq!(read(&mut changes), ["+a", "+b"]);
        assert_pending!(changes.poll_next());
        assert!(!changes.is_woken());

        registry.remove("a");
        assert!(changes.is_woken());
        registry.insert(Endpoint::new("c", 0));
        registry.insert(Endpoint::new("b", 1));
        assert_eq!(read(&mut changes), ["-a", "+b", "+c"]);
    }

    #[tokio::test]
    async fn a_plain_tower_balance_runs_on_it() {
        use http::{Request, Response};
        use tower::{Service, ServiceExt, balance::p2c::Balance};
        let service = tower::service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
        });
        let registry: Registry<_> = ["a", "b"]
            .map(|id| Endpoint::new(id, service))
            .into_iter()
            .collect();
        let mut balance = Balance::new(registry.discover());
        let in_flight = || {
            let snapshot = registry.snapshot();
            snapshot
                .members()
                .iter()
                .map(|m| m.state().in_flight())
                .collect::<Vec<_>>()
        };
        let mut answers = Vec::new();
        for _ in 0..2 {
            let ready = balance.ready().await.unwrap();
            answers.push(ready.call(Request::new(())).await.unwrap());
        }
        assert_eq!(in_flight(), [1, 1]);
        registry.remove("a");
        registry.remove("b");
        assert!(balance.ready().now_or_never().is_none());
        drop(answers);
        registry.insert(Endpoint::new("c", service));
        assert!(balance.ready().await.is_ok());
        assert_eq!(balance.len(), 1);
    }
}
