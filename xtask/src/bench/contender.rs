use super::pause;
use anyhow::{Context, Result, bail, ensure};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A server under measurement: one process, or one and those it started. It ends when this is dropped.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) ports: Vec<u16>,
    process: Child,
    /// Where what it prints goes.
    output: PathBuf,
}

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at a server that is starting: short beside what a cold start takes.
const LOOK: Duration = Duration::from_micros(200);

/// What Linux counts CPU time in for user space, on every architecture (`USER_HZ`, 100 a second).
const TICK: Duration = Duration::from_millis(10);

/// A port that was free a moment ago, for servers that cannot be asked which one they took.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

// ===== impl Contender =====

impl Contender {
    /// Starts a server and waits until it answers `path` on its first port with 200. What it prints goes to
    /// the file `output` in `folder`.
    pub(crate) fn start(
        name: &'static str,
        program: &mut Command,
        folder: &Path,
        ports: Vec<u16>,
        path: &str,
    ) -> Result<Self> {
        let output = folder.join("output");
        let file = File::create(&output)?;
        let process = program
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut contender = Self {
            name,
            ports,
            process,
            output,
        };
        let deadline = Instant::now() + PATIENCE;
        while !answers(contender.ports[0], path) {
            if contender.process.try_wait()?.is_some() || Instant::now() > deadline {
                let said = contender.said().unwrap_or_default();
                bail!("{name} does not answer; it said: {}", said.trim());
            }
            pause(LOOK);
        }
        Ok(contender)
    }

    /// All that it has printed so far.
    pub(crate) fn said(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.output)?)
    }

    /// Waits until it has printed this.
    pub(crate) fn until_it_says(&self, this: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.said()?.contains(this) {
            ensure!(
                Instant::now() < deadline,
                "{} does not say: {this}",
                self.name
            );
            pause(LOOK);
        }
        Ok(())
    }

    /// The CPU time used so far, user and system.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut ticks = 0;
        for process in self.processes()? {
            // utime and stime of proc_pid_stat(5).
            ticks += process.field(14)? + process.field(15)?;
        }
        Ok(TICK * ticks)
    }

    /// The resident memory now, in bytes. Pages that processes share count for each of them.
    pub(crate) fn memory(&self) -> Result<u64> {
        let mut kilobytes = 0;
        for process in self.processes()? {
            let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid))?;
            kilobytes += rollup
                .lines()
                .find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB"))
                .context("no Rss in smaps_rollup")?
                .parse::<u64>()?;
        }
        Ok(kilobytes * 1024)
    }

    /// The process that was started and its children.
    fn processes(&self) -> Result<Vec<Stat>> {
        let mut processes = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // A process may be gone between the listing and the reading.
            let Ok(line) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
                continue;
            };
            let stat = Stat { pid, line };
            if pid == self.process.id() || stat.field(4)? == self.process.id() {
                processes.push(stat);
            }
        }
        Ok(processes)
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // SIGTERM and not SIGKILL: nginx has workers to take along.
        let asked = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let _already_gone = self.process.kill();
        }
        let _reaped = self.process.wait();
    }
}

/// A line of `/proc/<pid>/stat`.
struct Stat {
    pid: u32,
    line: String,
}

// ===== impl Stat =====

impl Stat {
    /// The field of this number in `proc_pid_stat(5)`, which counts from 1. The second, the name, may hold
    /// spaces and parentheses; the fields after it are counted from its end.
    fn field(&self, number: usize) -> Result<u32> {
        let value = self
            .line
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(number - 3))
            .with_context(|| format!("no field {number} in /proc/{}/stat", self.pid))?;
        Ok(value.parse()?)
    }
}

/// Whether a GET of `path` is answered with 200.
fn answers(port: u16, path: &str) -> bool {
    let get = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200 "))
    };
    get().unwrap_or(false)
}
