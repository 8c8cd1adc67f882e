use std::time::Duration;
use tokio::time::Instant;

/// The time over which an observation replaces what was known before, to the factor e. Twice what tower's and
/// linkerd's peak EWMA are used with: with less, one slow answer or the lack of one takes so much away from a
/// deployment, or gives it, that equal ones get a half more and a half less than their share in turn.
const MEMORY: Duration = Duration::from_secs(20);

/// The part of what was known that a slower answer replaces, however many there are. Ten of them are two
/// thirds. With the whole, which makes a peak EWMA, what is known is the slowest answer of late: of the same
/// deployments one or another then gets next to nothing for a second, and the rest up to twice their share.
const RISE: f64 = 0.1;

/// The time over which what is known loses its weight while nothing is sent, to the factor e. One that was ten
/// times slower than the others is asked again after a minute and some: long enough that it sees less than a
/// hundredth of a trickle of two requests a second, short enough that it is not forgotten.
const CURIOSITY: Duration = Duration::from_secs(30);

/// The time over which failures are forgiven, to the factor e. Seven seconds after the last one nothing is
/// left of any number of them.
const FORGIVENESS: Duration = Duration::from_secs(3);

/// Doubt below this is none, or it would never end.
const LEAST_DOUBT: f64 = 0.1;

/// Trust does not fall below this, so that a load stays a number that can be compared.
const LEAST_TRUST: f64 = 1.0 / 1024.0;

/// The least time that is believed. linkerd has the same floor.
const LEAST: f64 = 0.001;

/// What is taken for the time of one that was asked and has not answered yet, in seconds: worse than any that
/// has, so that it gets one request to show what it can do and no more until it has.
const UNPROVEN: f64 = 60.0;

/// Larger than the load of anybody who has not said that it is of no use to ask now.
const SENT_AWAY: f64 = 1e15;

/// How long one deployment takes to answer, as far as is known, and how far it can be trusted to: a peak EWMA
/// that does not take the highest peak for the whole, and knows failures.
///
/// Times raise the estimate sooner than they lower it (after Finagle's peak EWMA). A failure says nothing of
/// speed. It is held against the deployment by `doubt`: the chance that the next answer is a failure too, in
/// which the last one counts as much as all before it. The load is divided by the square of the trust that is
/// left, and not increased by a number of seconds, because the load of a busy deployment that works is larger
/// than any number of seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estimate {
    /// In seconds; `None` before the first answer.
    time: Option<f64>,
    /// When `time` was last told.
    heard: Option<Instant>,
    /// When a request was last sent, or an answer last heard.
    busy: Option<Instant>,
    /// In `[0, 1)`, at `doubted`.
    doubt: f64,
    doubted: Option<Instant>,
    /// Nothing is to be had before this moment, by its own word.
    away: Option<Instant>,
}

// ===== impl Estimate =====

impl Estimate {
    /// A request is sent there.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.busy = Some(now);
    }

    /// An answer took this long to begin, or, of a whole one, as long as one that did.
    pub(crate) fn heard(&mut self, now: Instant, took: Duration) {
        let took = took.as_secs_f64().max(LEAST);
        self.time = Some(match (self.time, self.heard) {
            (Some(time), Some(heard)) => {
                let kept = decay(now.saturating_duration_since(heard), MEMORY);
                let kept = if took > time {
                    kept.min(1.0 - RISE)
                } else {
                    kept
                };
                time.mul_add(kept, took * (1.0 - kept))
            }
            _ => took,
        });
        self.heard = Some(now);
        self.busy = Some(now);
    }

    /// An answer has come to its end.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        self.doubt = self.doubt(now) / 2.0;
        self.doubted = Some(now);
    }

    /// A request has failed, and it has said how long there will be nothing else.
    pub(crate) fn failed(&mut self, now: Instant, wait: Option<Duration>) {
        self.doubt = f64::midpoint(self.doubt(now), 1.0);
        self.doubted = Some(now);
        if let Some(until) = wait.and_then(|wait| now.checked_add(wait)) {
            self.away = self.away.max(Some(until));
        }
    }

    /// How much there is to wait for, in seconds, for a request that joins these.
    #[expect(
        clippy::cast_precision_loss,
        reason = "nobody has 2^53 requests in flight"
    )]
    pub(crate) fn load(&self, now: Instant, in_flight: usize) -> f64 {
        let away = self.away.map(|until| until.saturating_duration_since(now));
        if let Some(left) = away.filter(|left| !left.is_zero()) {
            return SENT_AWAY * (1.0 + left.as_secs_f64());
        }
        let trust = (1.0 - self.doubt(now)).max(LEAST_TRUST);
        let time = match self.time {
            Some(time) => {
                let idle = since(self.busy, now);
                (time * decay(idle, CURIOSITY)).max(LEAST)
            }
            None if in_flight == 0 && trust >= 1.0 => LEAST,
            None => UNPROVEN,
        };
        time / (trust * trust) * (in_flight as f64 + 1.0)
    }

    fn doubt(&self, now: Instant) -> f64 {
        let doubt = self.doubt * decay(since(self.doubted, now), FORGIVENESS);
        if doubt < LEAST_DOUBT { 0.0 } else { doubt }
    }
}

fn since(then: Option<Instant>, now: Instant) -> Duration {
    then.map_or(Duration::ZERO, |then| now.saturating_duration_since(then))
}

/// What is left after `elapsed` of what loses itself over `over`.
fn decay(elapsed: Duration, over: Duration) -> f64 {
    (-elapsed.div_duration_f64(over)).exp()
}

#[cfg(test)]
mod tests;
