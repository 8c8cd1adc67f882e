use crate::{Log, Scenario};

/// What a log comes to, in figures.
#[derive(Clone, Debug)]
pub struct Figures {
    /// How many requests there were.
    pub requests: usize,
    /// Which part of them was not answered well.
    pub errors: f64,
    /// How long answers took to their end, half of them less; in seconds, retries included.
    pub p50: f64,
    /// The same for 99 of a hundred.
    pub p99: f64,
    /// Attempts for each request.
    pub calls_per_request: f64,
    /// Which part of all attempts went to each deployment.
    pub shares: Vec<f64>,
    /// The most that a deployment got of them, as a multiple of what it had a right to.
    pub imbalance: f64,
    /// The most that a deployment got in any one second, as a multiple of its fair rate.
    pub worst_second: f64,
    /// Where there are sessions and somebody leaves: which part of the sessions of those who stay was where it
    /// had been, see [`homes`].
    pub kept: Option<f64>,
}

// ===== impl Figures =====

impl Figures {
    /// Of the time in which requests arrived.
    #[must_use]
    pub fn new(scenario: &Scenario, log: &Log) -> Self {
        let rates = rates(scenario, log);
        let answered = log.requests.iter().filter(|r| r.answered_by.is_some());
        let mut took: Vec<_> = answered.map(|request| request.took).collect();
        took.sort_by(f64::total_cmp);
        let requests = log.requests.len();
        let counts: Vec<f64> = rates.iter().map(|of_one| of_one.iter().sum()).collect();
        let all: f64 = counts.iter().sum();
        Self {
            requests,
            errors: 1.0 - ratio(took.len(), requests),
            p50: percentile(&took, 0.5),
            p99: percentile(&took, 0.99),
            calls_per_request: ratio(log.calls.len(), requests),
            shares: counts.iter().map(|count| count / all).collect(),
            imbalance: imbalance(scenario, &rates),
            worst_second: worst_second(scenario, log, 0.0, f64::from(scenario.seconds)),
            kept: kept(scenario, log),
        }
    }
}

/// For each deployment how many attempts it got in each second.
#[must_use]
pub fn rates(scenario: &Scenario, log: &Log) -> Vec<Vec<f64>> {
    let seconds = scenario.seconds as usize;
    let mut rates = vec![vec![0.0; seconds]; scenario.each().count()];
    for call in &log.calls {
        if let Some(rate) = rates[call.deployment].get_mut(second(call.began)) {
            *rate += 1.0;
        }
    }
    rates
}

/// How long answers to the requests of each second took: that percentile of them, or nothing where there
/// were none.
#[must_use]
pub fn latencies(scenario: &Scenario, log: &Log, part: f64) -> Vec<Option<f64>> {
    let mut took = vec![Vec::new(); scenario.seconds as usize];
    for request in &log.requests {
        if request.answered_by.is_some()
            && let Some(took) = took.get_mut(second(request.at))
        {
            took.push(request.took);
        }
    }
    let percentile = |mut took: Vec<f64>| {
        took.sort_by(f64::total_cmp);
        (!took.is_empty()).then(|| percentile(&took, part))
    };
    took.into_iter().map(percentile).collect()
}

/// The most that a deployment got in any one second between these, as a multiple of its fair rate: its share
/// by weight of the average rate of all attempts. Any second, not only those of the clock.
#[must_use]
pub fn worst_second(scenario: &Scenario, log: &Log, from: f64, until: f64) -> f64 {
    let mut times = vec![Vec::new(); scenario.each().count()];
    for call in &log.calls {
        if (from..until).contains(&call.began) {
            times[call.deployment].push(call.began);
        }
    }
    let until_the_end = log
        .calls
        .iter()
        .filter(|call| call.began < f64::from(scenario.seconds));
    let average = ratio(until_the_end.count(), scenario.seconds as usize);
    let mut worst: f64 = 0.0;
    for (deployment, times) in times.into_iter().enumerate() {
        let mut first = 0;
        for (last, time) in times.iter().enumerate() {
            while times[first] <= time - 1.0 {
                first += 1;
            }
            let fair = scenario.fair_shares(*time)[deployment];
            if fair > 0.0 {
                worst = worst.max(seconds(last + 1 - first) / (fair * average));
            }
        }
    }
    worst
}

/// The most that deployments had under way, on average over any one second that began between these, as a
/// multiple of what all who were there had on average.
#[must_use]
pub fn worst_load(scenario: &Scenario, log: &Log, from: f64, until: f64) -> f64 {
    let mut loads = vec![vec![0.0; scenario.seconds as usize]; scenario.each().count()];
    for call in &log.calls {
        for at in second(call.began)..=second(call.ended) {
            if let Some(load) = loads[call.deployment].get_mut(at) {
                let (from, until) = (seconds(at), seconds(at + 1));
                *load += call.ended.min(until) - call.began.max(from);
            }
        }
    }
    let in_second = |second: u32| {
        let fair = scenario.fair_shares(f64::from(second));
        let there = loads.iter().zip(fair).filter(|(_, fair)| *fair > 0.0);
        let there: Vec<f64> = there.map(|(loads, _)| loads[second as usize]).collect();
        let average = there.iter().sum::<f64>() / seconds(there.len());
        there.into_iter().fold(0.0, f64::max) / average
    };
    (0..scenario.seconds)
        .filter(|second| (from..until).contains(&f64::from(*second)))
        .map(in_second)
        .fold(0.0, f64::max)
}

