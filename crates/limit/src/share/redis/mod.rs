//! A [`Store`] in Redis or what speaks its protocol, of version 5 or later: one server, a master that Sentinels watch,
//! or a Cluster.
//!
//! One exchange is one pipeline with a call of one script for each quota, several a second; each call reads and writes
//! the buckets of one quota, some sixty numbers a rate. All keys of a quota have one hash tag, begin with `headworks:1:`
//! (the number is that of the layout), and are given the time they live in the same script. The window is counted by Redis' own clock.
//!
//! What all are to know at once (that a quota rests, that it does so no more, that a provider says that nothing is left)
//! is published in the script that notes it, to a channel of the database's, and heard over one more connection of each
//! instance.
//!
//! # A Cluster
//!
//! Each server is sent one pipeline with the quotas that it keeps, at the same time as the others, and is waited for
//! by itself: one that is down silences its own quotas, and the rest are shared as before. It is left alone for a
//! second after it was waited for in vain, so that it does not slow down the exchange with the others either.
//! Where the slots are is asked of all servers that are known, at the start and whenever something does not fit;
//! `MOVED` and `ASK` are followed in the same exchange. While a slot is on its way from one server to another, a quota
//! of it may go unanswered for an exchange or two, which is less than a lease.
//!
//! A Cluster answers for nothing while any slot has no server, unless it is told otherwise
//! (`cluster-require-full-coverage no`): then a shard that is lost silences no more than its own quotas.
//!
//! # Sentinels
//!
//! They are asked for the master at the start, once a second, and whenever it does not answer or is a master no
//! more; whom they name is believed when it says so itself. So an instance has the new one some 0.3 s after it is
//! the Sentinels', whether the old one is refused, hangs or has become a replica, and 1.5 s after it at the latest: if
//! the old one goes on as if nothing had happened.
//!
//! # What may become of it
//!
//! No request waits for any of this, and each change is told once, when it takes effect, and of a silence each reason, by
//! [`KeeperParams::on_change`](super::KeeperParams::on_change).
//!
//! | Redis is | then |
//! |---|---|
//! | slow | an exchange is waited for most of [`KeeperParams::patience`](super::KeeperParams::patience); leases last through a few of them |
//! | far | a connection may take 5 s to be made, by way of names, TCP and TLS, while exchanges with it fail; the first that finds it goes over it |
//! | gone, refused, paused, or loading its data | after 0.75 s without an answer each instance goes by [`Alone`](super::Alone), as one of so many as there have been of late if nothing else is said; it is tried again 0.2 s after each try, and connected to 0.1 s after a connection has failed, then 0.2 s, up to every 2 s |
//! | back | what was used meanwhile is told, with its age; what may be spent comes with the second answer |
//! | empty, restarted without its data or with older data | the same, as if it had been silent until all have told theirs |
//! | full (`maxmemory`) | quotas that it knows are shared as before; for a new one it is as if it were gone, until it has room. Let it evict nothing (`noeviction`): what it throws away is forgotten use |
//! | asking for another user, password or database, or for TLS | as gone; the words say which, and never the password |
//! | not asked any more, since the [`Keeper`](super::Keeper) is closed or dropped | each quota goes by `Alone` at once, until another keeps it |
//! | moved | by a name, it is looked up with each new connection, 5 s after the last attempt if the old place says nothing; by Sentinels or in a Cluster, see there |
//!
//! # A failover
//!
//! A replica has what its master had when it last told it. What was granted in between, which is the lag of the
//! replica, may be granted twice; that is all that goes beyond the limit.
//!
//! Its clock may be behind that of its master. What had been counted by then leaves the window so much later, and counts
//! as used now where that would be later than a window; rests, and the slots and places of instances that are gone,
//! last so much longer.

mod address;
mod answer;
mod call;
mod cluster;
mod error;
mod link;
mod rests;
mod scout;
mod sentinel;
mod server;
mod slots;
#[cfg(test)]
mod tests;

pub use address::{Address, Login};

use super::{Answer, InstanceId, News, Question, Store, StoreError};
use call::Call;
use cluster::Cluster;
use redis::{Client, IntoConnectionInfo, Script};
use rests::Rests;
use sentinel::Watched;
use server::Server;
use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Quotas shared over a Redis.
///
/// A clone goes over the same connections, which are made in the background when they are first needed, and again when
/// they are lost.
#[derive(Clone)]
pub struct RedisStore {
    servers: Arc<Servers>,
    script: Arc<Script>,
    rests: Rests,
    patience: Duration,
}

enum Servers {
    One(Box<Server>),
    Watched(Watched),
    Cluster(Cluster),
}

// ===== impl RedisStore =====

impl RedisStore {
    /// The store at this URL, `redis://[user[:password]@]host[:port][/db]`, or `rediss://` over TLS. Nothing is
    /// connected yet.
    ///
    /// It is a single server, or the master of several. It has most of `patience` for an answer: so that what
    /// others have answered counts while one of them hangs, it ends a little before that of the
    /// [`Keeper`](super::Keeper).
    ///
    /// # Errors
    ///
    /// If the URL cannot be understood; it is not repeated, since it may hold a password.
    pub fn new(url: &str, patience: Duration) -> Result<Self, StoreError> {
        Self::single(url, patience)
    }

