use crate::{
    Member, Members, Pinned,
    needs::Fit,
    picker::Dice,
    queue::{Places, Wants},
    shares::Shares,
    trip::Barred,
};
use headworks_core::{Attempts, Reason};
use http::{Extensions, HeaderMap, Method, Request, Uri};
use smallvec::SmallVec;
use std::{fmt, ops::Range, time::Duration};

/// How often a draw that hits no candidate is repeated before all are looked at.
const DRAWS: usize = 8;

/// The members of a group that may take one request, and what can be known of the request without reading
/// its body: what a [`Picker`](crate::Picker) chooses from.
///
/// Nothing is computed ahead: whether a member is a candidate is found out when it is asked for, so that a
/// choice among a thousand that looks at two costs two looks. Members keep their places for as long as the
/// group does not change.
#[derive(Clone)]
pub struct Candidates<'a> {
    members: &'a Members,
    request: Head<'a>,
    tried: Tried,
    needs: Option<Fit<'a>>,
    barred: Option<&'a Barred>,
    tier: usize,
    /// Whether those that were tried may be asked again.
    again: bool,
    /// Whether those that fail often are passed over.
    wary: bool,
}

#[derive(Clone, Copy)]
struct Head<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

/// The places this request was sent to already, and whether it may be sent there again. A handful: a plan
/// of more than eight attempts is rare, and only then is anything allocated.
type Tried = SmallVec<[(u32, bool); 8]>;

impl<'a> Candidates<'a> {
    pub(crate) fn new<B>(members: &'a Members, request: &'a Request<B>) -> Self {
        let mut tried = Tried::new();
        if let Some(attempts) = request.extensions().get::<Attempts>() {
            attempts.for_each(|attempt| {
                let Some(place) = members.place(&attempt.deployment) else {
                    return;
                };
                let hopeful = attempt
                    .verdict
                    .is_some_and(|v| v.outcome.may_succeed_here());
                match tried.iter_mut().find(|(at, _)| *at as usize == place) {
                    Some(known) => known.1 = hopeful,
                    #[expect(clippy::cast_possible_truncation, reason = "places are u32")]
                    None => tried.push((place as u32, hopeful)),
                }
            });
        }
        Self {
            members,
            request: Head {
                method: request.method(),
                uri: request.uri(),
                headers: request.headers(),
                extensions: request.extensions(),
            },
            tried,
            needs: request
                .extensions()
                .get()
                .map(|needs| Fit::new(needs, members)),
            barred: None,
            tier: 0,
            again: false,
            wary: false,
        }
    }

    /// Without those who are barred.
    pub(crate) const fn without(mut self, barred: Option<&'a Barred>) -> Self {
        self.barred = barred;
        self
    }

