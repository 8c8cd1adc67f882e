use crate::shell::{command, read};
use anyhow::{Context, Result, ensure};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// What is asked, and by how many at once.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) connections: usize,
    /// The size of a request's body, in bytes.
    pub(crate) body: usize,
}

/// A shape made ready for `wrk`.
pub(crate) struct Load {
    shape: Shape,
    script: PathBuf,
    time: Duration,
}

/// What one run of `wrk` saw.
#[derive(Clone, Copy)]
pub(crate) struct Driven {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// The group every request asks for.
pub(crate) const GROUP: &str = "bench";

/// How long a contender is driven before it is measured, so that its connections stand and its pages are in.
const WARM_UP: Duration = Duration::from_secs(1);

/// Prints what `wrk` has counted as one line that a program can read.
const DONE: &str = r#"
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("result requests=%d micros=%d p50=%d p99=%d errors=%d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

// ===== impl Load =====

impl Load {
    /// Writes the script for `wrk` into `folder`.
    pub(crate) fn new(folder: &Path, shape: Shape, time: Duration) -> Result<Self> {
        let head = format!(r#"{{"model":"{GROUP}","messages":[{{"role":"user","content":""#);
        let tail = r#""}],"temperature":0.2}"#;
        let padding = "x".repeat(shape.body.saturating_sub(head.len() + tail.len()));
        let script = folder.join(format!("{}.lua", shape.body));
        fs::write(
            &script,
            format!(
                "wrk.method = 'POST'\n\
                 wrk.headers['content-type'] = 'application/json'\n\
                 wrk.headers['authorization'] = 'Bearer sk-bench'\n\
                 wrk.body = '{head}{padding}{tail}'\n{DONE}"
            ),
        )?;
        Ok(Self {
            shape,
            script,
            time,
        })
    }

    /// Drives a server and returns what it did.
    ///
    /// # Errors
    ///
    /// When any request was not answered with 200: a server that fails fast would look fast.
    pub(crate) fn drive(&self, port: u16) -> Result<Driven> {
        self.wrk(port, WARM_UP)?;
        let printed = self.wrk(port, self.time)?;
        let line = printed
            .lines()
            .find_map(|line| line.strip_prefix("result "))
            .context("wrk printed no result")?;
        let numbers: HashMap<&str, u64> = line
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .filter_map(|(name, number)| Some((name, number.parse().ok()?)))
            .collect();
        let number = |name| {
            numbers
                .get(name)
                .copied()
                .with_context(|| format!("wrk did not print {name}"))
        };
        let (requests, errors) = (number("requests")?, number("errors")?);
        ensure!(
            errors == 0 && requests > 0,
            "{errors} of {requests} requests failed"
        );
        Ok(Driven {
            requests,
            per_second: requests as f64 / Duration::from_micros(number("micros")?).as_secs_f64(),
            p50: Duration::from_micros(number("p50")?),
            p99: Duration::from_micros(number("p99")?),
        })
    }

    fn wrk(&self, port: u16, time: Duration) -> Result<String> {
        read(
            command("wrk")
                .args(["--threads", "1", "--connections"])
                .arg(self.shape.connections.to_string())
                .arg("--duration")
                .arg(format!("{}s", time.as_secs()))
                .arg("--script")
                .arg(&self.script)
                .arg(format!("http://127.0.0.1:{port}/v1/chat/completions")),
        )
    }
}
