use crate::{Scenario, network::Link, network::Network};
use headworks_limit::{
    Quota,
    share::{Alone, Keeper, KeeperParams},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// All instances, each at its place: where one dies another takes its.
pub(crate) struct Fleet<'a> {
    scenario: &'a Scenario,
    network: &'a Network,
    alone: Alone,
    names: Vec<Arc<str>>,
    places: Vec<Option<Instance>>,
    /// How many have been started.
    started: u64,
}

/// One process of many: the real quotas and their keeper.
pub(crate) struct Instance {
    pub(crate) quotas: Vec<Quota>,
    pub(crate) link: Link,
    /// When it was last asked.
    pub(crate) asked: Option<Instant>,
    /// It has been asked while it went by itself.
    pub(crate) went_alone: bool,
    /// Dropped, it keeps nothing more in step.
    _keeper: Keeper,
}

// ===== impl Fleet =====

impl<'a> Fleet<'a> {
    /// Places for so many, all of them empty.
    pub(crate) fn new(scenario: &'a Scenario, instances: usize, network: &'a Network) -> Self {
        Self {
            scenario,
            network,
            alone: scenario.alone.map_or(Alone::Part, Alone::Share),
            names: (0..scenario.quotas)
                .map(|number| number.to_string().into())
                .collect(),
            places: (0..instances).map(|_| None).collect(),
            started: 0,
        }
    }

    /// Starts one at this place. Whoever was there dies: what it held and what it owed is gone with it.
    pub(crate) fn start(&mut self, place: usize) {
        self.started += 1;
        // No two of them begin at the same time of day.
        let began = Duration::from_secs(1_000_000_000 + 11 * self.started);
        let limits = self.scenario.limits.limits();
        let quotas: Vec<_> = (0..self.scenario.quotas)
            .map(|_| Quota::starting(limits.clone(), began))
            .collect();
        let link = self.network.link(place);
        let named = self.names.iter().cloned().zip(quotas.iter().cloned());
        let params =
            KeeperParams::new(format!("{place}.{}", self.started).as_str()).alone(self.alone);
        self.places[place] = Some(Instance {
            _keeper: Keeper::spawn(link.clone(), named, params),
            quotas,
            link,
            asked: None,
            went_alone: false,
        });
    }

    /// Who is there.
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Instance> {
        self.places[place].as_mut()
    }
}
