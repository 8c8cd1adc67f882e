//! What an exchange costs a real Redis, and how many instances one of them is enough for.

use anyhow::{Context, Result};
use headworks_limit::{
    Limits, Quota, Tokens,
    share::{Alone, Keeper, KeeperParams, redis::RedisStore},
};
use headworks_simulation::Table;
use headworks_upstream::RedisServer;
use redis::{Client, aio::MultiplexedConnection};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// What a call of the script was measured to cost: one quota of one instance.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// What the quota keeps.
    pub kind: Kind,
    /// Microseconds in the script, by `INFO commandstats`: by the clock, so that on a busy machine it waits for a
    /// core in them too.
    pub script: f64,
    /// Microseconds of the server's CPU in all, by `INFO cpu`: reading, the script, writing.
    pub cpu: f64,
    /// Bytes to the server.
    pub sent: f64,
    /// Bytes from it.
    pub received: f64,
}

/// What a quota keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Requests a minute.
    Requests,
    /// And tokens a minute.
    Tokens,
    /// And requests at a time.
    Slots,
}

/// As measured on one core of a machine that is busy with other things too, with Redis 7.0.15 over a Unix socket, by
/// `cargo xtask scale redis`: what the page calculates with.
pub const MEASURED: [Call; 3] = [
    Call {
        kind: Kind::Requests,
        script: 95.2,
        cpu: 107.2,
        sent: 545.2,
        received: 79.5,
    },
    Call {
        kind: Kind::Tokens,
        script: 161.9,
        cpu: 174.0,
        sent: 752.2,
        received: 126.5,
    },
    Call {
        kind: Kind::Slots,
        script: 174.3,
        cpu: 186.9,
        sent: 808.1,
        received: 127.6,
    },
];

/// How often an instance asks for each quota in a second while something is asked for, and while nothing is.
pub const BUSY: f64 = 9.5;
/// See [`BUSY`].
pub const IDLE: f64 = 2.5;

/// The part of a core that may be used: what is left is for bursts, for other clients, and for the fork of a
/// snapshot.
pub const HALF: f64 = 0.5;

const INSTANCES: usize = 100;
const QUOTAS: usize = 4;
const PER_SECOND: u32 = 4000;
const PATIENCE: Duration = Duration::from_secs(1);

/// Windows are as full as they get after a minute: each bucket is one more number for the script to read.
const WARM_UP: Duration = Duration::from_secs(65);
const MEASURE: Duration = Duration::from_secs(10);

// ===== impl Call =====

impl Call {
    /// Quotas times instances of which one core, half used, bears so many exchanges a second each.
    #[must_use]
    pub fn enough_for(&self, exchanges: f64) -> f64 {
        HALF * 1e6 / self.cpu / exchanges
    }
}

// ===== impl Kind =====

impl Kind {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Slots];

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Requests => "rpm",
            Self::Tokens => "rpm and tpm",
            Self::Slots => "rpm, tpm and max_parallel_requests",
        }
    }

    fn limits(self) -> Limits {
        let limits = Limits::new().rpm(600_000);
        match self {
            Self::Requests => limits,
            Self::Tokens => limits.tpm(600_000_000),
            Self::Slots => limits.tpm(600_000_000).parallel(100_000),
        }
    }
}

/// What the page says of it.
pub(crate) fn section() -> String {
    let mut costs = Table::new(&[
        "a quota with",
        "CPU of a call",
        "to Redis",
        "from it",
        "busy instances × quotas",
        "idle instances × quotas",
    ]);
    for call in MEASURED {
        costs.rows.push(vec![
            call.kind.words().to_owned(),
            format!("{:.0} µs", call.cpu),
            format!("{:.0} B", call.sent),
            format!("{:.0} B", call.received),
            format!("{:.0}", call.enough_for(BUSY)),
            format!("{:.0}", call.enough_for(IDLE)),
        ]);
    }
    format!("{}\n{}\n{AFTER}", before(), costs.write())
}

fn before() -> String {
    format!(
        "\
## When one Redis is not enough

An exchange is one pipeline with one call of a script for each quota that an instance keeps. An instance makes {BUSY} of them a second while something
is asked of it, {IDLE} while nothing is, and up to 23 where a limit on tokens is used up and everybody wants what comes free, so that

> calls a second = instances × quotas × exchanges a second
>
> cores = calls a second × CPU of a call

Redis runs scripts on one core. Half of it should be left for bursts (all instances may ask within the same few milliseconds), for what else it is used for, and for
the fork of a snapshot. Measured against a real redis-server 7.0.15 over a Unix socket, with 100 instances and four quotas whose windows are full, on one core of a
small cloud machine that was busy with other things (`cargo xtask scale redis`; put your own in):
"
    )
}

