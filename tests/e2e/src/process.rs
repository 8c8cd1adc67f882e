use crate::{Client, binary, bounded};
use std::{
    fs,
    io::Write,
    net::SocketAddr,
    process::{ExitStatus, Stdio},
};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
};

/// The program, running on a free port of loopback. It is killed when this is dropped.
#[derive(Debug)]
pub struct Headworks {
    child: Child,
    addr: SocketAddr,
    log: watch::Receiver<String>,
    out: watch::Receiver<String>,
    _config: Option<NamedTempFile>,
}

/// How much memory a process has, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// In RAM now.
    pub resident: u64,
    /// The most there ever was.
    pub peak: u64,
}

/// The program did not start.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its exit status.
    pub status: i32,
    /// What it said on standard error, with the configuration's path as `config.yaml`.
    pub said: String,
}

// ===== impl Headworks =====

impl Headworks {
    /// Starts it with this configuration and waits until it listens.
    ///
    /// # Panics
    ///
    /// If it does not start, with what it said.
    pub async fn start(config: &str) -> Self {
        Self::start_with(config, &[]).await
    }

    /// Starts it with this configuration and these variables, which are all it has.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(config: &str, variables: &[(&str, &str)]) -> Self {
        let config = write(config);
        let mut command = command();
        command.arg("--config").arg(config.path());
        command.envs(variables.iter().copied());
        Self::spawn(command, Some(config)).await
    }

    /// Starts its demo.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn demo() -> Self {
        let mut command = command();
        command.arg("demo");
        Self::spawn(command, None).await
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

    /// A client of it, with a pool of its own.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.base_url())
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn out(&self) -> String {
        self.out.borrow().clone()
    }

    /// Waits until it has logged `what`.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn logs(&self, what: &str) {
        said(&self.log, what).await;
    }

    /// How much memory it has.
    ///
    /// # Panics
    ///
    /// If the kernel does not say.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let pid = self.child.id().expect("it runs");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
            let kilobytes: Option<u64> = kilobytes.and_then(|number| number.trim().parse().ok());
            kilobytes.expect("a number of kB") * 1024
        };
        Memory {
            resident: bytes("VmRSS:"),
            peak: bytes("VmHWM:"),
        }
    }

    /// Sends it SIGTERM.
    ///
    /// # Panics
    ///
    /// If it no longer runs.
    pub async fn terminate(&self) {
        let pid = self.child.id().expect("it runs");
        // By the shell's own `kill`: a signal needs unsafe code or one more dependency otherwise.
        let kill = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -TERM {pid}"))
            .status();
        assert!(kill.await.expect("a shell").success());
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn ended(mut self) -> ExitStatus {
        bounded(self.child.wait()).await.expect("a child of ours")
    }

    async fn spawn(mut command: Command, config: Option<NamedTempFile>) -> Self {
        command.args(["--port", "0"]);
        let mut child = command.spawn().expect("the program can be run");
        let log = follow(child.stderr.take().expect("it is piped"));
        let out = follow(child.stdout.take().expect("it is piped"));
        said(&log, "listening on http://").await;
        let addr = {
            let log = log.borrow();
            let (_, rest) = log.split_once("listening on http://").expect("just said");
            rest.split_whitespace().next().expect("an address").parse()
        };
        Self {
            child,
            addr: addr.expect("an address"),
            log,
            out,
            _config: config,
        }
    }
}

/// Starts the program with a configuration it should refuse, and further arguments.
///
/// # Panics
///
/// If it does not end, or is killed.
pub async fn refused(config: &str, arguments: &[&str]) -> Refused {
    let config = write(config);
    let mut command = command();
    command.arg("--config").arg(config.path()).args(arguments);
    let output = bounded(command.args(["--port", "0"]).output()).await;
    let output = output.expect("the program can be run");
    let said = String::from_utf8(output.stderr).expect("it speaks UTF-8");
    Refused {
        status: output.status.code().expect("an exit, not a signal"),
        said: said.replace(&config.path().display().to_string(), "config.yaml"),
    }
}

/// Runs it with this configuration and `--check`, and gives its exit status and what it said on standard
/// output, with the configuration's path as `config.yaml`.
///
/// # Panics
///
/// If it cannot be run.
pub async fn checked(config: &str) -> (i32, String) {
    let config = write(config);
    let mut command = command();
    command.arg("--config").arg(config.path()).arg("--check");
    let output = bounded(command.output()).await;
    let output = output.expect("the program can be run");
    let said = String::from_utf8(output.stdout).expect("it speaks UTF-8");
    (
        output.status.code().expect("an exit, not a signal"),
        said.replace(&config.path().display().to_string(), "config.yaml"),
    )
}

fn command() -> Command {
    let mut command = Command::new(binary::headworks());
    command
        // No key of whoever runs the tests may change what happens, or leak.
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn write(config: &str) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".yaml").expect("a temporary file");
    file.write_all(config.as_bytes()).expect("a file of ours");
    file
}

/// Collects what is said, until the speaker closes.
fn follow(from: impl AsyncRead + Send + Unpin + 'static) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_modify(|said| {
                said.push_str(&line);
                said.push('\n');
            });
        }
    });
    receiver
}

async fn said(by: &watch::Receiver<String>, what: &str) {
    let mut by = by.clone();
    let found = bounded(by.wait_for(|said| said.contains(what)))
        .await
        .is_ok();
    assert!(found, "it ended without saying {what:?}:\n{}", *by.borrow());
}
