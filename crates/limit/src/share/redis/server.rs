use super::call::Call;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, FromRedisValue,
    IntoConnectionInfo, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value,
    aio::MultiplexedConnection, from_redis_value,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

/// One server, and the connection to it: made when it is first needed, and again after it was lost.
pub(super) struct Server {
    client: Client,
    script: Arc<Script>,
    connection: Mutex<Option<MultiplexedConnection>>,
    /// It has let somebody wait in vain, and is not waited for until then.
    shunned: parking_lot::Mutex<Option<Instant>>,
}

/// How long a server is left alone after it has let somebody wait in vain, if others are asked together with it.
const SHUNNED: Duration = Duration::from_secs(1);

// ===== impl Server =====

impl Server {
    /// Nothing is connected yet.
    pub(super) fn new(at: impl IntoConnectionInfo, script: Arc<Script>) -> RedisResult<Self> {
        Ok(Self {
            client: Client::open(at)?,
            script,
            connection: Mutex::default(),
            shunned: parking_lot::Mutex::default(),
        })
    }

    /// For another connection to it.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The number of the database that is used.
    pub(super) fn db(&self) -> i64 {
        self.client.get_connection_info().redis_settings().db()
    }

    /// Where it is, in words.
    pub(super) fn at(&self) -> String {
        let addr = self.client.get_connection_info().addr();
        // One without would let it wait for ever.
        match addr {
            ConnectionAddr::TcpTls { .. } => format!("{addr} over TLS"),
            _ => addr.to_string(),
        }
    }

    /// True if it was waited for in vain, a short while ago.
    pub(super) fn is_shunned(&self) -> bool {
        let until = *self.shunned.lock();
        until.is_some_and(|until| Instant::now() < until)
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
        let answers = self.within(until, self.run(calls, asking)).await;
        answers.unwrap_or_else(|error| calls.iter().map(|_| Err(error.clone())).collect())
    }

    /// What it answers to one command.
    pub(super) async fn query<T: FromRedisValue>(
        &self,
        command: &Cmd,
        until: Instant,
    ) -> RedisResult<T> {
        let query = async {
            let mut connection = self.connect().await?;
            command.query_async(&mut connection).await
        };
        self.within(until, query).await
    }

    async fn run(&self, calls: &[&Call], asking: bool) -> RedisResult<Vec<RedisResult<Vec<i64>>>> {
        let mut connection = self.connect().await?;
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

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        // Whoever asks has a clock of its own, over all of it.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let client = &self.client;
        let made = client.get_multiplexed_async_connection_with_config(&config);
        Ok(connection.insert(made.await?).clone())
    }

    /// Gives up at that time, and makes another connection for the next one if this one is of no more use.
    async fn within<T>(
        &self,
        until: Instant,
        work: impl Future<Output = RedisResult<T>>,
    ) -> RedisResult<T> {
        let done = timeout_at(until, work).await;
        let done = done.unwrap_or_else(|_| Err(late()));
        let is_late = done.as_ref().is_err_and(RedisError::is_timeout);
        *self.shunned.lock() = is_late.then(|| Instant::now() + SHUNNED);
        let is_lost = |error: &RedisError| error.is_io_error() || error.is_unrecoverable_error();
        if done.as_ref().is_err_and(is_lost) {
            // Whoever holds it is about to connect anew.
            if let Ok(mut connection) = self.connection.try_lock() {
                *connection = None;
            }
        }
        done
    }
}

fn late() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
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
