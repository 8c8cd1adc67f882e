//! A choice allocates nothing, however large the group and whoever is out.

use allocation_counter::measure;
use headworks_balance::{
    Cheapest, Endpoint, LeastBusy, LeastLatency, LeastUsed, P2c, Picker, Registry, RoundRobin,
    Session, SmoothRoundRobin, Sticky, WeightedShuffle,
};
use headworks_core::{Attempts, Outcome, Why};
use http::Request;

const SIZES: [u32; 4] = [3, 10, 100, 1000];

fn registry(size: u32) -> Registry<()> {
    let endpoint = |n: u32| Endpoint::new(n.to_string(), ()).weight(f64::from(n % 7));
    (0..size).map(endpoint).collect()
}

/// A request that has failed at two of the group.
fn retried() -> Request<()> {
    let attempts = Attempts::new(0);
    for id in ["1", "2"] {
        let number = attempts.begin(&"g".into(), &id.into(), Why::new("test"), 0);
        attempts.end(number, Outcome::Capacity.into());
    }
    let mut request = Request::new(());
    request
        .extensions_mut()
        .insert(Session::new(b"caller", b"session"));
    request.extensions_mut().insert(attempts);
    request
}

/// How many allocations 100 choices make, once the picker knows the group.
fn allocations(picker: &dyn Picker, size: u32, request: &Request<()>) -> u64 {
    let snapshot = registry(size).snapshot();
    let pick = || {
        let candidates = snapshot.members().candidates(request);
        assert!(picker.pick(&candidates).is_some());
    };
    (0..2 * size).for_each(|_| pick());
    measure(|| (0..100).for_each(|_| pick())).count_total
}

#[test]
fn a_choice_by_order_or_share_allocates_nothing() {
    let pickers: [&dyn Picker; 5] = [
        &Cheapest::new(),
        &WeightedShuffle::new(),
        &RoundRobin::new(),
        &SmoothRoundRobin::new(),
        &Sticky::new(),
    ];
    for picker in pickers {
        for size in SIZES {
            for request in [Request::new(()), retried()] {
                let count = allocations(picker, size, &request);
                assert_eq!(count, 0, "{:?} of {size}", picker.why());
            }
        }
    }
}

#[test]
fn a_choice_by_load_allocates_what_towers_balance_does() {
    for size in SIZES {
        for p2c in [
            P2c::new(LeastBusy),
            P2c::new(LeastLatency),
            P2c::new(LeastUsed),
        ] {
            let count = allocations(&p2c, size, &Request::new(()));
            assert_eq!(count, 100, "{p2c:?} of {size}");
        }
    }
}
