use crate::{Candidates, Picker, picker::Dice, shares::Share};
use headworks_core::Why;

/// How often a draw that hits no candidate is repeated before all are looked at. Repeating is what makes a
/// choice among a thousand cost as much as among three, and each look is one too many once most are out.
const DRAWS: usize = 8;

/// Chooses at random, each by its weight: `LiteLLM`'s `simple-shuffle`.
///
/// What counts as weight is the first of `weight`, `rpm` and `tpm` that some candidate has above zero; among
/// those who are compared by it, whoever lacks it is not chosen. Where no candidate has any of them, all are
/// equal. The shares of those who are out go to the candidates in proportion, and each choice is independent
/// of the last.
#[derive(Debug, Default)]
pub struct WeightedShuffle {
    dice: Dice,
}

// ===== impl WeightedShuffle =====

impl WeightedShuffle {
    /// Chooses by chance.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            dice: Dice::thread(),
        }
    }

    /// Makes the same choices in the same order each time, for tests and simulations.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            dice: Dice::seeded(seed),
        }
    }

    /// The place that was drawn, if it is a candidate's; one that starts slowly takes only the part of its
    /// draws that it takes of its share.
    fn accept(&self, place: usize, candidates: &Candidates<'_>) -> Option<usize> {
        let ramp = candidates.get(place)?.ramp();
        (ramp >= 1.0 || self.dice.unit() < ramp).then_some(place)
    }

    /// One of these by weight, in a single pass: each takes the place of the one before with the
    /// probability of its share so far (Chao 1982).
    fn among<'a>(&self, shares: impl Iterator<Item = Share<'a>>) -> Option<usize> {
        let mut sum = 0.0;
        shares.fold(None, |chosen, Share { place, weight, .. }| {
            sum += weight;
            match chosen {
                Some(_) if self.dice.unit() * sum >= weight => chosen,
                _ => Some(place),
            }
        })
    }
}

impl Picker for WeightedShuffle {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        candidates.shares().find_map(|shares| {
            let draw = |_| self.accept(shares.draw(&self.dice)?, candidates);
            (0..DRAWS)
                .find_map(draw)
                .or_else(|| self.among(shares.iter()))
        })
    }

    fn why(&self) -> Why {
        Why::new("weighted shuffle")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Endpoint, Members,
        picker::test_util::{chi_squared_fits, group, members, picks, request, shut, weighted},
    };
    use std::time::Duration;

    #[test]
    fn weight_goes_before_rpm_and_rpm_before_tpm() {
        let shuffle = WeightedShuffle::seeded(1);
        let group = group([("a", 1.0, 0), ("b", 0.0, 9)]);
        let request = request(&[]);
        assert_eq!(picks(&shuffle, &group, &request, 100), [100, 0]);
        let tpm = group_of_tpm();
        assert_eq!(picks(&shuffle, &tpm, &request, 100), [0, 100]);
    }

    fn group_of_tpm() -> Members {
        members([Endpoint::new("a", ()).tpm(0), Endpoint::new("b", ()).tpm(5)])
    }

    #[test]
    fn a_standby_is_chosen_when_no_weighted_one_may_be() {
        let shuffle = WeightedShuffle::seeded(1);
        let group = group([("a", 3.0, 0), ("standby", 0.0, 0), ("b", 1.0, 0)]);
        assert_eq!(picks(&shuffle, &group, &request(&[]), 1000)[1], 0);
        assert_eq!(picks(&shuffle, &group, &request(&["a"]), 1000)[..2], [0, 0]);
        let only = picks(&shuffle, &group, &request(&["a", "b"]), 100);
        assert_eq!(only, [0, 100, 0]);
    }

    #[test]
    fn shares_are_exact_with_and_without_exclusions() {
        let shuffle = WeightedShuffle::seeded(7);
        let weights = [3.0, 1.0, 0.5, 6.0, 6.0, 1440.0, 2.0, 0.25];
        let group = weighted(&weights);
        let expect = |out: &[usize]| {
            let in_play = |place: &usize| !out.contains(place);
            let weight = |place| if in_play(&place) { weights[place] } else { 0.0 };
            (0..weights.len()).map(weight).collect::<Vec<_>>()
        };
        let counts = picks(&shuffle, &group, &request(&[]), 1_000_000);
        chi_squared_fits(&counts, &expect(&[]));
        shut(&group, 3);
        shut(&group, 5);
        let counts = picks(&shuffle, &group, &request(&["4", "0"]), 1_000_000);
        chi_squared_fits(&counts, &expect(&[0, 3, 4, 5]));
    }

    #[test]
    fn without_weights_all_are_equal() {
        let shuffle = WeightedShuffle::seeded(7);
        let group = weighted(&[0.0; 5]);
        let counts = picks(&shuffle, &group, &request(&[]), 100_000);
        chi_squared_fits(&counts, &[1.0; 5]);
        let counts = picks(&shuffle, &group, &request(&["1", "2", "3"]), 100_000);
        chi_squared_fits(&counts, &[1.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn it_chooses_nobody_from_nobody() {
        let shuffle = WeightedShuffle::seeded(7);
        let nobody = weighted(&[]);
        assert_eq!(shuffle.pick(&nobody.candidates(&request(&[]))), None);
        let group = group([("a", 1.0, 0)]);
        assert_eq!(shuffle.pick(&group.candidates(&request(&["a"]))), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_starts_slowly_takes_a_growing_part_of_its_share() {
        let shuffle = WeightedShuffle::seeded(7);
        for weights in [[1.0, 2.0, 1.0], [0.0; 3]] {
            let group = weighted(&weights);
            let slow = group.get(1).unwrap();
            slow.state().start_slowly();
            tokio::time::advance(Duration::from_secs(2)).await;
            assert_eq!(slow.ramp(), 0.4);
            let counts = picks(&shuffle, &group, &request(&[]), 100_000);
            let whole = if weights[1] == 0.0 { 1.0 } else { 2.0 };
            chi_squared_fits(&counts, &[1.0, whole * 0.4, 1.0]);
        }
    }
}
