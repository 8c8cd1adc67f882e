use crate::{Candidates, Member};
use headworks_core::DeploymentId;
use http::Request;
use std::{
    collections::HashMap,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

/// The members of a group at one moment, in a stable order, with the tables a choice is made from.
///
/// Immutable: a change of the group makes another one, of a later [`version`](Self::version).
#[derive(Debug)]
pub struct Members {
    version: u64,
    list: Box<[Member]>,
    by_id: HashMap<DeploymentId, u32>,
    tiers: Vec<Tier>,
    /// The tier of each place.
    tier_of: Box<[u32]>,
    shortest_window: Option<u64>,
}

/// The members of one [`order`](crate::Params::order).
#[derive(Debug)]
pub(crate) struct Tier {
    order: Option<i64>,
    /// Their places in the list, ascending.
    pub(crate) places: Box<[u32]>,
    /// One table for each kind of weight that somebody here has, by precedence.
    pub(crate) weights: Vec<WeightTable>,
    /// The places that cost the same, the cheapest first, those without a price last.
    pub(crate) prices: Vec<Box<[u32]>>,
}

/// Those of a tier with a weight of one kind, and the running sum of their weights.
#[derive(Debug)]
pub(crate) struct WeightTable {
    pub(crate) entries: Box<[(u32, f64)]>,
    sums: Box<[f64]>,
}

// ===== impl Members =====

impl Members {
    pub(crate) fn new(list: Box<[Member]>) -> Self {
        static VERSION: AtomicU64 = AtomicU64::new(1);
        let ids = list.iter().map(|member| member.id().clone());
        let tiers = tiers(&list);
        let mut tier_of = vec![0; list.len()];
        for (number, tier) in (0..).zip(&tiers) {
            for place in &tier.places {
                tier_of[*place as usize] = number;
            }
        }
        Self {
            version: VERSION.fetch_add(1, Ordering::Relaxed),
            by_id: ids.zip(0..).collect(),
            tiers,
            tier_of: tier_of.into(),
            shortest_window: list
                .iter()
                .filter_map(|m| m.params().max_input_tokens)
                .min(),
            list,
        }
    }

    /// Grows with every change of the group, and is never that of another group.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// How many there are, candidates or not.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// True if the group has no members.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The member at this place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&Member> {
        self.list.get(place)
    }

    /// The place of the member of this id.
    #[must_use]
    pub fn place(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).map(|place| *place as usize)
    }

    /// All members in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Member> {
        self.list.iter()
    }

    /// Those of them that may take `request`, for asking a [`Picker`](crate::Picker) by hand, as in a test
    /// of one.
    pub fn candidates<'a, B>(&'a self, request: &'a Request<B>) -> Candidates<'a> {
        Candidates::new(self, request)
    }

    /// The least that somebody takes of a prompt, in tokens, if anybody says.
    pub(crate) const fn shortest_window(&self) -> Option<u64> {
        self.shortest_window
    }

    pub(crate) fn list(&self) -> &[Member] {
        &self.list
    }

    /// There is always one, if an empty one.
    pub(crate) fn tiers(&self) -> Range<usize> {
        0..self.tiers.len()
    }

    /// The tier of this order, or none.
    pub(crate) fn tier_of_order(&self, order: i64) -> Range<usize> {
        let is_it = |tier: &Tier| tier.order == Some(order);
        let found = self.tiers.iter().position(is_it);
        found.map_or(0..0, |tier| tier..tier + 1)
    }

    pub(crate) fn tier(&self, tier: usize) -> &Tier {
        &self.tiers[tier]
    }

    pub(crate) fn tier_of(&self, place: usize) -> usize {
        self.tier_of[place] as usize
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = &'a Member;
    type IntoIter = std::slice::Iter<'a, Member>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The tiers, lowest order first; those who have none come last.
fn tiers(list: &[Member]) -> Vec<Tier> {
    let rank = |member: &Member| (member.params().order.is_none(), member.params().order);
    let mut ranks: Vec<_> = list.iter().map(rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    if ranks.is_empty() {
        ranks.push((true, None));
    }
    let tier = |wanted| {
        let of_tier = (0..).zip(list).filter(|(_, m)| rank(m) == wanted);
        Tier::new(&of_tier.collect::<Vec<_>>())
    };
    ranks.into_iter().map(tier).collect()
}

// ===== impl Tier =====

impl Tier {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share need not be exact to 2^-53"
    )]
    fn new(members: &[(u32, &Member)]) -> Self {
        let kinds: [fn(&Member) -> Option<f64>; 3] = [
            |m| m.params().weight,
            |m| m.params().rpm.map(|rpm| rpm as f64),
            |m| m.params().tpm.map(|tpm| tpm as f64),
        ];
        let weights = kinds
            .iter()
            .filter_map(|kind| WeightTable::new(members.iter().map(|(p, m)| (*p, kind(m)))));
        Self {
            order: members
                .first()
                .and_then(|(_, member)| member.params().order),
            places: members.iter().map(|(place, _)| *place).collect(),
            weights: weights.collect(),
            prices: prices(members),
        }
    }
}