/// For each session who answered most of its requests that were sent between these seconds.
#[must_use]
pub fn homes(scenario: &Scenario, log: &Log, from: f64, until: f64) -> Vec<Option<usize>> {
    let sessions = scenario.arrivals.sessions.unwrap_or(0) as usize;
    let mut counts = vec![vec![0_u32; scenario.each().count()]; sessions];
    for request in &log.requests {
        if (from..until).contains(&request.at)
            && let (Some(session), Some(by)) = (request.session, request.answered_by)
        {
            counts[session as usize][by] += 1;
        }
    }
    let home = |counts: Vec<u32>| {
        let most = (0..).zip(counts).max_by_key(|(_, count)| *count)?;
        (most.1 > 0).then_some(most.0)
    };
    counts.into_iter().map(home).collect()
}

fn kept(scenario: &Scenario, log: &Log) -> Option<f64> {
    scenario.arrivals.sessions?;
    let leaves: Vec<_> = scenario.each().map(|class| class.leaves).collect();
    let left = leaves.iter().flatten().copied().reduce(f64::min)?;
    let before = homes(scenario, log, 0.0, left);
    let after = homes(scenario, log, left, f64::from(scenario.seconds));
    let both = before
        .iter()
        .zip(after)
        .filter_map(|(b, a)| Some(((*b)?, a?)));
    let staying: Vec<_> = both
        .filter(|(before, _)| leaves[*before].is_none())
        .collect();
    let kept = staying.iter().filter(|(before, after)| before == after);
    Some(ratio(kept.count(), staying.len()))
}

fn imbalance(scenario: &Scenario, rates: &[Vec<f64>]) -> f64 {
    let mut fair = vec![0.0; rates.len()];
    for second in 0..scenario.seconds {
        let all: f64 = rates.iter().map(|rates| rates[second as usize]).sum();
        let shares = scenario.fair_shares(f64::from(second));
        for (fair, share) in fair.iter_mut().zip(shares) {
            *fair += share * all;
        }
    }
    let ratios = rates.iter().zip(fair).filter(|(_, fair)| *fair > 0.0);
    ratios
        .map(|(rates, fair)| rates.iter().sum::<f64>() / fair)
        .fold(0.0, f64::max)
}

/// The least that so large a part of these, which are sorted, does not exceed.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "as many as fit into memory"
    )]
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "there are not 2^53 requests")]
fn ratio(part: usize, all: usize) -> f64 {
    part as f64 / all as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "time begins with the run, and nobody simulates 2^32 seconds"
)]
const fn second(time: f64) -> usize {
    time as usize
}

#[expect(clippy::cast_precision_loss, reason = "nobody simulates 2^53 seconds")]
const fn seconds(second: usize) -> f64 {
    second as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Asked, Call, SCENARIOS};

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<_> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), 50.0);
        assert_eq!(percentile(&values, 0.99), 99.0);
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert_eq!(percentile(&[], 0.99), 0.0);
    }

    fn log(calls: &[(usize, f64)]) -> Log {
        let call = |(deployment, began): &(usize, f64)| Call {
            deployment: *deployment,
            began: *began,
            ended: began + 1.0,
        };
        Log {
            requests: Vec::new(),
            calls: calls.iter().map(call).collect(),
        }
    }

    #[test]
    fn imbalance_is_against_what_each_has_a_right_to() {
        let scenario = Scenario {
            seconds: 2,
            ..SCENARIOS.read("nine-alike").unwrap()
        };
        let even: Vec<_> = (0..18)
            .map(|n| (n % 9, f64::from(n / 9)))
            .collect::<Vec<_>>();
        let even: Vec<_> = even.into_iter().map(|(d, s)| (d as usize, s)).collect();
        let figures = Figures::new(&scenario, &log(&even));
        assert!((figures.imbalance - 1.0).abs() < 1e-9);
        assert!((figures.worst_second - 1.0).abs() < 1e-9);

        // All at one in the first second, none there in the second one.
        let mut uneven = vec![(0, 0.0); 9];
        uneven.extend((1..9).map(|n| (n, 1.0)).chain([(1, 1.0)]));
        let figures = Figures::new(&scenario, &log(&uneven));
        assert!((figures.imbalance - 4.5).abs() < 1e-9);
        assert!((figures.worst_second - 9.0).abs() < 1e-9);
    }

    #[test]
    fn a_session_is_at_home_where_most_of_it_was_answered() {
        let scenario = SCENARIOS.read("leaving").unwrap();
        let asked = |session, by, at| Asked {
            at,
            took: 0.1,
            answered_by: Some(by),
            session: Some(session),
        };
        let requests = vec![
            asked(0, 3, 1.0),
            asked(0, 3, 2.0),
            asked(0, 4, 2.0),
            asked(1, 5, 9.0),
        ];
        let log = Log {
            requests,
            calls: Vec::new(),
        };
        let homes = homes(&scenario, &log, 0.0, 5.0);
        assert_eq!(homes[..2], [Some(3), None]);
    }
}
