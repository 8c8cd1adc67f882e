use super::{contender::free_port, pause};
use anyhow::{Context, Result, ensure};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A Redis that instances share their limits over, and that things happen to. It keeps nothing on disk, and ends
/// when this is dropped.
pub(crate) struct Redis {
    port: u16,
    folder: PathBuf,
    process: Child,
}

/// How long it may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);

// ===== impl Redis =====

impl Redis {
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let process = spawn(folder, port)?;
        let redis = Self {
            port,
            folder: folder.to_owned(),
            process,
        };
        redis.is_up()?;
        Ok(redis)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops it in its tracks: connections stay, and nothing is answered.
    pub(crate) fn stop(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) -> Result<()> {
        self.signal("-CONT")
    }

    /// Kills it: connections break, and new ones are refused.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Starts it where it was, with nothing in it, and does not wait for it.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        self.process = spawn(&self.folder, self.port)?;
        Ok(())
    }

    /// How often a script was called so far: once for each quota in each exchange.
    pub(crate) fn scripts(&self) -> Result<u64> {
        let stats = self.ask("INFO commandstats")?;
        let calls = stats
            .lines()
            .find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="))
            .and_then(|rest| rest.split(',').next());
        calls.map_or(Ok(0), |calls| Ok(calls.parse()?))
    }

    /// Sends one command and then says goodbye, so that the end of the answer is the end of the connection.
    fn ask(&self, command: &str) -> Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "{command}\r\nQUIT\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn is_up(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self
            .ask("PING")
            .is_ok_and(|answer| answer.starts_with("+PONG"))
        {
            ensure!(
                Instant::now() < deadline,
                "redis-server does not come up on port {}",
                self.port
            );
            pause(Duration::from_millis(1));
        }
        Ok(())
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status()?;
        ensure!(status.success(), "redis-server does not take {signal}");
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed by what was measured.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn spawn(folder: &Path, port: u16) -> Result<Child> {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start redis-server")
}