    /// The single server at this address.
    ///
    /// # Errors
    ///
    /// If TLS is wanted and not built in.
    pub fn server(at: &Address, login: &Login, patience: Duration) -> Result<Self, StoreError> {
        let at = login.at(at);
        let at = at.map_err(|error| StoreError::new(error::words(&error)))?;
        Self::single(at, patience)
    }

    fn single(at: impl IntoConnectionInfo, patience: Duration) -> Result<Self, StoreError> {
        let script = script();
        let server = Server::new(at, script.clone());
        let server = server.map_err(|error| StoreError::new(error::words(&error)))?;
        let db = server.db();
        let servers = Servers::One(Box::new(server));
        Ok(Self::of(servers, db, script, patience))
    }

    /// The Cluster that these servers belong to: some of them, of which one is enough to find the others.
    ///
    /// # Errors
    ///
    /// If the login names another database than 0: a Cluster has none.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn cluster(
        seeds: Vec<Address>,
        login: Login,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        if login.db != 0 {
            return Err(StoreError::new("a Cluster has no database but 0"));
        }
        let script = script();
        let cluster = Cluster::new(seeds, login, script.clone(), shorter(patience));
        Ok(Self::of(Servers::Cluster(cluster), 0, script, patience))
    }

    /// The master that these Sentinels know by the name of `service`, with a login for them and one for it.
    ///
    /// # Errors
    ///
    /// If TLS is wanted and not built in.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn sentinel(
        sentinels: Vec<Address>,
        theirs: &Login,
        service: impl Into<String>,
        login: Login,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let script = script();
        let server = |at: Address| {
            let server = theirs.at(&at);
            let server = server.and_then(|info| Server::new(info, script.clone()));
            let server = server.map_err(|error| error::told(&error, &theirs.place(&at)))?;
            Ok((at, server))
        };
        let sentinels = sentinels.into_iter().map(server);
        let sentinels = sentinels.collect::<Result<_, StoreError>>()?;
        let within = shorter(patience);
        let db = login.db.into();
        let watched = Watched::new(sentinels, service.into(), login, script.clone(), within);
        Ok(Self::of(Servers::Watched(watched), db, script, patience))
    }

    fn of(servers: Servers, db: i64, script: Arc<Script>, patience: Duration) -> Self {
        Self {
            servers: Arc::new(servers),
            script,
            rests: Rests::of(db),
            patience: shorter(patience),
        }
    }
}

impl Store for RedisStore {
    type Future = Pin<Box<dyn Future<Output = Result<Vec<Answer>, StoreError>> + Send>>;

    fn exchange(&self, instance: &InstanceId, questions: &[Question]) -> Self::Future {
        let calls = questions
            .iter()
            .map(|question| Call::new(&self.script, &self.rests, instance, question));
        let calls: Vec<_> = calls.collect();
        let (servers, patience) = (self.servers.clone(), self.patience);
        Box::pin(async move {
            let answers = servers.ask(&calls, Instant::now() + patience).await;
            let read = |(call, answer): (&Call, Result<Vec<i64>, _>)| {
                answer.and_then(|answer| answer::read(&answer, call.rates, call.requests))
            };
            gather(calls.iter().zip(answers).map(read))
        })
    }

    fn listen(
        &self,
        heard: impl Fn(&str, News<'_>) + Send + Sync + 'static,
    ) -> impl Future<Output = ()> + Send {
        self.rests.listen(&self.servers, self.patience, heard)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

fn script() -> Arc<Script> {
    Arc::new(Script::new(include_str!("exchange.lua")))
}

fn shorter(patience: Duration) -> Duration {
    patience - patience / 8
}

/// All answers, or those there are with the first reason why the others are missing.
fn gather(
    all: impl Iterator<Item = Result<Answer, StoreError>>,
) -> Result<Vec<Answer>, StoreError> {
    let mut why = None;
    let answers: Vec<_> = all
        .map(|answer| {
            answer
                .map_err(|error| why = why.take().or(Some(error)))
                .ok()
        })
        .collect();
    match why {
        None => Ok(answers.into_iter().flatten().collect()),
        Some(error) if answers.iter().all(Option::is_none) => Err(error),
        Some(error) => Err(error.but(answers)),
    }
}

// ===== impl Servers =====

impl Servers {
    async fn ask(&self, calls: &[Call], until: Instant) -> Vec<Result<Vec<i64>, StoreError>> {
        match self {
            Self::One(server) => {
                let all: Vec<_> = calls.iter().collect();
                let answers = server.ask(&all, false, until).await.into_iter();
                answers
                    .map(|answer| answer.map_err(|error| error::told(&error, &server.at())))
                    .collect()
            }
            Self::Watched(watched) => watched.ask(calls, until).await,
            Self::Cluster(cluster) => cluster.ask(calls, until).await,
        }
    }

    /// One that hears what is published to any of them. Each `turn` it is another, where there are several.
    async fn to_listen_to(&self, turn: usize, until: Instant) -> Option<Client> {
        match self {
            Self::One(server) => Some(server.client()),
            Self::Watched(watched) => watched.to_listen_to(until).await,
            Self::Cluster(cluster) => cluster.to_listen_to(turn, until).await,
        }
    }
}
