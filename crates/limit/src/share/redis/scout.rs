use super::StoreError;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout, timeout_at},
};

/// Somebody who looks in the background where the servers are, so that nobody waits for it who has found one.
pub(super) struct Scout<T> {
    found: watch::Receiver<Option<Result<T, Arc<StoreError>>>>,
    again: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Between two looks, however often they are asked for.
const PAUSE: Duration = Duration::from_millis(50);

// ===== impl Scout =====

impl<T: Clone + Send + Sync + 'static> Scout<T> {
    /// Looks at once, whenever it is told to, and `every` so often if that is said.
    pub(super) fn send<F>(look: impl Fn() -> F + Send + 'static, every: Option<Duration>) -> Self
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let (tell, found) = watch::channel(None);
        let again = Arc::new(Notify::new());
        let called = again.clone();
        let task = tokio::spawn(async move {
            loop {
                let seen = look().await.map_err(Arc::new);
                tell.send_if_modified(|found| {
                    // What was found holds until there is something better.
                    let is_news = seen.is_ok() || !matches!(found, Some(Ok(_)));
                    if is_news {
                        *found = Some(seen);
                    }
                    is_news
                });
                sleep(PAUSE).await;
                match every {
                    Some(every) => drop(timeout(every, called.notified()).await),
                    None => called.notified().await,
                }
            }
        });
        Self { found, again, task }
    }

    /// What was found, or why there is nothing. Whoever comes before the first look waits for it until then.
    pub(super) async fn found(&self, until: Instant) -> Result<T, Arc<StoreError>> {
        let mut found = self.found.clone();
        let late = || Err(Arc::new(StoreError::new("no server is found in time")));
        match timeout_at(until, found.wait_for(Option::is_some)).await {
            Ok(Ok(found)) => found.clone().unwrap_or_else(late),
            Ok(Err(_)) | Err(_) => late(),
        }
    }

    /// What is known may not be so any more: it looks again.
    pub(super) fn again(&self) {
        self.again.notify_one();
    }
}

impl<T> Drop for Scout<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
