use super::{
    Address, Login, StoreError, call::Call, error, scout::Scout, server::Server, slots::Slots,
};
use futures_util::{
    future::join_all,
    stream::{FuturesUnordered, StreamExt},
};
use parking_lot::Mutex;
use redis::{Client, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind, Value};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// Several servers, each of which keeps some of the slots.
///
/// Each is asked over a connection of its own, in one pipeline, and waited for by itself: one that is gone or hangs
/// silences its own quotas alone.
pub(super) struct Cluster {
    nodes: Arc<Nodes>,
    slots: Scout<Arc<Slots>>,
}

/// All servers that are known.
struct Nodes {
    seeds: Vec<Address>,
    login: Login,
    script: Arc<Script>,
    servers: Mutex<HashMap<Address, Arc<Server>>>,
}

/// How often one exchange follows a key that has moved.
const REDIRECTIONS: usize = 2;

// ===== impl Cluster =====

impl Cluster {
    pub(super) fn new(
        seeds: Vec<Address>,
        login: Login,
        script: Arc<Script>,
        patience: Duration,
    ) -> Self {
        let nodes = Arc::new(Nodes {
            seeds,
            login,
            script,
            servers: Mutex::default(),
        });
        let looking = nodes.clone();
        let look = move || {
            let nodes = looking.clone();
            async move { nodes.look(Instant::now() + patience).await }
        };
        let slots = Scout::send(look, None);
        Self { nodes, slots }
    }

    pub(super) async fn ask(
        &self,
        calls: &[Call],
        until: Instant,
    ) -> Vec<Result<Vec<i64>, StoreError>> {
        let slots = match self.slots.found(until).await {
            Ok(slots) => slots,
            Err(error) => {
                self.slots.again();
                let error = error.to_string();
                let none = |_| Err(StoreError::new(error.as_str()));
                return calls.iter().map(none).collect();
            }
        };
        let nobody = || Err(StoreError::new("the Cluster has no server for some slots"));
        let mut answers: Vec<_> = calls.iter().map(|_| nobody()).collect();
        let mut next: HashMap<_, Vec<_>> = HashMap::new();
        for (number, call) in calls.iter().enumerate() {
            match slots.master(call.slot) {
                Some(master) => next
                    .entry((master.clone(), false))
                    .or_default()
                    .push(number),
                None => self.slots.again(),
            }
        }
        for _ in 0..=REDIRECTIONS {
            let groups = std::mem::take(&mut next);
            let asked = groups.into_iter().map(async |((at, asking), numbers)| {
                let calls: Vec<_> = numbers.iter().map(|number| &calls[*number]).collect();
                let given = self.nodes.ask(&at, &calls, asking, until).await;
                (at, numbers, given)
            });
            for (at, numbers, given) in join_all(asked).await {
                for (number, answer) in numbers.into_iter().zip(given) {
                    let error = match answer {
                        Ok(answer) => {
                            answers[number] = Ok(answer);
                            continue;
                        }
                        Err(error) => error,
                    };
                    if is_of_the_past(&error) {
                        self.slots.again();
                    }
                    if let Some(elsewhere) = elsewhere(&error, &at) {
                        next.entry(elsewhere).or_default().push(number);
                        answers[number] = Err(StoreError::new("keys move from server to server"));
                    } else {
                        answers[number] = Err(error::told(&error, &self.nodes.login.place(&at)));
                    }
                }
            }
            if next.is_empty() {
                break;
            }
        }
        answers
    }

    /// One of the masters: each hears what is published to any.
    pub(super) async fn to_listen_to(&self, turn: usize, until: Instant) -> Option<Client> {
        let slots = self.slots.found(until).await.ok()?;
        let masters: Vec<_> = slots.masters().collect();
        let at = masters.get(turn.checked_rem(masters.len())?)?;
        Some(self.nodes.server(at).ok()?.client())
    }
}

/// True if it may be that another server keeps the slot by now.
fn is_of_the_past(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::Moved
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
        ),
        _ => error.is_io_error(),
    }
}

/// Where the server at `asked` says that the key is, and whether for this once.
fn elsewhere(error: &RedisError, asked: &Address) -> Option<(Address, bool)> {
    let (address, _) = error.redirect_node()?;
    let mut address: Address = address.parse().ok()?;
    if address.host.is_empty() {
        address.host.clone_from(&asked.host);
    }
    let once = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
    Some((address, once))
}

// ===== impl Nodes =====

impl Nodes {
    fn server(&self, at: &Address) -> RedisResult<Arc<Server>> {
        let mut servers = self.servers.lock();
        if let Some(server) = servers.get(at) {
            return Ok(server.clone());
        }
        let server = Arc::new(Server::new(self.login.at(at)?, self.script.clone())?);
        servers.insert(at.clone(), server.clone());
        Ok(server)
    }

    async fn ask(
        &self,
        at: &Address,
        calls: &[&Call],
        asking: bool,
        until: Instant,
    ) -> Vec<RedisResult<Vec<i64>>> {
        match self.server(at) {
            Ok(server) if server.is_shunned() => Server::shun(calls),
            Ok(server) => server.ask(calls, asking, until).await,
            Err(error) => calls.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Asks all that are known where the slots are, and goes by the first to know.
    async fn look(&self, until: Instant) -> Result<Arc<Slots>, StoreError> {
        let known: HashSet<_> = {
            let servers = self.servers.lock();
            servers.keys().chain(&self.seeds).cloned().collect()
        };
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let ask = async |at: Address| {
            let slots = match self.server(&at) {
                Ok(server) => server.query::<Value>(&command, until).await,
                Err(error) => Err(error),
            };
            let slots = slots.and_then(|slots| Ok(Slots::read(slots, &at)?));
            slots.map_err(|error| error::told(&error, &self.login.place(&at)))
        };
        let mut asked: FuturesUnordered<_> = known.into_iter().map(ask).collect();
        let mut why = StoreError::new("no startup node of the Cluster is named");
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(slots) => {
                    let named: HashSet<_> = slots.masters().chain(&self.seeds).collect();
                    self.servers.lock().retain(|at, _| named.contains(at));
                    return Ok(Arc::new(slots));
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }
}
