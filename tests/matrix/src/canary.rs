//! Whatever comes out is searched for the keys that went in.

use parking_lot::Mutex;
use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// What stands in every key, and nowhere else.
pub const CANARY: &str = "canary";

/// Where a key came out.
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How many bytes have been searched, and how many of them were logs.
static SEARCHED: AtomicU64 = AtomicU64::new(0);
static LOGGED: AtomicU64 = AtomicU64::new(0);

/// How many finds are kept; the first tells enough.
const KEPT: usize = 20;

/// A log that is searched and not kept.
#[derive(Clone, Copy, Debug)]
struct Searched;

/// The gateway's own key.
pub(crate) fn master_key() -> String {
    format!("sk-{CANARY}-master")
}

/// What a client sends.
pub(crate) fn bearer() -> String {
    format!("Bearer {}", master_key())
}

/// The key of a deployment.
pub(crate) fn key(id: &str) -> String {
    format!("sk-{CANARY}-key-1-of-{id}")
}

/// What a deployment is sent in a header of its own, beside its key.
pub(crate) fn own_key(id: &str) -> String {
    format!("{CANARY}-own-key-2-of-{id}")
}

/// The name of that header.
pub(crate) const OWN_KEY: &str = "x-own-key";

/// What stands in the place of a key that was repeated.
pub(crate) fn overwritten(key: &str) -> String {
    format!("{:*<len$}", "[redacted]", len = key.len())
}

/// Searches what came out at `place`.
pub(crate) fn search(place: &str, bytes: &[u8]) {
    SEARCHED.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    let text = String::from_utf8_lossy(bytes);
    if text.contains(CANARY) {
        let mut found = FOUND.lock();
        if found.len() < KEPT {
            found.push(format!("{place}: {text}"));
        }
    }
}

/// Has all that is logged from now on searched.
pub fn watch_logs() {
    let filter = EnvFilter::new("debug,headworks=trace");
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Searched)
        .with_ansi(false);
    // Another test of the same process may have done it.
    log.try_init().ok();
}

/// Where a key came out so far.
#[must_use]
pub fn found() -> Vec<String> {
    FOUND.lock().clone()
}

/// How many bytes have been searched so far, and how many bytes of log were among them.
#[must_use]
pub fn searched() -> (u64, u64) {
    let searched = SEARCHED.load(Ordering::Relaxed);
    (searched, LOGGED.load(Ordering::Relaxed))
}

// ===== impl Searched =====

impl io::Write for Searched {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LOGGED.fetch_add(line.len() as u64, Ordering::Relaxed);
        search("the log", line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Searched {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}
