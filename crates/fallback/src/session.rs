use crate::{Fallbacks, FellBack, Hop, List, OwnFallbacks, own::OwnHops};
use headworks_core::{Attempts, ContentFallback, Group, Outcome, Retries};
use http::{Extensions, Request};
use smallvec::{SmallVec, smallvec};
use std::time::Duration;
use tokio::time::Instant;

/// One request's way through the groups: the decisions, without the service.
#[derive(Debug)]
pub(crate) struct Session<B> {
    route: Route<B>,
    ledger: Attempts,
    /// Every group so far; the one that is being asked is the last.
    asked: SmallVec<[Group; 4]>,
    /// How the first group failed, once it has been left.
    why: Option<Failure>,
}

/// How a group came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// With this outcome.
    Outcome(Outcome),
    /// There is none of that name.
    UnknownGroup,
}

/// Where a request may go on to.
#[derive(Debug)]
struct Route<B> {
    /// As it is configured.
    configured: Fallbacks,
    /// As the request says itself, for the failures of which it says anything.
    own: OwnHops<B>,
}

// ===== impl Session =====

impl<B> Session<B> {
    /// Begins with what the request brings: its group, its own fallbacks, and its ledger, or a new one.
    /// `None` if there is no other group it could go on to.
    pub(crate) fn begin(fallbacks: &Fallbacks, extensions: &mut Extensions) -> Option<Self>
    where
        B: Clone + Send + Sync + 'static,
    {
        let own: Option<OwnFallbacks<B>> = extensions.remove();
        let (own, max) = own.unwrap_or_default().into_parts();
        let max = fallbacks.max_with(max);
        let requested: &Group = extensions.get()?;
        let asked = smallvec![requested.clone()];
        let route = Route {
            configured: fallbacks.clone(),
            own,
        };
        if max == 0 || !route.goes_on(&asked) {
            return None;
        }
        let ledger = match extensions.get() {
            Some(ledger) => Attempts::clone(ledger),
            None => {
                let ledger = Attempts::new(fallbacks.num_retries());
                extensions.insert(ledger.clone());
                ledger
            }
        };
        ledger.plan_fallbacks(max);
        Some(Self {
            route,
            ledger,
            asked,
            why: None,
        })
    }

    /// The group that is being asked.
    pub(crate) fn group(&self) -> &Group {
        &self.asked[self.asked.len() - 1]
    }

    /// The group that was asked before it.
    pub(crate) fn left(&self) -> &Group {
        &self.asked[self.asked.len().saturating_sub(2)]
    }

    /// By when the request must be answered, if that is known.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.ledger.deadline()
    }

    /// True if another group may follow the one that is being asked, however it fails.
    pub(crate) fn may_continue(&self) -> bool {
        self.ledger.fallbacks_left() > 0 && self.route.goes_on(&self.asked)
    }

    /// Where to go after the group that is being asked has failed. That is then the group that is being asked,
    /// and taken from the ledger.
    pub(crate) fn next(&mut self, failure: Failure, now: Instant) -> Option<Hop<B>> {
        let in_time = self.deadline().is_none_or(|deadline| now < deadline);
        if !in_time {
            return None;
        }
        let hop = self.route.take(failure.list()?, &self.asked)?;
        if !self.ledger.claim_fallback() {
            return None;
        }
        self.why.get_or_insert(failure);
        self.asked.push(hop.group.clone());
        Some(hop)
    }

    /// Makes `request` one for the group that is to be asked now.
    pub(crate) fn address(&self, request: &mut Request<B>) {
        let extensions = request.extensions_mut();
        if self.asked.len() > 1 {
            extensions.insert(self.group().clone());
        }
        let may_go_on = self.ledger.fallbacks_left() > 0;
        let is_left = |list| may_go_on && self.route.find(list, &self.asked).is_some();
        if is_left(List::ContentPolicy) {
            extensions.insert(ContentFallback);
        }
        // Whatever is worth a wait here is worth a try there, which is sooner.
        if is_left(List::General) {
            let mut retries: Retries = extensions.get().copied().unwrap_or_default();
            retries.longest_wait = Some(Duration::ZERO);
            extensions.insert(retries);
        }
    }

    /// What to tell about an answer that came from `to`; nothing if it comes as if there were no fallbacks.
    pub(crate) fn record(&self, to: &Group) -> Option<FellBack> {
        let why = self.why?;
        Some(FellBack {
            from: self.asked[0].clone(),
            to: to.clone(),
            hops: u32::try_from(self.asked.len() - 1).unwrap_or(u32::MAX),
            why: why.outcome(),
            unknown_group: why == Failure::UnknownGroup,
        })
    }
}

// ===== impl Failure =====

impl Failure {
    /// The list that is for it.
    const fn list(self) -> Option<List> {
        match self {
            Self::Outcome(outcome) => List::after(outcome),
            Self::UnknownGroup => Some(List::General),
        }
    }

    const fn outcome(self) -> Outcome {
        match self {
            Self::Outcome(outcome) => outcome,
            // As `Verdict::of_error` has it.
            Self::UnknownGroup => Outcome::CallerFault,
        }
    }
}

// ===== impl Route =====

impl<B> Route<B> {
    /// True if another group may follow those that have been `asked`, by whichever list.
    fn goes_on(&self, asked: &[Group]) -> bool {
        let mut lists = List::ALL.into_iter();
        lists.any(|list| self.find(list, asked).is_some())
    }

    /// The group that follows those that have been `asked`.
    fn find(&self, list: List, asked: &[Group]) -> Option<&Group> {
        match self.own.of(list) {
            None => self.configured.next(list, asked),
            Some(hops) => {
                let mut groups = hops.iter().map(|hop| &hop.group);
                groups.find(|group| !asked.contains(group))
            }
        }
    }

    /// The same, with what is to be sent there.
    fn take(&mut self, list: List, asked: &[Group]) -> Option<Hop<B>> {
        match self.own.of_mut(list) {
            None => self.configured.next(list, asked).cloned().map(Hop::new),
            Some(hops) => {
                let at = hops.iter().position(|hop| !asked.contains(&hop.group))?;
                // Those before it have all been asked.
                hops.drain(..=at).next_back()
            }
        }
    }
}

#[cfg(test)]
mod tests;
