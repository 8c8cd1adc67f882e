use super::{
    call::Call,
    link::{Link, late},
};
use redis::{
    Client, Cmd, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline,
    RedisError, RedisResult, Script, ServerErrorKind, Value, aio::MultiplexedConnection,
    from_redis_value,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// One server, and the connection to it.
pub(super) struct Server {
    link: Link,
    script: Arc<Script>,
    shunned: parking_lot::Mutex<Option<Shunned>>,
}

/// It has let somebody wait in vain, and is not waited for until then.
#[derive(Clone, Copy)]
struct Shunned {
    until: Instant,
    /// For a connection: then it is once there is one.
    unconnected: bool,
}

/// How long a server is left alone after it has let somebody wait in vain, if others are asked together with it.
const SHUNNED: Duration = Duration::from_secs(1);

// ===== impl Server =====

impl Server {
    /// Nothing is connected yet.
    pub(super) fn new(at: impl IntoConnectionInfo, script: Arc<Script>) -> RedisResult<Self> {
        Ok(Self {
            link: Link::new(Client::open(at)?),
            script,
            shunned: parking_lot::Mutex::default(),
        })
    }

    /// For another connection to it.
    pub(super) fn client(&self) -> Client {
        self.link.client().clone()
    }

    /// The number of the database that is used.
    pub(super) fn db(&self) -> i64 {
        let info = self.link.client().get_connection_info();
        info.redis_settings().db()
    }

    /// Where it is, in words.
    pub(super) fn at(&self) -> String {
        let addr = self.link.client().get_connection_info().addr();
        // One without would let it wait for ever.
        match addr {
            ConnectionAddr::TcpTls { .. } => format!("{addr} over TLS"),
            _ => addr.to_string(),
        }
    }

    /// True if it was waited for in vain, a short while ago.
    pub(super) fn is_shunned(&self) -> bool {
        let shunned = *self.shunned.lock();
        shunned.is_some_and(|shunned| {
            let is_there = shunned.unconnected && self.link.is_made();
            Instant::now() < shunned.until && !is_there
        })
    }

    /// The answers of one that is not waited for.
    pub(super) fn shun(calls: &[&Call]) -> Vec<RedisResult<Vec<i64>>> {
        calls.iter().map(|_| Err(late())).collect()
    }

    /// What it answers to each of these calls, after a redirection for this once if they are `asking`.
    pub(super) async fn ask(
        &self,
        calls: &[&Call],
        asking: bool,
        until: Instant,
    ) -> Vec<RedisResult<Vec<i64>>> {
        let run = |connection| self.run(connection, calls, asking);
        let mut answers = self.within(until, run).await;
        let has_ended = RedisError::is_connection_dropped;
        if answers.as_ref().is_err_and(has_ended) {
            // That says nothing of the server yet: why there is no other connection does.
            answers = self.within(until, run).await;
        }
        answers.unwrap_or_else(|error| calls.iter().map(|_| Err(error.clone())).collect())
    }

    /// What it answers to one command.
    pub(super) async fn query<T: FromRedisValue>(
        &self,
        command: &Cmd,
        until: Instant,
    ) -> RedisResult<T> {
        let query = async |mut connection| command.query_async(&mut connection).await;
        self.within(until, query).await
    }

    async fn run(
        &self,
        mut connection: MultiplexedConnection,
        calls: &[&Call],
        asking: bool,
    ) -> RedisResult<Vec<RedisResult<Vec<i64>>>> {
        let mut answers = send(&mut connection, calls, asking).await?;
        let unknown = ErrorKind::Server(ServerErrorKind::NoScript);
        let is_unknown = |answer: &RedisResult<_>| {
            answer
                .as_ref()
                .is_err_and(|error: &RedisError| error.kind() == unknown)
        };
        if answers.iter().any(is_unknown) {
            // A server that was restarted, or has not seen it yet.
            let load = self.script.prepare_invoke();
            load.load_async(&mut connection).await?;
            let at: Vec<_> = (0..calls.len())
                .filter(|at| is_unknown(&answers[*at]))
                .collect();
            let calls: Vec<_> = at.iter().map(|at| calls[*at]).collect();
            let again = send(&mut connection, &calls, asking).await?;
            for (at, answer) in at.into_iter().zip(again) {
                answers[at] = answer;
            }
        }
        Ok(answers)
    }

    /// Waits for a connection, and for what is done with it, until that time.
    async fn within<T, F>(
        &self,
        until: Instant,
        work: impl FnOnce(MultiplexedConnection) -> F,
    ) -> RedisResult<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let Ok(linked) = timeout_at(until, self.link.get()).await else {
            self.is_late(true);
            return Err(late());
        };
        let linked = linked?;
        let number = linked.number();
        let done = timeout_at(until, work(linked.connection)).await;
        let done = done.unwrap_or_else(|_| Err(late()));
        let is_lost = |error: &&RedisError| error.is_io_error() || error.is_unrecoverable_error();
        match done.as_ref().err().filter(is_lost) {
            Some(error) => self.link.lost(number, error),
            None => self.link.answers(),
        }
        match &done {
            Err(error) if error.is_timeout() => self.is_late(false),
            _ => *self.shunned.lock() = None,
        }
        done
    }

    fn is_late(&self, unconnected: bool) {
        *self.shunned.lock() = Some(Shunned {
            until: Instant::now() + SHUNNED,
            unconnected,
        });
    }
}

async fn send(
    connection: &mut MultiplexedConnection,
    calls: &[&Call],
    asking: bool,
) -> RedisResult<Vec<RedisResult<Vec<i64>>>> {
    let mut commands = Pipeline::with_capacity(calls.len());
    for call in calls {
        if asking {
            commands.add_command(redis::cmd("ASKING"));
        }
        commands.add_command(call.command.clone());
    }
    let answers = connection.send_packed_commands(&commands, 0, commands.len());
    let every = if asking { 2 } else { 1 };
    let answers = answers.await?.into_iter().skip(every - 1).step_by(every);
    let read = |answer: Value| Ok(from_redis_value(answer.extract_error()?)?);
    Ok(answers.map(read).collect())
}
