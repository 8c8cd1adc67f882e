use super::{Address, Login, StoreError, call::Call, error, scout::Scout, server::Server};
use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use redis::{Client, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind, Value};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The master that the Sentinels name.
pub(super) struct Watched {
    master: Scout<Arc<Server>>,
}

/// Whom to ask for the master.
struct Sentinels {
    sentinels: Vec<(Address, Server)>,
    service: String,
    login: Login,
    script: Arc<Script>,
    /// Those that have been named, with what there is of a connection to them: one that takes longer than a look is
    /// there for the next.
    named: Mutex<HashMap<Address, Arc<Server>>>,
}

/// How often the Sentinels are asked although all is well: a master that is cut off from them takes writes, which are
/// lost, until it is known that there is another.
const EVERY: Duration = Duration::from_secs(1);

// ===== impl Watched =====

impl Watched {
    pub(super) fn new(
        sentinels: Vec<(Address, Server)>,
        service: String,
        login: Login,
        script: Arc<Script>,
        patience: Duration,
    ) -> Self {
        let sentinels = Arc::new(Sentinels {
            sentinels,
            service,
            login,
            script,
            named: Mutex::default(),
        });
        let look = move || {
            let sentinels = sentinels.clone();
            async move { sentinels.look(Instant::now() + patience).await }
        };
        Self {
            master: Scout::send(look, Some(EVERY)),
        }
    }

    pub(super) async fn ask(
        &self,
        calls: &[Call],
        until: Instant,
    ) -> Vec<Result<Vec<i64>, StoreError>> {
        let master = match self.master.found(until).await {
            Ok(master) => master,
            Err(error) => {
                self.master.again();
                let error = error.to_string();
                let none = |_| Err(StoreError::new(error.as_str()));
                return calls.iter().map(none).collect();
            }
        };
        let all: Vec<_> = calls.iter().collect();
        let answers = master.ask(&all, false, until).await;
        let is_of_the_past = |answer: &RedisResult<_>| answer.as_ref().is_err_and(is_of_the_past);
        if answers.iter().any(is_of_the_past) {
            self.master.again();
        }
        let at = master.at();
        let told = |answer: RedisResult<_>| answer.map_err(|error| error::told(&error, &at));
        answers.into_iter().map(told).collect()
    }

    /// The master, which hears what is published to it.
    pub(super) async fn to_listen_to(&self, until: Instant) -> Option<Client> {
        Some(self.master.found(until).await.ok()?.client())
    }
}

/// True if it may be that another server is the master by now.
fn is_of_the_past(error: &RedisError) -> bool {
    let gone = ErrorKind::Server(ServerErrorKind::ReadOnly);
    error.kind() == gone || error.is_io_error()
}

// ===== impl Sentinels =====

impl Sentinels {
    /// Asks all of them, and goes by the first to name a server that says it is the master: one that was away does
    /// not know of a failover yet.
    async fn look(&self, until: Instant) -> Result<Arc<Server>, StoreError> {
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let ask = async |(at, sentinel): &(Address, Server)| {
            let named = sentinel.query::<Option<(String, u16)>>(&command, until);
            let named = named.await;
            let named = named.map_err(|error| error::told(&error, &sentinel.at()))?;
            let Some((host, port)) = named else {
                let service = &self.service;
                return Err(StoreError::new(format!(
                    "the Sentinel knows no service named {service:?} (at {at})"
                )));
            };
            let master = Address::new(host, port);
            let confirmed = self.confirm(&master, until).await?;
            Ok((master, confirmed))
        };
        let mut asked: FuturesUnordered<_> = self.sentinels.iter().map(ask).collect();
        let mut why = StoreError::new("no Sentinel is named");
        while let Some(answer) = asked.next().await {
            match answer {
                Ok((at, master)) => {
                    self.named.lock().retain(|named, _| *named == at);
                    return Ok(master);
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn named(&self, at: &Address) -> RedisResult<Arc<Server>> {
        let mut named = self.named.lock();
        if let Some(server) = named.get(at) {
            return Ok(server.clone());
        }
        // Where the master is ever elsewhere and never one, the first are looked up anew.
        if named.len() > self.sentinels.len() {
            named.clear();
        }
        let server = Arc::new(Server::new(self.login.at(at)?, self.script.clone())?);
        named.insert(at.clone(), server.clone());
        Ok(server)
    }

    async fn confirm(&self, at: &Address, until: Instant) -> Result<Arc<Server>, StoreError> {
        let told = |error: &RedisError| error::told(error, &self.login.place(at));
        let server = self.named(at).map_err(|error| told(&error))?;
        let role = server.query::<Vec<Value>>(&redis::cmd("ROLE"), until).await;
        let role = role.map_err(|error| told(&error))?.into_iter().next();
        if !matches!(role, Some(Value::BulkString(role)) if role == b"master") {
            return Err(StoreError::new(format!(
                "the Sentinel names a server that is no master (at {at})"
            )));
        }
        Ok(server)
    }
}
