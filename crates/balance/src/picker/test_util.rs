//! Groups, requests and statistics for the tests of pickers.

use crate::{Endpoint, Members, Picker};
use headworks_core::{Attempts, Outcome, Why};
use http::Request;

pub(crate) fn members<S>(endpoints: impl IntoIterator<Item = Endpoint<S>>) -> Members {
    let enrolled = |(serial, endpoint): (u64, Endpoint<S>)| {
        let mut member = endpoint.member;
        member.enroll(serial);
        member
    };
    Members::new((1..).zip(endpoints).map(enrolled).collect())
}

/// Members of these ids, weights and `rpm`.
pub(crate) fn group<const N: usize>(of: [(&str, f64, u64); N]) -> Members {
    members(of.map(|(id, weight, rpm)| Endpoint::new(id, ()).weight(weight).rpm(rpm)))
}

/// Members named by their places, with these weights, full with one request in flight.
pub(crate) fn weighted(weights: &[f64]) -> Members {
    let endpoint = |(place, weight): (usize, &f64)| {
        Endpoint::new(place.to_string(), ())
            .weight(*weight)
            .max_in_flight(1)
    };
    members(weights.iter().enumerate().map(endpoint))
}

/// The member of a `weighted` group takes no requests from now on.
pub(crate) fn shut(group: &Members, place: usize) {
    assert!(group.get(place).unwrap().state().try_begin(None));
}

/// The member of a `weighted` group takes requests again.
pub(crate) fn open(group: &Members, place: usize) {
    group.get(place).unwrap().state().end();
}

/// A request that has been tried in vain at these.
pub(crate) fn request(tried: &[&str]) -> Request<()> {
    let attempts = Attempts::new(0);
    for id in tried {
        let number = attempts.begin(&"g".into(), &(*id).into(), Why::new("test"), 0);
        attempts.end(number, Outcome::Capacity.into());
    }
    let mut request = Request::new(());
    request.extensions_mut().insert(attempts);
    request
}

/// How often each member is picked in `n` picks for the request.
pub(crate) fn picks(
    picker: &dyn Picker,
    group: &Members,
    request: &Request<()>,
    n: usize,
) -> Vec<u32> {
    let mut counts = vec![0; group.len()];
    for _ in 0..n {
        counts[picker.pick(&group.candidates(request)).unwrap()] += 1;
    }
    counts
}

/// Pearson's test at a level of 10^-4: with fixed seeds it passes or fails for good.
#[track_caller]
pub(crate) fn chi_squared_fits(counts: &[u32], weights: &[f64]) {
    let n: f64 = counts.iter().copied().map(f64::from).sum();
    let sum: f64 = weights.iter().sum();
    let mut statistic = 0.0;
    let mut degrees = -1.0_f64;
    for (count, weight) in counts.iter().zip(weights) {
        if *weight == 0.0 {
            assert_eq!(*count, 0, "{counts:?} for {weights:?}");
        } else {
            let expected = n * weight / sum;
            statistic += (f64::from(*count) - expected).powi(2) / expected;
            degrees += 1.0;
        }
    }
    // Wilson and Hilferty's approximation; 3.719 is the normal quantile of 1 - 10^-4.
    let spread = 2.0 / (9.0 * degrees);
    let limit = degrees * 3.719_f64.mul_add(spread.sqrt(), 1.0 - spread).powi(3);
    assert!(
        statistic < limit,
        "{statistic} >= {limit}: {counts:?} for {weights:?}"
    );
}
