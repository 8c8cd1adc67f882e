use crate::{Candidates, Members, Picker, shares::Share};
use headworks_core::{DeploymentId, Why};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Chooses each as often as its weight says, and spreads its turns evenly: smooth weighted round robin, as
/// nginx has it.
///
/// Of weights 5, 1 and 1 the choices go `a a b a c a a`, where a shuffle may give `a` eight times in a row
/// and `b` none in twenty. What counts as weight is found as in
/// [`WeightedShuffle`](crate::WeightedShuffle). Whoever is no candidate gets no credit for the time, so it
/// has no burst coming when it is back.
///
/// Exact under concurrency: a choice is made under a short lock. Each looks at all candidates, so its cost
/// grows with the group: for more than some hundred a shuffle is as even and cheaper.
#[derive(Debug, Default)]
pub struct SmoothRoundRobin {
    credits: Mutex<Credits>,
}

#[derive(Debug, Default)]
struct Credits {
    version: u64,
    /// By place.
    credits: Vec<f64>,
    ids: Vec<DeploymentId>,
}

// ===== impl SmoothRoundRobin =====

impl SmoothRoundRobin {
    /// Starts with nobody having credit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Picker for SmoothRoundRobin {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let mut credits = self.credits.lock();
        credits.follow(candidates.members());
        candidates
            .shares()
            .find_map(|shares| credits.spend(shares.iter()))
    }

    fn why(&self) -> Why {
        Why::new("smooth round robin")
    }
}

// ===== impl Credits =====

impl Credits {
    /// Those who stay keep their credit.
    fn follow(&mut self, members: &Members) {
        if self.version == members.version() {
            return;
        }
        let before: HashMap<_, _> = self.ids.drain(..).zip(self.credits.drain(..)).collect();
        self.ids
            .extend(members.iter().map(|member| member.id().clone()));
        let credit = |id| before.get(id).copied().unwrap_or_default();
        self.credits.extend(self.ids.iter().map(credit));
        self.version = members.version();
    }

    /// Each of these gets its weight in credit; who then has most pays for all and is chosen, the first of
    /// equals.
    fn spend<'a>(&mut self, shares: impl Iterator<Item = Share<'a>>) -> Option<usize> {
        let mut sum = 0.0;
        let mut most = None;
        for Share { place, weight, .. } in shares {
            sum += weight;
            self.credits[place] += weight;
            if most.is_none_or(|most: usize| self.credits[place] > self.credits[most]) {
                most = Some(place);
            }
        }
        self.credits[most?] -= sum;
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Endpoint, Registry,
        picker::test_util::{open, picks, request, shut, weighted},
    };

    fn round(smooth: &SmoothRoundRobin, group: &Members, n: usize) -> Vec<usize> {
        let pick = |_| smooth.pick(&group.candidates(&request(&[])));
        (0..n).filter_map(pick).collect()
    }

    #[test]
    fn turns_are_spread_evenly() {
        let group = weighted(&[5.0, 1.0, 1.0]);
        let smooth = SmoothRoundRobin::new();
        let once = [0, 0, 1, 0, 2, 0, 0];
        assert_eq!(round(&smooth, &group, 14), [once, once].concat());
    }

    #[test]
    fn shares_are_exact_with_and_without_exclusions() {
        let group = weighted(&[3.0, 0.0, 2.0, 5.0]);
        let smooth = SmoothRoundRobin::new();
        assert_eq!(
            picks(&smooth, &group, &request(&[]), 1000),
            [300, 0, 200, 500]
        );
        shut(&group, 3);
        assert_eq!(
            picks(&smooth, &group, &request(&[]), 1000),
            [600, 0, 400, 0]
        );
        open(&group, 3);
        assert_eq!(
            picks(&smooth, &group, &request(&["0", "2", "3"]), 10),
            [0, 10, 0, 0]
        );
        assert_eq!(
            picks(&smooth, &group, &request(&[]), 1000),
            [300, 0, 200, 500]
        );
        assert_eq!(
            picks(&smooth, &weighted(&[0.0; 3]), &request(&[]), 9),
            [3, 3, 3]
        );
    }

    #[test]
    fn credit_is_kept_when_the_group_changes() {
        let weights = [("a", 1.0), ("b", 1.0)];
        let endpoints = weights.map(|(id, weight)| Endpoint::new(id, ()).weight(weight));
        let registry: Registry<()> = endpoints.into_iter().collect();
        let smooth = SmoothRoundRobin::new();
        assert_eq!(round(&smooth, registry.snapshot().members(), 1), [0]);
        registry.insert(Endpoint::new("standby", ()));
        assert_eq!(round(&smooth, registry.snapshot().members(), 2), [1, 0]);
    }
}
