//! What is published by the script, and how it is heard of.

use super::{Servers, link::CONNECT};
use crate::share::News;
use futures_util::StreamExt;
use redis::{Client, RedisResult, Value};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// The channel on which all are told of rests, and of what else they are to know at once.
#[derive(Clone)]
pub(super) struct Rests {
    /// It is heard in all databases of a server, so each has one of its own.
    channel: Arc<str>,
}

/// After so long a silence it is looked whether the connection is still one.
const QUIET: Duration = Duration::from_secs(15);

/// How long after a connection is lost the next is made: at first, and at most.
const BACKOFF: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

// ===== impl Rests =====

impl Rests {
    /// Those of this database.
    pub(super) fn of(db: i64) -> Self {
        Self {
            channel: format!("headworks:1:rests:{db}").into(),
        }
    }

    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    /// Tells `heard` of all that is published, over one connection after the other. Why one is lost is not said:
    /// if the server is, the keeper says so, and otherwise nobody misses more than some moments.
    pub(super) async fn listen(
        &self,
        servers: &Servers,
        patience: Duration,
        heard: impl Fn(&str, News<'_>) + Sync,
    ) {
        let mut backoff = BACKOFF;
        for turn in 0.. {
            let began = Instant::now();
            if let Some(client) = servers.to_listen_to(turn, began + patience).await {
                self.follow(client, patience, &heard).await;
            }
            if began.elapsed() > LONGEST {
                backoff = BACKOFF;
            }
            sleep(backoff).await;
            backoff = (2 * backoff).min(LONGEST);
        }
    }

    /// The same over one connection; `None` when it is lost.
    pub(super) async fn follow(
        &self,
        client: Client,
        patience: Duration,
        heard: &(impl Fn(&str, News<'_>) + Sync),
    ) -> Option<()> {
        let connection = in_time(CONNECT, client.get_async_pubsub()).await?;
        let (mut sink, mut messages) = connection.split();
        in_time(CONNECT, sink.subscribe(&*self.channel)).await?;
        loop {
            let Ok(message) = timeout(QUIET, messages.next()).await else {
                in_time(patience, sink.ping::<Value>()).await?;
                continue;
            };
            let message: String = message?.get_payload().unwrap_or_default();
            if let Some((quota, news)) = read(&message) {
                heard(quota, news);
            }
        }
    }
}

async fn in_time<T>(within: Duration, answer: impl Future<Output = RedisResult<T>>) -> Option<T> {
    timeout(within, answer).await.ok()?.ok()
}

/// Which quota, and what of it: for how many microseconds it rests, 0 if it does so no more, and its name; or that it is
/// empty, by the name of a rate and for how many microseconds.
fn read(message: &str) -> Option<(&str, News<'_>)> {
    let lasts = |text: &str| Some(Duration::from_micros(text.parse().ok()?));
    if let Some(message) = message.strip_prefix("empty ") {
        let (rate, message) = message.split_once(' ')?;
        let (left, quota) = message.split_once(' ')?;
        let lasts = lasts(left)?;
        return Some((quota, News::Empty { rate, lasts }));
    }
    let (rest, quota) = message.split_once(' ')?;
    let rest = lasts(rest)?;
    let news = if rest.is_zero() {
        News::Awake
    } else {
        News::Rest(rest)
    };
    Some((quota, news))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_or_ignored() {
        let lasts = Duration::from_millis(1500);
        let own = |news| Some(("account:my own", news));
        let rest = News::Rest(lasts);
        assert_eq!(read("1500000 account:my own"), own(rest));
        assert_eq!(read("0 account:my own"), own(News::Awake));
        let empty = News::Empty { rate: "rpm", lasts };
        assert_eq!(read("empty rpm 1500000 account:my own"), own(empty));
        for wrong in [
            "",
            "1500000",
            "soon account",
            "-1 account",
            "empty rpm account",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
