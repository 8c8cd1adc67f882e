use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::Instant;

/// What has happened in a run, in seconds since it began.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// What clients asked and were answered, in the order in which they had their answers.
    pub requests: Vec<Asked>,
    /// What deployments were asked, in the order in which they were.
    pub calls: Vec<Call>,
}

/// One request as its client saw it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// When it was sent.
    pub at: f64,
    /// How long it took to the end of the answer.
    pub took: f64,
    /// Who answered it well; nobody if it failed.
    pub answered_by: Option<usize>,
    /// Its session.
    pub session: Option<u32>,
}

/// One request as a deployment saw it: an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Which deployment.
    pub deployment: usize,
    /// When it came.
    pub began: f64,
    /// When the last byte of the answer had gone, or nobody waited for it any more.
    pub ended: f64,
}

/// Where it is written down while it happens. A clone writes into the same.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    start: Instant,
    log: Arc<Mutex<Log>>,
}

/// A call under way; it has ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    recorder: Recorder,
    number: usize,
}

// ===== impl Recorder =====

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            log: Arc::default(),
        }
    }

    pub(crate) const fn start(&self) -> Instant {
        self.start
    }

    /// The second it is.
    pub(crate) fn now(&self) -> f64 {
        (Instant::now() - self.start).as_secs_f64()
    }

    pub(crate) fn asked(&self, asked: Asked) {
        self.log.lock().requests.push(asked);
    }

    pub(crate) fn call(&self, deployment: usize) -> Running {
        let began = self.now();
        let calls = &mut self.log.lock().calls;
        calls.push(Call {
            deployment,
            began,
            ended: began,
        });
        Running {
            recorder: self.clone(),
            number: calls.len() - 1,
        }
    }

    pub(crate) fn take(&self) -> Log {
        std::mem::take(&mut *self.log.lock())
    }
}

// ===== impl Running =====

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.recorder.now();
        // After the log has been taken nobody asks any more.
        if let Some(call) = self.recorder.log.lock().calls.get_mut(self.number) {
            call.ended = ended;
        }
    }
}
