//! What becomes of a request: where it goes, or that it waits, or that it is refused.

use crate::{
    Candidates, Flight, Pinned, Snapshot, WhenAllRest,
    queue::{Place, Places, Wants},
    service::Inner,
    trip::{Barred, LOOK, Trip},
};
use headworks_core::{AttemptNumber, Attempts, DeploymentId, Guard, Reason, Refusal, Retries, Why};
use http::{Extensions, Request};
use std::{task::Waker, time::Duration};
use tokio::time::Instant;

/// The most members that are looked at for the ledger: which were passed over, and how many others there
/// are. It keeps no more records than that.
const NOTED: usize = 64;

/// How often a picker is asked that chooses whom it may not. That may change between its look and ours, but
/// hardly time and again: such a picker does not keep its contract, and declines.
const ASKED: usize = 16;

/// The resolution of the clock: no two looks are closer.
const TICK: Duration = Duration::from_millis(1);

/// What becomes of a request.
pub(crate) enum Decision<S> {
    Send(Bound<S>),
    /// Looks again at this moment, or when it is woken.
    Wait(Instant),
    Refuse(Refusal),
}

/// Where a request goes, and counts already.
pub(crate) struct Bound<S> {
    pub(crate) service: S,
    pub(crate) deployment: DeploymentId,
    pub(crate) flight: Guard<Flight>,
    pub(crate) last_resort: bool,
}

/// What a request does that is to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It stands in line, and keeps the place it has.
    Stands,
    /// It is told so, and nothing else.
    IsTold,
}

// ===== impl Inner =====

impl<S: Clone, C> Inner<S, C> {
    /// Decides on a request that has just come. One that is to wait has no place in line yet: it takes it when
    /// it is first polled ([`look`](Self::look)), since whoever stands there must hear when it is called.
    pub(crate) fn admit_or_refuse<B>(&self, request: &Request<B>, trip: &mut Trip) -> Decision<S> {
        self.decide_on(request, trip, Turn::IsTold)
    }

    /// Decides on a request that waits, or has come back.
    pub(crate) fn decide<B>(&self, request: &Request<B>, trip: &mut Trip) -> Decision<S> {
        self.decide_on(request, trip, Turn::Stands)
    }

    fn decide_on<B>(&self, request: &Request<B>, trip: &mut Trip, turn: Turn) -> Decision<S> {
        let snapshot = self.registry.load();
        let members = snapshot.members();
        let barred = self.barred(&snapshot, trip);
        let mut candidates = members.candidates(request).without(barred.as_ref());
        let attempts = request.extensions().get::<Attempts>();
        let chosen = self.admit(&mut candidates, attempts);
        if chosen.is_none()
            && let Some(until) = self.wait(&candidates, trip, turn)
        {
            return Decision::Wait(until);
        }
        let least_bad = match chosen {
            Some(_) => None,
            None => self.admit_least_bad(&candidates, attempts),
        };
        let last_resort = least_bad.is_some();
        let send = |(place, number): (usize, Option<_>)| {
            let member = &members.list()[place];
            let record = attempts.cloned().zip(number);
            Decision::Send(Bound {
                service: snapshot.services()[place].clone(),
                deployment: member.id().clone(),
                flight: Guard::new(Flight::new(member.state().clone(), record)),
                last_resort,
            })
        };
        let decision = match chosen.or(least_bad) {
            Some(chosen) => send(chosen),
            None => {
                let refusal = self.refuse(&candidates);
                let mut reasons = refusal.candidates().iter();
                // Somebody takes it who did not a moment ago, as a limit has room again: it is chosen once more.
                let is_open = reasons.any(|(_, reason)| *reason == Reason::Declined);
                let chosen = is_open.then(|| self.admit(&mut candidates, attempts));
                match chosen.flatten() {
                    Some(chosen) => send(chosen),
                    None => Decision::Refuse(refusal.after(trip.waited())),
                }
            }
        };
        // Not before it is served: until then what it wants is its own.
        if let Some(place) = &trip.place {
            place.step_out();
        }
        decision
    }

    /// Decides on a request that waits. It is woken by `waker` when there is something to look at.
    pub(crate) fn look<B>(
        &self,
        request: &Request<B>,
        trip: &mut Trip,
        waker: &Waker,
    ) -> Decision<S> {
        trip.forget(Instant::now());
        if trip.place.is_none()
            && let decision @ (Decision::Send(_) | Decision::Refuse(_)) = self.decide(request, trip)
        {
            return decision;
        }
        let is_first = trip.place.as_ref().is_some_and(|place| place.watch(waker));
        match self.decide(request, trip) {
            Decision::Wait(until) if is_first => Decision::Wait(until.min(self.keep_watch(trip))),
            decision => decision,
        }
    }

    /// The first in line has found nothing for itself: calls those behind it to whom something is due, and
    /// says when to look again.
    fn keep_watch(&self, trip: &Trip) -> Instant {
        let snapshot = self.registry.load();
        let members = snapshot.members();
        let mut open = Places::new(members.version());
        let mut next = LOOK;
        for (place, member) in members.iter().enumerate() {
            match member.check() {
                Ok(()) => open.insert(place),
                Err(reason) => next = reason.left().map_or(next, |left| next.min(left)),
            }
        }
        if let Some(place) = &trip.place {
            place.call(open);
        }
        let next = Instant::now() + next.max(TICK);
        trip.forgets().map_or(next, |forgets| next.min(forgets))
    }

    /// Whom this request may not have, if there is any such.
    fn barred(&self, snapshot: &Snapshot<S>, trip: &Trip) -> Option<Barred> {
        let members = snapshot.members();
        let version = members.version();
        let awaited = match (&trip.place, &self.queue) {
            (Some(place), _) => {
                place.hear(members);
                Some(place.wanted_before(version))
            }
            (None, Some(queue)) => queue.wanted(version),
            (None, None) => None,
        };
        let awaited = awaited.filter(|awaited| *awaited != Wants::nobody(version));
        trip.barred(members, awaited)
    }