const AFTER: &str = "\
The last two columns are how many instances times quotas half a core bears: 0.5 s ÷ (CPU of a call × exchanges a second). A quota that
nobody wants is asked for as one of an idle instance is, also by an instance that is busy with others. One without limits, of which only rests
are shared, is asked for once in two seconds: a fifth of that.

Then what:

- **A Cluster.** All keys of a quota have one hash tag and thus one node; quotas spread over the nodes by themselves, and nothing is shared between
  two of them. With *M* masters the figures are *M* times as large, as long as there are many more quotas than masters. One quota alone cannot be spread: its
  most is what one core bears.
- **Fewer quotas.** `model_info.quota_group` makes one quota of deployments that live off one account.
- **Several gateways' worth of stores.** Instances that do not share accounts need not share a Redis.

Memory is no matter: a rate of a quota is sixty-odd numbers, an instance some hundred bytes. The network is none either: five hundred
busy instances with ten quotas are some 50,000 calls a second, 40 MB/s.
";

/// Drives a real server with a hundred instances that share four busy quotas, in real time, and measures what a call
/// costs it.
///
/// # Errors
///
/// If the server cannot be asked.
///
/// # Panics
///
/// If `redis-server` is not installed.
pub async fn measure(kind: Kind) -> Result<Call> {
    let server = RedisServer::start(&[]).await;
    let client = Client::open(server.url())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut all = Vec::new();
    let mut keepers = Vec::new();
    for number in 0..INSTANCES {
        let quotas: Vec<_> = (0..QUOTAS).map(|_| Quota::new(kind.limits())).collect();
        let named = quotas.iter().enumerate();
        let named = named.map(|(at, quota)| (Arc::from(format!("account-{at}")), quota.clone()));
        let store = RedisStore::new(&server.url(), PATIENCE)?;
        // A name as long as those of the gateway.
        let name = format!("gateway-7d9f8b6c5d-{number:04}-6f1c2d3e");
        let params = KeeperParams::new(name.as_str())
            .alone(Alone::Closed)
            .patience(PATIENCE);
        keepers.push(Keeper::spawn(store, named, params));
        all.extend(quotas);
        // Not all in step.
        sleep(Duration::from_millis(1)).await;
    }
    ask(&all, WARM_UP).await;
    let before = Counters::read(&mut connection).await?;
    ask(&all, MEASURE).await;
    let after = Counters::read(&mut connection).await?;
    let calls = after.calls - before.calls;
    Ok(Call {
        kind,
        script: (after.script - before.script) / calls,
        cpu: (after.cpu - before.cpu) / calls,
        sent: (after.sent - before.sent) / calls,
        received: (after.received - before.received) / calls,
    })
}

/// Asks for some of it at random.
async fn ask(quotas: &[Quota], lasts: Duration) {
    let begin = Instant::now();
    let mut asked = 0;
    let mut held = std::collections::VecDeque::new();
    while begin.elapsed() < lasts {
        asked += 1;
        sleep_until(begin + asked * 4 * Duration::from_secs(1) / PER_SECOND).await;
        for _ in 0..4 {
            let quota = &quotas[fastrand::usize(..quotas.len())];
            let reserved = quota.reserve(Tokens::new(1000, 500), Instant::now());
            held.extend(reserved);
        }
        while held.len() > PER_SECOND as usize {
            if let Some(reservation) = held.pop_front() {
                reservation.settle(Tokens::new(1000, fastrand::u64(100..400)));
            }
        }
    }
}

/// What the server has counted since it was started; times in microseconds.
struct Counters {
    calls: f64,
    script: f64,
    cpu: f64,
    sent: f64,
    received: f64,
}

// ===== impl Counters =====

impl Counters {
    async fn read(connection: &mut MultiplexedConnection) -> Result<Self> {
        let mut info = redis::cmd("INFO");
        let info: String = info.arg("everything").query_async(connection).await?;
        let number = |after: &str| -> Result<f64> {
            let rest = info
                .split_once(after)
                .with_context(|| format!("no {after}"))?
                .1;
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'));
            Ok(rest[..end.unwrap_or(rest.len())].parse()?)
        };
        let script = info
            .lines()
            .find(|line| line.starts_with("cmdstat_evalsha:"))
            .context("no call of the script")?;
        let of_script = |name: &str| -> Result<f64> {
            let found = script
                .split([':', ','])
                .find_map(|field| field.strip_prefix(name));
            Ok(found.with_context(|| format!("no {name}"))?.parse()?)
        };
        let seconds = number("used_cpu_user:")? + number("used_cpu_sys:")?;
        Ok(Self {
            calls: of_script("calls=")?,
            script: of_script("usec=")?,
            cpu: seconds * 1e6,
            sent: number("total_net_input_bytes:")?,
            received: number("total_net_output_bytes:")?,
        })
    }
}
