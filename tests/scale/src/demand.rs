use crate::scenario::{Demand, Spread};
use fastrand::Rng;
use headworks_limit::Tokens;

/// Makes up requests.
pub(crate) struct Requests<'a> {
    demand: &'a Demand,
    quotas: usize,
    /// Up to where the part of each instance reaches.
    parts: Vec<f64>,
    rng: Rng,
}

/// One of them.
pub(crate) struct Request {
    /// Where it comes to.
    pub(crate) place: usize,
    pub(crate) quota: usize,
    /// What is reserved for it.
    pub(crate) reserved: Tokens,
    /// What it costs in the end.
    pub(crate) costs: Tokens,
    /// How many milliseconds its answer takes.
    pub(crate) takes: usize,
    /// Whether it may come back, if it is told to do so soon.
    pub(crate) comes_back: bool,
}

// ===== impl Requests =====

impl<'a> Requests<'a> {
    pub(crate) fn new(demand: &'a Demand, quotas: usize, instances: usize, rng: Rng) -> Self {
        let weight = |place: usize| match demand.spread {
            Spread::Even => 1.0,
            Spread::Zipf => 1.0 / (place + 1) as f64,
            Spread::One if place == 0 => 1.0,
            Spread::One => 0.0,
            Spread::First(part) if place == 0 => part,
            Spread::First(part) => (1.0 - part) / (instances - 1) as f64,
        };
        let all: f64 = (0..instances).map(weight).sum();
        let parts = (0..instances).scan(0.0, |sum, place| {
            *sum += weight(place) / all;
            Some(*sum)
        });
        Self {
            demand,
            quotas,
            parts: parts.collect(),
            rng,
        }
    }

    /// How many come within the next millisecond.
    pub(crate) fn arrive(&mut self) -> usize {
        // Knuth's: as many as it takes for a product of uniform numbers to fall below.
        let least = (-self.demand.per_second / 1000.0).exp();
        let mut product = self.rng.f64();
        let mut count = 0;
        while product > least {
            product *= self.rng.f64();
            count += 1;
        }
        count
    }

    pub(crate) fn next(&mut self) -> Request {
        let part = self.rng.f64();
        let place = self.parts.partition_point(|reaches| *reaches <= part);
        let mut whole = |distribution: &headworks_simulation::Distribution| {
            distribution.sample(&mut self.rng).as_secs_f64().round() as u64
        };
        let (reserved, costs) = match &self.demand.tokens {
            None => (Tokens::NONE, Tokens::NONE),
            Some(cost) => {
                let prompt = whole(&cost.prompt);
                let answer = whole(&cost.answer);
                (
                    Tokens::new(prompt, cost.reserved),
                    Tokens::new(prompt, answer),
                )
            }
        };
        Request {
            place: place.min(self.parts.len() - 1),
            quota: self.rng.usize(..self.quotas),
            reserved,
            costs,
            takes: self.demand.answer.sample(&mut self.rng).as_millis() as usize + 1,
            comes_back: self.demand.comes_back,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(spread: Spread, instances: usize) -> Vec<f64> {
        let demand = Demand {
            spread,
            ..Demand::default()
        };
        let mut requests = Requests::new(&demand, 1, instances, Rng::with_seed(1));
        let mut counts = vec![0.0; instances];
        for _ in 0..100_000 {
            counts[requests.next().place] += 1e-5;
        }
        counts
    }

    #[test]
    fn requests_are_spread_as_the_scenario_says() {
        let near = |count: f64, part: f64| (count - part).abs() < 0.01;
        assert!(counts(Spread::Even, 4).iter().all(|part| near(*part, 0.25)));
        let zipf = counts(Spread::Zipf, 4);
        assert!(near(zipf[0], 0.48) && near(zipf[1], 0.24) && near(zipf[3], 0.12));
        assert_eq!(counts(Spread::One, 3)[1..], [0.0, 0.0]);
        let first = counts(Spread::First(0.9), 3);
        assert!(near(first[0], 0.9) && near(first[2], 0.05));
    }

    #[test]
    fn as_many_arrive_as_should() {
        let demand = Demand::default();
        let mut requests = Requests::new(&demand, 1, 1, Rng::with_seed(1));
        let arrived: usize = (0..10_000).map(|_| requests.arrive()).sum();
        assert!((99_000..101_000).contains(&arrived), "{arrived}");
    }
}