    /// Until when it may wait: takes a place in line, or keeps the one it has, if it is its turn to. `None` if
    /// there is nothing to wait for, or no room.
    fn wait(&self, candidates: &Candidates<'_>, trip: &mut Trip, turn: Turn) -> Option<Instant> {
        let queue = self.queue.as_ref()?;
        let now = Instant::now();
        let until = match &trip.place {
            Some(place) => place.until(),
            None => patience(queue.policy().longest(), candidates.extensions(), now)?,
        };
        if until <= now {
            return None;
        }
        let wants = candidates.prospects(until - now)?;
        match &mut trip.place {
            Some(place) => place.stand(wants),
            None if turn == Turn::IsTold => {}
            None => {
                let place = Place::take(queue, candidates.members(), wants, now, until);
                trip.place = place.map(Box::new);
                trip.queue_full = trip.place.is_none();
                trip.place.as_ref()?;
            }
        }
        Some(until)
    }

    /// Chooses a member, counts the request in its state, and opens an attempt in the ledger.
    fn admit(
        &self,
        candidates: &mut Candidates<'_>,
        attempts: Option<&Attempts>,
    ) -> Option<(usize, Option<AttemptNumber>)> {
        while let Some(place) = self.choose(candidates) {
            let member = &candidates.members().list()[place];
            // What was true of the member a moment ago may not be now; then another is chosen.
            if member.state().try_begin(member.params().max_in_flight) {
                let note = |attempts| {
                    let why = match candidates.extensions().get::<Pinned>() {
                        Some(Pinned(id)) if id == member.id() => Pinned::WHY,
                        _ => self.picker.why_among(candidates),
                    };
                    self.note(attempts, candidates, place, why)
                };
                return Some((place, attempts.map(note)));
            }
        }
        None
    }

    /// The same for the member that is left when all rest, if one is to be asked then.
    fn admit_least_bad(
        &self,
        candidates: &Candidates<'_>,
        attempts: Option<&Attempts>,
    ) -> Option<(usize, Option<AttemptNumber>)> {
        if self.when_all_rest == WhenAllRest::Refuse {
            return None;
        }
        loop {
            let place = candidates.least_bad()?;
            let member = &candidates.members().list()[place];
            if member.state().try_begin(member.params().max_in_flight) {
                let why = Why::new("least bad");
                let note = |attempts| self.note(attempts, candidates, place, why);
                return Some((place, attempts.map(note)));
            }
        }
    }

    /// Where it is [`Pinned`]; else somewhere new if anybody there takes the request, else where it may be
    /// tried again; each time the lowest tier first.
    ///
    /// A request that has failed somewhere goes to those of the tier that do not fail often while there are
    /// any: it has few attempts, and chance would spend all of them on the sick now and then. First attempts
    /// go by the strategy alone, so that shares are kept and nobody is out of sight.
    fn choose(&self, candidates: &mut Candidates<'_>) -> Option<usize> {
        if candidates.are_none() {
            return None;
        }
        if let Some(place) = candidates.pinned() {
            candidates.in_tier(candidates.members().tier_of(place), false);
            return Some(place);
        }
        let rounds = if candidates.any_tried() {
            &[false, true][..]
        } else {
            &[false]
        };
        rounds.iter().find_map(|again| {
            candidates.tiers().find_map(|tier| {
                candidates.in_tier(tier, *again);
                if candidates.any_tried() && !again {
                    candidates.beware();
                    let wary = self.ask(candidates);
                    if wary.is_some() {
                        return wary;
                    }
                    candidates.in_tier(tier, *again);
                }
                self.ask(candidates)
            })
        })
    }

    /// What the picker chooses. Where that has ceased to be a candidate meanwhile, it chooses again.
    fn ask(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let mut choices = (0..ASKED).map_while(|_| self.picker.pick(candidates));
        choices.find(|place| candidates.contains(*place))
    }

    /// Tells the ledger who was chosen, who was passed over, and how many others the request may go to next.
    fn note(
        &self,
        attempts: &Attempts,
        candidates: &Candidates<'_>,
        place: usize,
        why: Why,
    ) -> AttemptNumber {
        let members = candidates.members().list();
        let mut others = 0;
        // The neighbours first, so that no member is always the one that is not looked at.
        for looked in 1..members.len() {
            if looked > NOTED && others > 0 {
                break;
            }
            let other = (place + looked) % members.len();
            others += usize::from(candidates.is_new(other));
            if let Err(reason) = candidates.check(other) {
                attempts.pass_over(members[other].id(), reason);
            }
        }
        attempts.begin(&self.group, members[place].id(), why, others)
    }

    fn refuse(&self, candidates: &Candidates<'_>) -> Refusal {
        let reason = |place| {
            candidates
                .check_any_tier(place)
                .err()
                .unwrap_or(Reason::Declined)
        };
        let ids = candidates
            .members()
            .iter()
            .map(|member| member.id().clone());
        let reasons = ids.enumerate().map(|(place, id)| (id, reason(place)));
        Refusal::new(self.group.clone(), reasons.collect())
    }
}

/// Until when the request may wait; `None` if it may not.
fn patience(longest: Duration, request: &Extensions, now: Instant) -> Option<Instant> {
    let own = request.get::<Retries>().and_then(|own| own.longest_wait);
    let until = now.checked_add(own.map_or(longest, |own| own.min(longest)))?;
    let deadline = request.get::<Attempts>().and_then(Attempts::deadline);
    Some(deadline.map_or(until, |deadline| until.min(deadline)))
}
