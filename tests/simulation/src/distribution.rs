use fastrand::Rng;
use serde::Deserialize;
use std::{f64::consts::TAU, time::Duration};

/// How long something takes, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant(f64),
    /// Anything between the two alike.
    Uniform {
        /// The least.
        from: f64,
        /// The most.
        to: f64,
    },
    /// What services are like: most near the median, a long tail above. Its 99th percentile is
    /// `median * exp(2.33 * sigma)`.
    Lognormal {
        /// Half take less.
        median: f64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
}

// ===== impl Distribution =====

impl Distribution {
    /// One of them.
    pub fn sample(&self, rng: &mut Rng) -> Duration {
        Duration::from_secs_f64(match *self {
            Self::Constant(seconds) => seconds,
            Self::Uniform { from, to } => (to - from).mul_add(rng.f64(), from),
            Self::Lognormal { median, sigma } => median * (sigma * normal(rng)).exp(),
        })
    }
}

/// The time until the next of events that come independently of each other, so many a second on average.
pub fn until_next(per_second: f64, rng: &mut Rng) -> Duration {
    Duration::from_secs_f64(-above_zero(rng).ln() / per_second)
}

/// Box and Muller's.
fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * above_zero(rng).ln()).sqrt() * (TAU * rng.f64()).cos()
}

/// In `(0, 1]`, of which there is a logarithm.
fn above_zero(rng: &mut Rng) -> f64 {
    1.0 - rng.f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(distribution: Distribution) -> Vec<f64> {
        let mut rng = Rng::with_seed(1);
        let mut samples: Vec<_> = (0..100_000)
            .map(|_| distribution.sample(&mut rng).as_secs_f64())
            .collect();
        samples.sort_by(f64::total_cmp);
        samples
    }

    #[test]
    fn a_lognormal_has_the_percentiles_of_one() {
        let samples = sorted(Distribution::Lognormal {
            median: 2.0,
            sigma: 0.5,
        });
        assert!((samples[50_000] - 2.0).abs() < 0.02, "{}", samples[50_000]);
        let p99 = 2.0 * (2.326_f64 * 0.5).exp();
        assert!((samples[99_000] - p99).abs() < 0.1, "{}", samples[99_000]);
    }

    #[test]
    fn a_uniform_stays_within_and_reaches_both_ends() {
        let samples = sorted(Distribution::Uniform { from: 1.0, to: 3.0 });
        assert!((1.0..1.01).contains(&samples[0]));
        assert!((2.99..3.0).contains(&samples[99_999]));
    }

    #[test]
    fn events_come_as_often_as_they_should() {
        let mut rng = Rng::with_seed(1);
        let seconds: f64 = (0..100_000)
            .map(|_| until_next(50.0, &mut rng).as_secs_f64())
            .sum();
        assert!((1_980.0..2_020.0).contains(&seconds), "{seconds}");
    }
}
