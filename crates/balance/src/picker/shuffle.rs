use crate::{Candidates, Picker, members::WeightTable, picker::Dice};
use headworks_core::Why;

/// How often a draw that hits no candidate is repeated before all are looked at. Repeating is what makes a
/// choice among a thousand cost as much as among three, and each look is one too many once most are out.
const DRAWS: usize = 4;

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

    fn by_weight(&self, table: &WeightTable, candidates: &Candidates<'_>) -> Option<usize> {
        let draw = || Some(table.at(self.dice.unit())).filter(|place| candidates.contains(*place));
        (0..DRAWS).find_map(|_| draw()).or_else(|| {
            let entries = table
                .entries
                .iter()
                .map(|(place, weight)| (*place as usize, *weight));
            self.among(entries.filter(|(place, _)| candidates.contains(*place)))
        })
    }

    fn evenly(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let places = candidates.places();
        if places.is_empty() {
            return None;
        }
        let draw = || {
            let place = places[self.dice.below(places.len())] as usize;
            Some(place).filter(|place| candidates.contains(*place))
        };
        (0..DRAWS)
            .find_map(|_| draw())
            .or_else(|| self.among(candidates.iter().map(|(place, _)| (place, 1.0))))
    }

    /// One of these by weight, in a single pass: each takes the place of the one before with the
    /// probability of its share so far (Chao 1982).
    fn among(&self, entries: impl Iterator<Item = (usize, f64)>) -> Option<usize> {
        let mut sum = 0.0;
        entries.fold(None, |chosen, (place, weight)| {
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
        let tables = candidates.weights();
        tables
            .iter()
            .find_map(|table| self.by_weight(table, candidates))
            .or_else(|| self.evenly(candidates))
    }

    fn why(&self) -> Why {
        Why::new("weighted shuffle")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picker::test_util::{chi_squared_fits, group, picks, request, shut};

    #[test]
    fn weight_goes_before_rpm_and_rpm_before_tpm() {
        let shuffle = WeightedShuffle::seeded(1);
        let group = group([("a", 1.0, 0), ("b", 0.0, 9)]);
        let request = request(&[]);
        assert_eq!(picks(&shuffle, &group, &request, 100), [100, 0]);
        let tpm = group_of_tpm();
        assert_eq!(picks(&shuffle, &tpm, &request, 100), [0, 100]);
    }

    fn group_of_tpm() -> crate::Members {
        crate::picker::test_util::members([
            crate::Endpoint::new("a", ()).tpm(0),
            crate::Endpoint::new("b", ()).tpm(5),
        ])
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
        let group = crate::picker::test_util::weighted(&weights);
        let expect = |out: &[usize]| {
            let in_play = |place: &usize| !out.contains(place);
            let weight = |place| if in_play(&place) { weights[place] } else { 0.0 };
            (0..weights.len()).map(weight).collect::<Vec<_>>()
        };
        let counts = picks(&shuffle, &group, &request(&[]), 1_000_000);
        chi_squared_fits(&counts, &expect(&[]));
        let counts = picks(&shuffle, &group, &request(&["5", "0"]), 1_000_000);
        chi_squared_fits(&counts, &expect(&[5, 0]));
        shut(&group, 3);
        shut(&group, 5);
        let counts = picks(&shuffle, &group, &request(&["4"]), 1_000_000);
        chi_squared_fits(&counts, &expect(&[3, 4, 5]));
    }

    #[test]
    fn without_weights_all_are_equal() {
        let shuffle = WeightedShuffle::seeded(7);
        let group = crate::picker::test_util::weighted(&[0.0; 5]);
        let counts = picks(&shuffle, &group, &request(&[]), 1_000_000);
        chi_squared_fits(&counts, &[1.0; 5]);
        let counts = picks(&shuffle, &group, &request(&["1", "2", "3"]), 1_000_000);
        chi_squared_fits(&counts, &[1.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn it_chooses_nobody_from_nobody() {
        let shuffle = WeightedShuffle::seeded(7);
        let nobody = crate::picker::test_util::weighted(&[]);
        assert_eq!(shuffle.pick(&nobody.candidates(&request(&[]))), None);
        let group = group([("a", 1.0, 0)]);
        assert_eq!(shuffle.pick(&group.candidates(&request(&["a"]))), None);
    }
}
