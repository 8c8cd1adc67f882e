use super::Form;
use crate::State;
use headworks_core::{Outcome, Verdict};
use http::{Response, header};
use http_body::Body;
use std::time::Duration;
use tokio::time::Instant;

/// How many units of an answer take as long as it takes to begin: half a second at forty tokens a second.
/// Which number stands here matters little, as long as it is the same for everybody who is compared.
const HEAD: f64 = 20.0;

/// One request as the latency of its deployment is learned from it.
///
/// What is learned is the time an answer takes to begin: of a streamed one when its first data comes; and
/// of either form at its end, from the time of the whole, brought down to what its beginning would have
/// taken at that pace. Of a stream the pace is looked at on the way too, each time it has become twice as long,
/// or one that begins soon and crawls would be taken for fast until it ends.
#[derive(Debug)]
pub(crate) struct Trial {
    sent: Instant,
    form: Form,
    units: u64,
    /// After how many units there is something to learn from a stream.
    next: u64,
    /// When the reader was last handed data and has not asked for more since.
    handed: Option<Instant>,
    /// The reader's time.
    dawdled: Duration,
    judged: bool,
}

// ===== impl Trial =====

impl Trial {
    /// A request is sent; `None` where nobody asks for latencies.
    pub(crate) fn begin(state: &State) -> Option<Self> {
        // The clock is not looked at for nobody: that would cost as much as the choice itself.
        let sent = state.learn(|estimate| {
            let sent = Instant::now();
            estimate.sent(sent);
            sent
        })?;
        Some(Self {
            sent,
            form: Form::Whole,
            units: 0,
            next: 0,
            handed: None,
            dawdled: Duration::ZERO,
            judged: false,
        })
    }

    /// The head of the answer has come, or will not: a failure is known at once.
    pub(crate) fn head(&mut self, state: &State, form: Form, verdict: Verdict) {
        self.form = form;
        if verdict.outcome != Outcome::Success {
            self.judge(state, verdict);
        }
    }

    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// The reader asks for more.
    pub(crate) fn asked(&mut self) {
        if let Some(handed) = self.handed.take() {
            self.dawdled += Instant::now().saturating_duration_since(handed);
        }
    }

    /// Data of so many units has come.
    pub(crate) fn data(&mut self, state: &State, units: u64) {
        let now = Instant::now();
        if self.units >= self.next && self.form == Form::Streamed && !self.judged {
            self.next = self.next.saturating_mul(2).max(1);
            if let Some(took) = self.beginning(now) {
                state.learn(|estimate| estimate.heard(now, took));
            }
        }
        // Data without units, such as an event that only announces others, is still a beginning.
        self.units = self.units.saturating_add(units.max(1));
        self.handed = Some(now);
    }

    /// It is over.
    pub(crate) fn end(mut self, state: &State, verdict: Verdict) {
        self.judge(state, verdict);
    }

    fn judge(&mut self, state: &State, verdict: Verdict) {
        if std::mem::replace(&mut self.judged, true) {
            return;
        }
        let now = Instant::now();
        if verdict.outcome.blames_the_deployment() {
            let wait = verdict.hint.map(headworks_core::Hint::wait);
            state.learn(|estimate| estimate.failed(now, wait));
        } else if verdict.outcome == Outcome::Success {
            let took = self.beginning(now);
            state.learn(|estimate| {
                if let Some(took) = took {
                    estimate.heard(now, took);
                }
                estimate.succeeded(now);
            });
        }
    }

    /// What the beginning of this answer would have taken at the pace of what has come of it. A reader who
    /// kept it waiting for more than a tenth of the time has hidden its pace.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a time need not be exact to 2^-53"
    )]
    fn beginning(&self, now: Instant) -> Option<Duration> {
        let whole = now.saturating_duration_since(self.sent);
        let paced = self.dawdled <= whole / 10;
        paced.then(|| whole.div_f64(1.0 + self.units as f64 / HEAD))
    }
}

// ===== impl Form =====

impl Form {
    /// An answer of known length, or of JSON, is made before it is sent.
    pub(crate) fn of<B: Body>(response: &Response<B>) -> Self {
        let kind = response.headers().get(header::CONTENT_TYPE);
        let json = kind.is_some_and(|kind| {
            let name = kind.as_bytes().get(..16);
            name.is_some_and(|name| name.eq_ignore_ascii_case(b"application/json"))
        });
        if json || response.body().size_hint().exact().is_some() {
            Self::Whole
        } else {
            Self::Streamed
        }
    }
}
