use bytes::Bytes;
use headworks_core::{End, Finish, Watch};
use http::{HeaderMap, Method, Uri};
use parking_lot::Mutex;
use std::{error::Error, fmt, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// One request, as it came in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query; on HTTP/2 also scheme and authority.
    pub uri: Uri,
    /// The version of HTTP it came in.
    pub version: http::Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// When its head had come.
    pub at: Instant,
    /// How it ended, and when; `None` while it runs.
    pub ending: Option<(Ending, Instant)>,
}

/// How a request ended, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The whole answer was handed to the connection.
    Answered,
    /// The script broke it off.
    BrokenOff,
    /// The client went away: it closed or reset the connection, or on HTTP/2 the stream.
    ClientLeft,
}

/// The counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Connections accepted.
    pub connections: usize,
    /// Connections open now.
    pub open: usize,
    /// Requests whose head and body have come.
    pub requests: usize,
    /// Requests being answered now.
    pub in_flight: usize,
    /// The most there ever were at once.
    pub most_in_flight: usize,
    /// Requests answered to the end.
    pub answered: usize,
    /// Requests the script broke off.
    pub broken_off: usize,
    /// Requests whose client went away before the end, in mid-upload included.
    pub clients_left: usize,
}

/// What was waited for did not happen in time.
#[derive(Debug)]
pub struct TimedOut {
    within: Duration,
    seen: Seen,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Records(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    seen: watch::Sender<Seen>,
}

/// Counts a connection as open while it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    pub(crate) number: usize,
    records: Records,
}

/// Records the end of one request.
#[derive(Debug)]
pub(crate) struct Exchange {
    index: usize,
    records: Records,
}

// ===== impl Received =====

impl Received {
    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// A header's value as text; `None` if it is missing or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.path()
    }
}

// ===== impl Records =====

impl Records {
    pub(crate) fn received(&self) -> Vec<Received> {
        self.0.received.lock().clone()
    }

    pub(crate) fn seen(&self) -> Seen {
        *self.0.seen.borrow()
    }

    pub(crate) async fn wait_for(
        &self,
        within: Duration,
        mut condition: impl FnMut(&Seen) -> bool,
    ) -> Result<Seen, TimedOut> {
        let mut changes = self.0.seen.subscribe();
        let wait = changes.wait_for(|seen| condition(seen));
        match tokio::time::timeout(within, wait).await {
            Ok(Ok(seen)) => Ok(*seen),
            Ok(Err(_)) | Err(_) => Err(TimedOut {
                within,
                seen: self.seen(),
            }),
        }
    }

    pub(crate) fn connect(&self) -> OpenConnection {
        let mut number = 0;
        self.0.seen.send_modify(|seen| {
            number = seen.connections;
            seen.connections += 1;
            seen.open += 1;
        });
        OpenConnection {
            number,
            records: self.clone(),
        }
    }

    pub(crate) fn begin(&self, request: Received) -> Exchange {
        let mut received = self.0.received.lock();
        let index = received.len();
        received.push(request);
        drop(received);
        self.0.seen.send_modify(|seen| {
            seen.requests += 1;
            seen.in_flight += 1;
            seen.most_in_flight = seen.most_in_flight.max(seen.in_flight);
        });
        Exchange {
            index,
            records: self.clone(),
        }
    }

    pub(crate) fn left_in_upload(&self) {
        self.0.seen.send_modify(|seen| seen.clients_left += 1);
    }
}

// ===== impl OpenConnection =====

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let Shared { seen, .. } = &*self.records.0;
        seen.send_modify(|seen| seen.open -= 1);
    }
}

// ===== impl Exchange =====

impl Finish for Exchange {
    fn finish(self, end: End) {
        let ending = match end {
            End::Complete => Ending::Answered,
            End::Failed => Ending::BrokenOff,
            End::Dropped => Ending::ClientLeft,
        };
        let Shared { received, seen } = &*self.records.0;
        if let Some(request) = received.lock().get_mut(self.index) {
            request.ending = Some((ending, Instant::now()));
        }
        seen.send_modify(|seen| {
            seen.in_flight -= 1;
            match ending {
                Ending::Answered => seen.answered += 1,
                Ending::BrokenOff => seen.broken_off += 1,
                Ending::ClientLeft => seen.clients_left += 1,
            }
        });
    }
}

impl Watch<Bytes> for Exchange {}

// ===== impl TimedOut =====

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not within {:?}; seen: {:?}", self.within, self.seen)
    }
}

impl Error for TimedOut {}
