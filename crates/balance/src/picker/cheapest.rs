use crate::{Candidates, Picker, picker::Dice};
use headworks_core::Why;

/// Chooses the cheapest by [`Params::cost`](crate::Params::cost): `LiteLLM`'s `cost-based-routing`. Of those
/// that cost the same, the less busy of two; those without a price when nobody with one may be chosen.
///
/// It is a picker and no load on [`P2c`](crate::P2c), which looks at two at random: of three it would choose
/// the dearest of two in one pair of three, and who asks for the cheapest means it.
#[derive(Debug, Default)]
pub struct Cheapest {
    dice: Dice,
}

// ===== impl Cheapest =====

impl Cheapest {
    /// Chooses by chance among those that cost the same.
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
}

impl Picker for Cheapest {
    #[expect(
        clippy::cast_precision_loss,
        reason = "nobody has 2^53 requests in flight"
    )]
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let (first, second) = candidates
            .prices()
            .find_map(|places| candidates.two_among(places, &self.dice))?;
        let Some(second) = second else {
            return Some(first);
        };
        let busy = |place| {
            let member = candidates.members().get(place)?;
            let in_flight = member.state().in_flight() as f64;
            Some((in_flight + 1.0) / member.ramp())
        };
        Some(if busy(second) < busy(first) {
            second
        } else {
            first
        })
    }

    fn why(&self) -> Why {
        Why::new("cheapest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Endpoint, Members,
        picker::test_util::{chi_squared_fits, members, open, picks, request, shut},
    };

    /// Members named by their places, with these prices, full with one request in flight.
    fn priced(costs: &[Option<f64>]) -> Members {
        members(costs.iter().enumerate().map(|(place, cost)| {
            let endpoint = Endpoint::new(place.to_string(), ()).max_in_flight(1);
            match cost {
                Some(cost) => endpoint.cost(*cost),
                None => endpoint,
            }
        }))
    }

    #[test]
    fn all_go_to_the_cheapest_and_to_the_next_while_it_takes_none() {
        let cheapest = Cheapest::seeded(1);
        let group = priced(&[Some(3.0), None, Some(1.0), Some(2.0)]);
        assert_eq!(picks(&cheapest, &group, &request(&[]), 100), [0, 0, 100, 0]);
        assert_eq!(
            picks(&cheapest, &group, &request(&["2"]), 100),
            [0, 0, 0, 100]
        );
        shut(&group, 2);
        shut(&group, 3);
        assert_eq!(picks(&cheapest, &group, &request(&[]), 100), [100, 0, 0, 0]);
        shut(&group, 0);
        assert_eq!(picks(&cheapest, &group, &request(&[]), 100), [0, 100, 0, 0]);
        open(&group, 2);
        assert_eq!(picks(&cheapest, &group, &request(&[]), 100), [0, 0, 100, 0]);
    }

    #[test]
    fn what_is_free_is_cheaper_than_anything_and_no_price_is_no_price() {
        let cheapest = Cheapest::seeded(1);
        let group = priced(&[Some(f64::NAN), Some(1e-9), Some(-1.0), Some(0.0)]);
        assert_eq!(picks(&cheapest, &group, &request(&[]), 100), [0, 0, 0, 100]);
        let counts = picks(&cheapest, &group, &request(&["1", "3"]), 10_000);
        chi_squared_fits(&counts, &[1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn of_equal_ones_the_less_busy_is_chosen() {
        let cheapest = Cheapest::seeded(1);
        let group = members(["a", "b", "c"].map(|id| Endpoint::new(id, ()).cost(1.0)));
        chi_squared_fits(
            &picks(&cheapest, &group, &request(&[]), 30_000),
            &[1.0, 1.0, 1.0],
        );
        assert!(group.get(0).unwrap().state().try_begin(None));
        let counts = picks(&cheapest, &group, &request(&[]), 3_000);
        assert_eq!(counts[0], 0, "it loses in both its pairs");
    }

    #[test]
    fn nobody_is_chosen_from_nobody() {
        let cheapest = Cheapest::seeded(1);
        assert_eq!(cheapest.pick(&priced(&[]).candidates(&request(&[]))), None);
        let one = priced(&[Some(1.0)]);
        assert_eq!(cheapest.pick(&one.candidates(&request(&["0"]))), None);
    }
}
