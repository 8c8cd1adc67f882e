use super::{
    Params,
    failure::{Failure, Told},
    params::Answer,
};
use fastrand::Rng;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// What all clones of one simulated deployment share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) params: Params,
    chance: Mutex<Chance>,
}

#[derive(Debug)]
struct Chance {
    rng: Rng,
    served: u64,
    window: Option<Instant>,
    used: u32,
}

/// What will become of one request, decided when it arrives.
#[derive(Debug)]
pub(super) struct Fate {
    /// Its number among the requests of this deployment.
    pub(super) number: u64,
    /// How long until the head of the answer.
    pub(super) latency: Duration,
    pub(super) failure: Option<Failure>,
    /// How much of the answer arrives, from 0 to 1, if not all.
    pub(super) cut: Option<f64>,
    pub(super) quota: Option<Quota>,
}

/// Where the request stands in its minute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    limit: u32,
    remaining: u32,
    reset: Duration,
    over: bool,
}

const MINUTE: Duration = Duration::from_secs(60);

// ===== impl Shared =====

impl Shared {
    pub(super) fn new(params: Params) -> Self {
        let chance = Chance {
            rng: Rng::with_seed(params.seed),
            served: 0,
            window: None,
            used: 0,
        };
        Self {
            params,
            chance: Mutex::new(chance),
        }
    }

    /// Decides about the next request. The same number of draws each time, so that one setting does not
    /// change what another leads to.
    pub(super) fn next(&self) -> Fate {
        let params = &self.params;
        let mut chance = self.chance.lock();
        let number = chance.served;
        chance.served += 1;
        let stray = chance.rng.f64().mul_add(2.0, -1.0);
        let error = chance.rng.f64();
        let cut = chance.rng.f64();
        let arrived = chance.rng.f64();
        let quota = params.rpm.map(|limit| chance.take(limit));
        drop(chance);

        let over = quota.filter(|quota| quota.over);
        let limited = over.map(|_| Told::of_status(StatusCode::TOO_MANY_REQUESTS));
        let failure = limited
            .or_else(|| self.unlucky(error))
            .map(Failure::Status)
            .or(match params.answer {
                Answer::Fails(failure) => Some(failure),
                Answer::Greeting | Answer::Text(_) => None,
            });
        Fate {
            number,
            latency: match over {
                Some(_) => Duration::ZERO,
                None => strayed(params.latency, params.jitter, stray),
            },
            failure,
            cut: (cut < params.cut_rate).then_some(arrived),
            quota,
        }
    }

    /// Whose share of the errors the draw falls into.
    fn unlucky(&self, draw: f64) -> Option<Told> {
        let mut below = 0.0;
        for (status, rate) in &self.params.error_rates {
            below += rate;
            if draw < below {
                return Some(Told::of_status(*status));
            }
        }
        None
    }
}

fn strayed(latency: Duration, jitter: Duration, stray: f64) -> Duration {
    let distance = jitter.mul_f64(stray.abs());
    if stray < 0.0 {
        latency.saturating_sub(distance)
    } else {
        latency.saturating_add(distance)
    }
}

// ===== impl Chance =====

impl Chance {
    fn take(&mut self, limit: u32) -> Quota {
        let now = Instant::now();
        let began = match self.window {
            Some(began) if now < began + MINUTE => began,
            _ => {
                self.used = 0;
                *self.window.insert(now)
            }
        };
        let over = self.used >= limit;
        if !over {
            self.used += 1;
        }
        Quota {
            limit,
            remaining: limit - self.used,
            reset: (began + MINUTE).saturating_duration_since(now),
            over,
        }
    }
}

// ===== impl Quota =====

impl Quota {
    /// Tells it as `OpenAI` does, resets as Go durations; and to whom is turned down, when to come back.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
        const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
        const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");
        const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

        let millis = u64::try_from(self.reset.as_millis()).unwrap_or(u64::MAX);
        headers.insert(LIMIT, self.limit.into());
        headers.insert(REMAINING, self.remaining.into());
        let reset = format!("{}.{:03}s", millis / 1000, millis % 1000);
        if let Ok(reset) = HeaderValue::try_from(reset) {
            headers.insert(RESET, reset);
        }
        if self.over {
            headers.insert(header::RETRY_AFTER, millis.div_ceil(1000).into());
            headers.insert(RETRY_AFTER_MS, millis.into());
        }
    }
}