fn prices(members: &[(u32, &Member)]) -> Vec<Box<[u32]>> {
    let cost = |member: &Member| {
        let cost = member.params().cost;
        cost.filter(|cost| *cost >= 0.0).unwrap_or(f64::INFINITY)
    };
    let mut priced: Vec<_> = members.iter().map(|(p, m)| (*p, cost(m))).collect();
    priced.sort_by(|(_, left), (_, right)| left.total_cmp(right));
    let same = priced.chunk_by(|(_, left), (_, right)| left.total_cmp(right).is_eq());
    same.map(|same| same.iter().map(|(place, _)| *place).collect())
        .collect()
}

// ===== impl WeightTable =====

impl WeightTable {
    /// `None` if nobody has a weight.
    fn new(weights: impl Iterator<Item = (u32, Option<f64>)>) -> Option<Self> {
        let entries: Box<[_]> = weights
            .filter_map(|(place, weight)| Some((place, weight?)))
            .filter(|(_, weight)| weight.is_finite() && *weight > 0.0)
            .collect();
        let sums = entries.iter().scan(0.0, |sum, (_, weight)| {
            *sum += weight;
            Some(*sum)
        });
        let sums = sums.collect();
        (!entries.is_empty()).then_some(Self { entries, sums })
    }

    /// The place that `unit`, a number in `[0, 1)`, falls on when each has room by its weight.
    pub(crate) fn at(&self, unit: f64) -> usize {
        let last = self.sums.len() - 1;
        let point = unit * self.sums[last];
        let entry = self.sums.partition_point(|sum| *sum <= point);
        // Rounding may carry the point to the very end of the last one's room.
        self.entries[entry.min(last)].0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    fn members(endpoints: impl IntoIterator<Item = Endpoint<()>>) -> Members {
        Members::new(endpoints.into_iter().map(|e| e.member).collect())
    }

    #[test]
    fn the_lowest_order_is_the_first_tier_and_none_the_last() {
        let members = members([
            Endpoint::new("none", ()),
            Endpoint::new("two", ()).order(2),
            Endpoint::new("one", ()).order(-1),
            Endpoint::new("two too", ()).order(2),
        ]);
        let places: Vec<_> = members.tiers().map(|t| &*members.tier(t).places).collect();
        assert_eq!(places, [&[2][..], &[1, 3], &[0]]);
        assert_eq!(members.place("two too"), Some(3));
        assert_eq!(members.place("three"), None);
    }

    #[test]
    fn each_kind_of_weight_has_a_table_of_those_who_have_it() {
        let members = members([
            Endpoint::new("a", ()).weight(3.0).tpm(10),
            Endpoint::new("b", ()).weight(0.0).tpm(20),
            Endpoint::new("c", ()).weight(f64::NAN),
            Endpoint::new("d", ()).weight(1.0),
        ]);
        let entries: Vec<_> = members
            .tier(0)
            .weights
            .iter()
            .map(|t| &*t.entries)
            .collect();
        assert_eq!(
            entries,
            [&[(0, 3.0), (3, 1.0)][..], &[(0, 10.0), (1, 20.0)]]
        );
    }

    #[test]
    fn a_table_gives_each_room_by_its_weight() {
        let table = WeightTable::new([(7, Some(3.0)), (8, None), (9, Some(1.0))].into_iter());
        let table = table.unwrap();
        let at = [0.0, 0.5, 0.749, 0.75, 0.999].map(|unit| table.at(unit));
        assert_eq!(at, [7, 7, 7, 9, 9]);
        assert_eq!(table.at(1.0), 9);
    }
}
