use crate::{Candidates, Member, members::WeightTable, picker::Dice};

/// The candidates of a tier that have a weight of one kind.
pub(crate) struct Shares<'a> {
    candidates: &'a Candidates<'a>,
    of: Of<'a>,
}

enum Of<'a> {
    Weight(&'a WeightTable),
    All(&'a [u32]),
}

/// What one of them has a right to, relative to the others at this moment.
pub(crate) struct Share<'a> {
    pub(crate) place: usize,
    pub(crate) member: &'a Member,
    /// Its weight, or the part of it that it takes while it starts slowly.
    pub(crate) weight: f64,
}

impl<'a> Shares<'a> {
    pub(crate) const fn by_weight(candidates: &'a Candidates<'a>, table: &'a WeightTable) -> Self {
        let of = Of::Weight(table);
        Self { candidates, of }
    }

    pub(crate) const fn evenly(candidates: &'a Candidates<'a>, places: &'a [u32]) -> Self {
        let of = Of::All(places);
        Self { candidates, of }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Share<'a>> {
        let entry = |n| match self.of {
            Of::Weight(table) => table.entries.get(n).copied(),
            Of::All(places) => places.get(n).map(|place| (*place, 1.0)),
        };
        let candidates = self.candidates;
        (0..).map_while(entry).filter_map(move |(place, weight)| {
            let place = place as usize;
            let member = candidates.get(place)?;
            let weight = weight * member.ramp();
            Some(Share {
                place,
                member,
                weight,
            })
        })
    }

    /// A place drawn by weight, a candidate's or not.
    pub(crate) fn draw(&self, dice: &Dice) -> Option<usize> {
        match self.of {
            Of::Weight(table) => Some(table.at(dice.unit())),
            Of::All([]) => None,
            Of::All(places) => Some(places[dice.below(places.len())] as usize),
        }
    }
}
