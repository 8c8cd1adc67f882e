use crate::{Answer, Received, Seen, TimedOut, openai, record::Records, serve};
use parking_lot::Mutex;
use std::{collections::VecDeque, fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};

/// A running upstream. See the [crate docs](crate) for an example.
///
/// It needs a tokio runtime whose clock is not paused, and ends when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    addr: SocketAddr,
    script: Arc<Script>,
    records: Records,
    accepting: JoinHandle<()>,
}

type AnswerWith = Arc<dyn Fn(&Received) -> Answer + Send + Sync>;

/// What is answered: the queue first, then whatever the closure says.
pub(crate) struct Script {
    queue: Mutex<VecDeque<Answer>>,
    otherwise: Mutex<AnswerWith>,
}

// ===== impl Upstream =====

impl Upstream {
    /// Listens on a free port of 127.0.0.1 and answers as [`openai::good`] does.
    ///
    /// # Panics
    ///
    /// If loopback has no port left.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        Self::on(listener.expect("a free port on loopback"))
    }

    fn on(listener: TcpListener) -> Self {
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let script = Arc::new(Script {
            queue: Mutex::default(),
            otherwise: Mutex::new(Arc::new(openai::good)),
        });
        let records = Records::default();
        let accepting = serve::accept(listener, script.clone(), records.clone());
        Self {
            addr,
            script,
            records,
            accepting: tokio::spawn(accepting),
        }
    }

    /// `n` of them, each on a port of its own.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn start_many(n: usize) -> Vec<Self> {
        let mut upstreams = Vec::with_capacity(n);
        for _ in 0..n {
            upstreams.push(Self::start().await);
        }
        upstreams
    }

    /// `n` of them on one port, which each has on an address of its own: 127.0.0.1, 127.0.0.2, ….
    ///
    /// # Panics
    ///
    /// If there is no port that is free on all of them.
    pub async fn start_beside(n: u8) -> Vec<Self> {
        const TRIES: usize = 100;
        for _ in 0..TRIES {
            let first = Self::start().await;
            let port = first.addr.port();
            let mut upstreams = vec![first];
            for last in 2..=n {
                match TcpListener::bind(SocketAddr::from(([127, 0, 0, last], port))).await {
                    Ok(listener) => upstreams.push(Self::on(listener)),
                    Err(_) => break,
                }
            }
            if upstreams.len() == usize::from(n) {
                return upstreams;
            }
        }
        panic!("no port is free on {n} addresses of loopback");
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// From now on every request is answered with `answer`, once the queue is empty.
    pub fn answer(&self, answer: Answer) {
        self.answer_with(move |_| answer.clone());
    }

    /// From now on every request is answered as `answer` says, once the queue is empty.
    pub fn answer_with(&self, answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) {
        *self.script.otherwise.lock() = Arc::new(answer);
    }

    /// Puts `answer` at the end of the queue: each request takes one from its front.
    pub fn answer_next(&self, answer: Answer) {
        self.script.queue.lock().push_back(answer);
    }

    /// The requests received whole so far, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.records.received()
    }

    /// The request received last.
    ///
    /// # Panics
    ///
    /// If there was none.
    #[must_use]
    pub fn last(&self) -> Received {
        let received = self.records.received();
        received.last().expect("a request was received").clone()
    }

    /// The counts now.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.records.seen()
    }

    /// Waits until the counts satisfy `condition`, and tells them.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], with the counts as they are then, if that does not happen `within` the time.
    pub async fn wait_for(
        &self,
        within: Duration,
        condition: impl FnMut(&Seen) -> bool,
    ) -> Result<Seen, TimedOut> {
        self.records.wait_for(within, condition).await
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

// ===== impl Script =====

impl Script {
    pub(crate) fn answer(&self, request: &Received) -> Answer {
        if let Some(answer) = self.queue.lock().pop_front() {
            return answer;
        }
        let otherwise = self.otherwise.lock().clone();
        otherwise(request)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("queue", &*self.queue.lock())
            .finish_non_exhaustive()
    }
}
