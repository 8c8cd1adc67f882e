//! The addresses of a deployment's host as endpoints that come and go.

use super::{
    Direct,
    spread::{Address, Health},
};
use headworks_balance::{Endpoint, Registry};
use headworks_breaker::{Breaker, Circuit};
use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};
use tokio::time::Instant;

/// Keeps the endpoints of a registry in step with the addresses of a host.
///
/// An address that leaves takes no new requests, and those in flight there run on. It is remembered for a
/// while: if it comes back it has its connections, its load and its rest as before.
pub(in super::super) struct Addresses {
    registry: Registry<Address>,
    connect: Box<dyn Fn(IpAddr) -> Direct + Send>,
    known: BTreeMap<IpAddr, Known>,
}

struct Known {
    endpoint: Endpoint<Address>,
    /// When it left, if it has.
    left: Option<Instant>,
}

/// How long an address that has left is remembered: `LiteLLM`'s time for entries that nobody uses.
const REMEMBERED: Duration = Duration::from_secs(300);

// ===== impl Addresses =====

impl Addresses {
    /// Fills `registry`, which is empty, with endpoints that are reached by `connect`.
    pub(in super::super) fn new(
        registry: Registry<Address>,
        connect: impl Fn(IpAddr) -> Direct + Send + 'static,
    ) -> Self {
        Self {
            registry,
            connect: Box::new(connect),
            known: BTreeMap::new(),
        }
    }

    /// These are the addresses from now on.
    pub(in super::super) fn set(&mut self, addresses: &[IpAddr], now: Instant) {
        self.known
            .retain(|_, known| known.left.is_none_or(|left| now - left < REMEMBERED));
        for (address, known) in &mut self.known {
            let left = known.left.unwrap_or(now);
            known.left = (!addresses.contains(address)).then_some(left);
        }
        for address in addresses {
            self.known.entry(*address).or_insert_with(|| Known {
                endpoint: endpoint(*address, (self.connect)(*address)),
                left: None,
            });
        }
        let present = self.known.values().filter(|known| known.left.is_none());
        self.registry
            .set(present.map(|known| known.endpoint.clone()));
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Addresses").field(&self.registry).finish()
    }
}

fn endpoint(address: IpAddr, direct: Direct) -> Endpoint<Address> {
    let circuit = Circuit::new(Health::policy());
    let service = Breaker::new(direct, circuit.clone(), Health);
    Endpoint::new(address.to_string(), service).gate(move || circuit.standing(Instant::now()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headworks_balance::State;
    use headworks_provider::simulated::{Params, Simulated};
    use std::sync::Arc;
    use tokio::time::advance;

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn states(registry: &Registry<Address>) -> Vec<(String, Arc<State>)> {
        let snapshot = registry.snapshot();
        let members = snapshot.members().iter();
        members
            .map(|member| (member.id().to_string(), member.state().clone()))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_keeps_its_state_while_others_come_and_go_and_for_a_while_after_it_left() {
        let registry = Registry::new();
        let mut addresses = Addresses::new(registry.clone(), |_| {
            Direct::from(Simulated::new(Params::default()))
        });
        addresses.set(&[ip(1), ip(2)], Instant::now());
        let first = states(&registry);
        assert_eq!(first[0].0, "10.0.0.1");
        assert_eq!(first[1].0, "10.0.0.2");

        addresses.set(&[ip(2), ip(3)], Instant::now());
        let second = states(&registry);
        assert_eq!(second[0].0, "10.0.0.2");
        assert!(Arc::ptr_eq(&second[0].1, &first[1].1));
        assert_eq!(second[1].0, "10.0.0.3");

        advance(REMEMBERED / 2).await;
        addresses.set(&[ip(1)], Instant::now());
        assert!(Arc::ptr_eq(&states(&registry)[0].1, &first[0].1));
        addresses.set(&[ip(2)], Instant::now());
        advance(REMEMBERED).await;
        addresses.set(&[ip(1)], Instant::now());
        assert!(!Arc::ptr_eq(&states(&registry)[0].1, &first[0].1));
    }
}
