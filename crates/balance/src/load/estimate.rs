use std::time::Duration;
use tokio::time::Instant;

/// The time over which what is known loses its weight to what is heard next, to the factor e. Twice what
/// linkerd's peak EWMA is used with: how many requests a deployment has in flight makes up for a
/// change of pace at once, so that there is no hurry, and the longer it is the steadier are the shares.
const MEMORY: Duration = Duration::from_secs(20);

/// As how many others an answer counts that took longer than what is known: one that slows down is known for it
/// ten times sooner than one that has become faster, within two seconds while it answers steadily.
const SLOWER: f64 = 10.0;

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

/// How long one deployment takes to answer, as far as is known, and how far it can be trusted to.
///
/// The time is a mean of all answers, the older the less, in which slower ones count for more. An answer counts
/// against as many as are known, and not by the time since the last one, as in the moving averages of Finagle,
/// linkerd and tower, for two reasons. After a silence, such as an outage, one answer would there be almost all
/// that is known, and whether that one happened to be slow decides over the share of the next twenty seconds.
/// And the peak that those take, the whole of a slower answer or a part of it, is what the slowest of the last
/// few hundred answers took: of equal deployments one or another would get next to nothing for a second
/// whenever it has had one, and the others up to twice their share.
///
/// A failure says nothing of speed. It is held against the deployment by `doubt`: the chance that the next answer
/// is a failure too, in which the last one counts as much as all before it. The load is divided by the square of
/// the trust that is left, and not increased by a number of seconds, because the load of a busy deployment that
/// works is larger than any number of seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estimate {
    /// In seconds; `None` before the first answer.
    time: Option<f64>,
    /// How many answers that is the mean of, at `heard`.
    weight: f64,
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
        let time = self.time.unwrap_or(took);
        let counts = if took > time { SLOWER } else { 1.0 };
        let kept = decay(since(self.heard, now), MEMORY);
        self.weight = self.weight.mul_add(kept, counts);
        self.time = Some((took - time).mul_add(counts / self.weight, time));
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
