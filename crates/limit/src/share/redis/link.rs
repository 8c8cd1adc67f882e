use crate::share::jittered;
use parking_lot::Mutex;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, aio::MultiplexedConnection};
use std::{io, time::Duration};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

/// The one connection to a server: made when somebody first needs it, and again after it was lost.
///
/// It is made in the background and by a clock of its own: whoever needs it waits as long as it likes, and who gives up
/// leaves the attempt to the next, so that a server is reached whose handshake takes longer than an exchange may.
pub(super) struct Link {
    client: Client,
    progress: watch::Sender<Progress>,
    /// The attempt under way, which ends with this.
    attempt: Mutex<JoinSet<()>>,
}

/// A connection, and which one it is of all that there have been.
#[derive(Clone)]
pub(super) struct Linked {
    pub(super) connection: MultiplexedConnection,
    number: u64,
}

struct Progress {
    state: State,
    /// How many connections there have been.
    made: u64,
    /// Attempts since the server has last answered.
    in_vain: u32,
}

enum State {
    /// Nobody has needed it.
    New,
    Making,
    Made(Linked),
    /// There is none, for this reason, and until then none is made.
    Lost(RedisError, Instant),
}

/// How long an attempt may take. Names are looked up, and TCP and TLS shake hands: a first packet that is lost is sent
/// again after one second and after three. A server that is gone without a word is looked up anew after as long.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// How long after an attempt that has failed the next is made, twice as long after each further one, at most: five
/// hundred instances that wait for a server are not to be 2,500 handshakes a second when it comes back.
const BACKOFF: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

// ===== impl Link =====

impl Link {
    /// Nothing is connected yet.
    pub(super) fn new(client: Client) -> Self {
        let progress = Progress {
            state: State::New,
            made: 0,
            in_vain: 0,
        };
        Self {
            client,
            progress: watch::Sender::new(progress),
            attempt: Mutex::default(),
        }
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// The connection, when the attempt under way has brought it, or why there is none.
    pub(super) async fn get(&self) -> RedisResult<Linked> {
        let begins = |progress: &mut Progress| progress.begins(Instant::now());
        if self.progress.send_if_modified(begins) {
            self.begin();
        }
        let mut progress = self.progress.subscribe();
        let is_over = |progress: &Progress| !matches!(progress.state, State::Making);
        match progress.wait_for(is_over).await.as_deref() {
            Ok(Progress {
                state: State::Made(linked),
                ..
            }) => Ok(linked.clone()),
            Ok(Progress {
                state: State::Lost(why, _),
                ..
            }) => Err(why.clone()),
            Ok(_) | Err(_) => Err(late()),
        }
    }

    fn begin(&self) {
        // Held from before it is under way: whoever begins the next is not to be ended by this one.
        let mut under_way = self.attempt.lock();
        let (client, progress) = (self.client.clone(), self.progress.clone());
        let mut attempt = JoinSet::new();
        attempt.spawn(async move {
            let made = timeout(CONNECT, connect(&client)).await;
            let made = made.unwrap_or_else(|_| Err(late()));
            progress.send_modify(|progress| match made {
                Ok(connection) => progress.made(connection),
                Err(why) => progress.lost(why),
            });
        });
        *under_way = attempt;
    }

    /// The server has answered over this one.
    pub(super) fn answers(&self) {
        self.progress.send_if_modified(|progress| {
            progress.in_vain = 0;
            false
        });
    }

    /// This one is of no more use.
    pub(super) fn lost(&self, lost: u64, why: &RedisError) {
        self.progress.send_if_modified(|progress| {
            let is_it = matches!(&progress.state, State::Made(linked) if linked.number == lost);
            if is_it {
                progress.lost(why.clone());
            }
            is_it
        });
    }

    /// True if there is one.
    pub(super) fn is_made(&self) -> bool {
        matches!(self.progress.borrow().state, State::Made(_))
    }
}

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    // Whoever asks has a clock of its own.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

/// Why there is none that somebody has waited for.
pub(super) fn late() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

// ===== impl Linked =====

impl Linked {
    pub(super) const fn number(&self) -> u64 {
        self.number
    }
}

// ===== impl Progress =====

impl Progress {
    /// True if an attempt is to be made, which is under way from now on.
    fn begins(&mut self, now: Instant) -> bool {
        let begins = match &self.state {
            State::New => true,
            State::Lost(_, until) => *until <= now,
            State::Making | State::Made(_) => false,
        };
        if begins {
            self.state = State::Making;
            self.in_vain += 1;
        }
        begins
    }

    fn made(&mut self, connection: MultiplexedConnection) {
        self.made += 1;
        self.state = State::Made(Linked {
            connection,
            number: self.made,
        });
    }

    fn lost(&mut self, why: RedisError) {
        // One that has answered is made again at once.
        let backoff = match self.in_vain.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => jittered((BACKOFF * (1 << doublings.min(10))).min(LONGEST)),
        };
        self.state = State::Lost(why, Instant::now() + backoff);
    }
}
