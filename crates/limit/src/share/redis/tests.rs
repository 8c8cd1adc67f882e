//! Against a real server, which is started here: `redis-server` must be installed.

use super::*;
use crate::{
    Limits, Quota, Tokens,
    share::{Alone, Ask, Keeper, KeeperParams, RateQuestion, Return, SlotQuestion, shelf::Shelf},
};
use std::{
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(5);

/// A server of this test alone, on a socket in a directory of its own.
struct Server {
    process: Child,
    dir: TempDir,
    args: Vec<String>,
}

impl Server {
    async fn start(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let process = Self::spawn(&dir, &args);
        let mut server = Self { process, dir, args };
        server.wait().await;
        server
    }

    fn spawn(dir: &TempDir, args: &Vec<String>) -> Child {
        Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .args(["--unixsocket", "redis.sock", "--dir"])
            .arg(dir.path())
            .args(args)
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed")
    }

    async fn wait(&mut self) {
        let socket = self.dir.path().join("redis.sock");
        let up = async {
            while std::os::unix::net::UnixStream::connect(&socket).is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, up).await.expect("the server comes up");
    }

    fn url(&self) -> String {
        format!("unix://{}", self.dir.path().join("redis.sock").display())
    }

    fn store(&self) -> RedisStore {
        RedisStore::new(&self.url(), PATIENCE).unwrap()
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    async fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = Self::spawn(&self.dir, &self.args);
        self.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that fails may have stopped it.
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn question(rng: &mut fastrand::Rng, last: &[u64]) -> Question {
    let mut returns = Vec::new();
    for _ in 0..rng.usize(0..3) {
        if let Some(at) = rng.choice(last) {
            returns.push(Return {
                at: *at,
                amount: rng.u64(0..20),
            });
        }
    }
    let alone = if rng.u8(0..20) == 0 { 150 } else { 0 };
    let rate = |name, width, ask| RateQuestion {
        name,
        limit: 100,
        width: Duration::from_millis(width),
        buckets: 5,
        offset: Duration::from_millis(3),
        ask,
    };
    let ask = Ask {
        returns,
        debt: rng.u64(0..10).saturating_sub(7),
        want: rng.u64(0..60).saturating_sub(20),
        held: rng.u64(0..10),
        alone,
    };
    let used = rng.u64(0..6);
    Question {
        quota: "account".into(),
        rates: vec![
            rate("rpm", 20, ask.clone()),
            rate("tpm", 7, Ask { alone: 0, ..ask }),
        ],
        slots: rng.bool().then(|| SlotQuestion {
            limit: 10,
            used,
            want: used + rng.u64(0..6),
            lapse: Duration::from_millis(40),
        }),
        rest: Duration::from_millis(rng.u64(0..200).saturating_sub(190)),
    }
}

#[tokio::test]
async fn the_script_keeps_the_rules_of_the_shelf() {
    let server = Server::start(&[]).await;
    let store = server.store();
    let mut rng = fastrand::Rng::with_seed(11);
    let mut shelf = Shelf::default();
    let mut last = Vec::new();
    for step in 0..1500 {
        let question = question(&mut rng, &last);
        let instance = InstanceId::from(["one", "two", "three"][rng.usize(0..3)]);
        let answers = store
            .exchange(&instance, std::slice::from_ref(&question))
            .await;
        let answer = &answers.unwrap()[0];
        let now = answer.rates[0].at;
        let mut expected = shelf.exchange(&instance, &question, now);
        if step == 0 {
            assert_eq!(answer.memory, now, "it is called by when it began");
        }
        expected.memory = answer.memory;
        assert_eq!(*answer, expected, "step {step}: {question:?}");
        last.push(now);
        if last.len() > 8 {
            last.remove(0);
        }
        if rng.u8(0..4) == 0 {
            sleep(Duration::from_millis(rng.u64(0..25))).await;
        }
    }
}

fn share(server: &Server, n: usize, limits: &Limits, alone: Alone) -> Vec<(Quota, Keeper)> {
    let one = |number| {
        let quota = Quota::new(limits.clone());
        let name = format!("instance {number}");
        let params = KeeperParams::new(name.as_str()).alone(alone);
        let store = RedisStore::new(&server.url(), Duration::from_millis(250)).unwrap();
        let keeper = Keeper::spawn(store, [("account".into(), quota.clone())], params);
        (quota, keeper)
    };
    (0..n).map(one).collect()
}

/// Asks of each in turn until nothing is admitted for `quiet`, and counts what is.
async fn ask_all(instances: &[(Quota, Keeper)], quiet: Duration) -> u64 {
    let admitted = AtomicU64::new(0);
    let mut last = Instant::now();
    while last.elapsed() < quiet {
        for (quota, _) in instances {
            let asked = Instant::now();
            if let Ok(reservation) = quota.reserve(Tokens::NONE, asked) {
                reservation.settle(Tokens::NONE);
                admitted.fetch_add(1, Ordering::Relaxed);
                last = asked;
            }
        }
        sleep(Duration::from_millis(1)).await;
    }
    admitted.into_inner()
}

#[tokio::test]
async fn several_instances_use_a_limit_to_the_last_and_no_more() {
    for n in [2, 5] {
        let server = Server::start(&[]).await;
        let instances = share(&server, n, &Limits::new().rpm(100), Alone::Closed);
        let admitted = ask_all(&instances, Duration::from_secs(3)).await;
        assert_eq!(admitted, 100, "{n} instances");
    }
}

#[tokio::test]
async fn a_server_that_stops_is_done_without_and_one_that_is_back_is_used_again() {
    let mut server = Server::start(&[]).await;
    let instances = share(&server, 2, &Limits::new().rpm(100), Alone::Share(0.5));
    let before = ask_all(&instances, Duration::from_secs(2)).await;
    assert_eq!(before, 100);

    // It hangs: whoever asks is answered at once all the same, by what is known.
    server.signal("-STOP");
    let during = ask_all(&instances, Duration::from_secs(2)).await;
    assert_eq!(during, 0, "nothing was left when it fell silent");
    server.signal("-CONT");

    // It has forgotten everything: it is told.
    server.restart().await;
    let after = ask_all(&instances, Duration::from_secs(3)).await;
    assert!(
        after <= 60,
        "{after}: what is granted before both have told theirs"
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words_and_without_the_password() {
    let server = Server::start(&["--requirepass", "sesame"]).await;
    let wrong = format!("{}?pass=canary", server.url());
    let store = RedisStore::new(&wrong, PATIENCE).unwrap();
    let error = store.exchange(&"one".into(), &[]).await;
    let question = question(&mut fastrand::Rng::with_seed(1), &[]);
    let error = match error {
        Ok(_) => store
            .exchange(&"one".into(), &[question])
            .await
            .unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.to_string(), "the user or password is wrong");

    let error = RedisStore::new("http://user:canary@host", PATIENCE).unwrap_err();
    assert!(error.to_string().contains("redis://"), "{error}");
    assert!(!format!("{error:?} {error}").contains("canary"));
}