    /// The members of the group, candidates or not. Places refer to them.
    #[must_use]
    pub const fn members(&self) -> &'a Members {
        self.members
    }

    /// The member at this place, if it is a candidate.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&'a Member> {
        self.members.get(place).filter(|_| self.contains(place))
    }

    /// True if the member at this place is a candidate.
    #[must_use]
    pub fn contains(&self, place: usize) -> bool {
        place < self.members.len() && self.check(place).is_ok()
    }

    /// `Ok` if the member at this place is a candidate.
    ///
    /// # Errors
    ///
    /// Why it is none.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    pub fn check(&self, place: usize) -> Result<(), Reason> {
        if self.members.tier_of(place) != self.tier {
            return Err(Reason::OtherTier);
        }
        if self.wary && self.members.list()[place].state().fails_often() {
            return Err(Reason::Declined);
        }
        self.check_any_tier(place)
    }

    /// The candidates with their places, in the order of the group.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &'a Member)> {
        let places = self.places().iter();
        places.filter_map(|place| Some((*place as usize, self.get(*place as usize)?)))
    }

    /// The method of the request.
    #[must_use]
    pub const fn method(&self) -> &'a Method {
        self.request.method
    }

    /// The URI of the request.
    #[must_use]
    pub const fn uri(&self) -> &'a Uri {
        self.request.uri
    }

    /// The headers of the request.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.request.headers
    }

    /// The extensions of the request: what the layers further out have found out about it.
    #[must_use]
    pub const fn extensions(&self) -> &'a Extensions {
        self.request.extensions
    }

    /// The places of the tier that is asked, candidates or not.
    pub(crate) fn places(&self) -> &'a [u32] {
        &self.members.tier(self.tier).places
    }

    /// The shares of the candidates, by each kind of weight that somebody in the tier has, by precedence,
    /// and at last evenly. The first by which somebody is a candidate is the one that counts.
    pub(crate) fn shares(&self) -> impl Iterator<Item = Shares<'_>> {
        let tier = self.members.tier(self.tier);
        let weights = tier
            .weights
            .iter()
            .map(|table| Shares::by_weight(self, table));
        weights.chain([Shares::evenly(self, &tier.places)])
    }

    /// The places of the tier that cost the same, the cheapest first, candidates or not.
    pub(crate) fn prices(&self) -> impl Iterator<Item = &'a [u32]> {
        let prices = self.members.tier(self.tier).prices.iter();
        prices.map(|places| &**places)
    }

    /// The tiers that may be asked, in this order.
    pub(crate) fn tiers(&self) -> Range<usize> {
        let order = self.needs.as_ref().and_then(Fit::order);
        order.map_or_else(
            || self.members.tiers(),
            |order| self.members.tier_of_order(order),
        )
    }

    /// The tier that is asked.
    pub(crate) const fn tier(&self) -> usize {
        self.tier
    }

    /// True if the request excludes nobody of its tier: the candidates are those who take requests at all.
    pub(crate) fn whole_tier(&self) -> bool {
        let needs = self.needs.as_ref();
        self.tried.is_empty()
            && self.barred.is_none()
            && needs.is_none_or(|needs| needs.excludes_nobody(self.members))
    }

    /// Whether the request was sent somewhere in this group before.
    pub(crate) fn any_tried(&self) -> bool {
        !self.tried.is_empty()
    }

    /// True if it is certain at a glance that there are none.
    pub(crate) fn are_none(&self) -> bool {
        self.barred.is_some_and(Barred::is_all)
    }

    /// Two candidates drawn at random, or the only one.
    pub(crate) fn two(&self, dice: &Dice) -> Option<(usize, Option<usize>)> {
        self.two_among(self.places(), dice)
    }

    /// Two candidates drawn at random from these places of the tier, or the only one there.
    pub(crate) fn two_among(&self, places: &[u32], dice: &Dice) -> Option<(usize, Option<usize>)> {
        if places.is_empty() {
            return None;
        }
        let mut first = None;
        for _ in 0..DRAWS {
            let place = places[dice.below(places.len())] as usize;
            match first {
                _ if !self.contains(place) => {}
                None => first = Some(place),
                Some(first) if first != place => return Some((first, Some(place))),
                Some(_) => {}
            }
        }
        // Most are out: look at all, and keep each next one with the probability of its share so far.
        let mut chosen = (None, None);
        let all = places.iter().map(|place| *place as usize);
        for (seen, place) in all.filter(|place| self.contains(*place)).enumerate() {
            match seen {
                0 => chosen.0 = Some(place),
                1 => chosen.1 = Some(place),
                _ => match dice.below(seen + 1) {
                    0 => chosen.0 = Some(place),
                    1 => chosen.1 = Some(place),
                    _ => {}
                },
            }
        }
        Some((chosen.0?, chosen.1))
    }

    /// The place where the request is [`Pinned`], if it may go there and has not been.
    pub(crate) fn pinned(&self) -> Option<usize> {
        let Pinned(id) = self.request.extensions.get()?;
        let place = self.members.place(id)?;
        let is_new = self.tried(place).is_none() && self.check_any_tier(place).is_ok();
        is_new.then_some(place)
    }

    /// True if the request may go to the member at this place, now or when a lower tier has failed it, and
    /// has not been there.
    pub(crate) fn is_new(&self, place: usize) -> bool {
        self.tried(place).is_none()
            && self.tiers().contains(&self.members.tier_of(place))
            && self.check_any_tier(place).is_ok()
    }

    pub(crate) fn in_tier(&mut self, tier: usize, again: bool) {
        self.tier = tier;
        self.again = again;
        self.wary = false;
    }

    /// Passes over those that fail often, from now on and until the next tier.
    pub(crate) fn beware(&mut self) {
        self.wary = true;
    }

    /// What there is to say against the member at this place whatever tier is asked, and whether or not
    /// those that were tried may be asked again.
    pub(crate) fn check_any_tier(&self, place: usize) -> Result<(), Reason> {
        self.check_tried(place)?;
        self.check_needs(place)?;
        self.check_present(place)
    }

    /// Whom the request would take once they take it; `None` if none of them will `within` this time, as far
    /// as is known. One that was tried in vain is among them if its answer gave hope.
    pub(crate) fn prospects(&self, within: Duration) -> Option<Wants> {
        let (mut wanted, mut all, mut hope) = (Places::new(self.members.version()), true, false);
        for place in 0..self.members.len() {
            let is_wanted = self.tiers().contains(&self.members.tier_of(place))
                && self.tried(place) != Some(false)
                && self.check_needs(place).is_ok();
            if !is_wanted {
                all = false;
                continue;
            }
            wanted.insert(place);
            hope |= self.check_present(place).map_or_else(
                |reason| reason.may_pass() && reason.left().is_none_or(|left| left <= within),
                |()| true,
            );
        }
        let wants = if all {
            Wants::Anybody
        } else {
            Wants::Only(wanted)
        };
        hope.then_some(wants)
    }

    /// Among those the request has not been to and which do nothing but rest, the one that returns first.
    pub(crate) fn least_bad(&self) -> Option<usize> {
        let members = self.members.list().iter().enumerate();
        let resting = members.filter_map(|(place, member)| {
            let may = self.tiers().contains(&self.members.tier_of(place))
                && self.tried(place).is_none()
                && self.check_needs(place).is_ok()
                && self.barred.is_none_or(|barred| barred.check(place).is_ok());
            let rest = member.rest().filter(|rest| may && !rest.is_zero())?;
            Some((rest, place))
        });
        resting.min().map(|(_, place)| place)
    }

    /// What there is to say against the member at this place but for what the request itself brings.
    fn check_present(&self, place: usize) -> Result<(), Reason> {
        self.members.list()[place].check()?;
        self.barred.map_or(Ok(()), |barred| barred.check(place))
    }

    fn check_needs(&self, place: usize) -> Result<(), Reason> {
        let params = self.members.list()[place].params();
        self.needs
            .as_ref()
            .map_or(Ok(()), |needs| needs.check(params))
    }

    fn check_tried(&self, place: usize) -> Result<(), Reason> {
        match self.tried(place) {
            Some(hopeful) if !(self.again && hopeful) => Err(Reason::Tried),
            _ => Ok(()),
        }
    }

    /// Whether there is hope for another try at this place, if it was tried.
    fn tried(&self, place: usize) -> Option<bool> {
        let mut tried = self.tried.iter();
        let (_, hopeful) = tried.find(|(at, _)| *at as usize == place)?;
        Some(*hopeful)
    }
}

impl fmt::Debug for Candidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(_, member)| member.id()))
            .finish()
    }
}
