use crate::{
    Candidates, Member, Picker, WeightedShuffle, hash,
    shares::{Share, Shares},
};
use headworks_core::Why;
use std::{fmt, sync::Arc};

/// How far above its share of the load a member may be before sessions go on to their next choice:
/// consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018) at 1 + ε = 1.25, which
/// leaves most sessions in place and no member with more than a quarter too much.
const BOUND: f64 = 1.25;

/// Requests in flight that are no load yet: where little is going on, a share is a fraction of a request and
/// the second one of a session would leave for no reason.
const FEW: f64 = 4.0;

/// What keeps the requests of one session together, as a number.
///
/// An extension of the request, made by whoever knows what a session is: an id in a header, the user, or the
/// part of a conversation that does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session(u64);

/// Chooses the same member for all requests of a [`Session`]: weighted rendezvous hashing with bounded
/// loads.
///
/// There is no table and no shared state: each session has its own order of the members, computed from its
/// key and their ids, and goes to the first that is a candidate and not overloaded. Every instance computes
/// the same order. When a member leaves, its sessions go to their next choices and all others stay; when it
/// is back, so are they. Each member gets sessions by its weight, found as in [`WeightedShuffle`].
///
/// Requests without a session are left to another rule: [`WeightedShuffle`], unless it is told otherwise.
///
/// Each choice looks at all candidates, so its cost grows with the group.
pub struct Sticky {
    without: Arc<dyn Picker>,
}

// ===== impl Session =====

impl Session {
    /// The session that `caller` calls `key`.
    ///
    /// `caller` tells callers apart who may use the same names, their API key for one; two callers never
    /// share a session. It cannot be read back from what is kept.
    #[must_use]
    pub const fn new(caller: &[u8], key: &[u8]) -> Self {
        // Its length keeps ("ab", "c") apart from ("a", "bc").
        let length = (caller.len() as u64).to_le_bytes();
        let hash = hash::extend(hash::of(caller), &length);
        Self(hash::mix(hash::extend(hash, key)))
    }

    /// The session that is called by one more piece: for a key that comes in several.
    ///
    /// The pieces are kept apart: `("ab", "c")` is not `("a", "bc")`.
    #[must_use]
    pub const fn and(self, piece: &[u8]) -> Self {
        let length = (piece.len() as u64).to_le_bytes();
        let hash = hash::extend(self.0, &length);
        Self(hash::mix(hash::extend(hash, piece)))
    }

    /// A number in (0, 1) for this session at this member, which no other pair has anything to do with.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    const fn at(self, member: &Member) -> f64 {
        let bits = hash::mix(self.0 ^ member.hash()) >> 11;
        (bits as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

// ===== impl Sticky =====

impl Sticky {
    /// Sticks to what the session says; requests without one are spread by [`WeightedShuffle`].
    #[must_use]
    pub fn new() -> Self {
        Self::or(Arc::new(WeightedShuffle::new()))
    }

    /// Leaves requests without a session to `without`.
    #[must_use]
    pub const fn or(without: Arc<dyn Picker>) -> Self {
        Self { without }
    }

    fn choose(session: Session, shares: &Shares<'_>) -> Option<usize> {
        let first = best(session, shares.iter())?;
        if in_flight(&first) < FEW {
            return Some(first.place);
        }
        let (weights, load) = shares.iter().fold((0.0, 1.0), |(weights, load), share| {
            (weights + share.weight, load + in_flight(&share))
        });
        let bound = |share: &Share<'_>| (BOUND * load * share.weight / weights).max(FEW);
        let has_room = |share: &Share<'_>| in_flight(share) + 1.0 <= bound(share);
        let roomy = best(session, shares.iter().filter(has_room));
        Some(roomy.unwrap_or(first).place)
    }
}

impl Picker for Sticky {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        match candidates.extensions().get::<Session>() {
            Some(session) => {
                let mut shares = candidates.shares();
                shares.find_map(|shares| Self::choose(*session, &shares))
            }
            None => self.without.pick(candidates),
        }
    }

    fn why(&self) -> Why {
        Why::new("sticky")
    }

    fn why_among(&self, candidates: &Candidates<'_>) -> Why {
        match candidates.extensions().get::<Session>() {
            Some(_) => self.why(),
            None => self.without.why_among(candidates),
        }
    }
}

impl Default for Sticky {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sticky")
            .field("without", &self.without.why())
            .finish()
    }
}

/// The first in the order of the session: rendezvous hashing with weights (Schindelhauer, Schomaker 2005), the
/// highest score wins.
fn best<'a>(session: Session, shares: impl Iterator<Item = Share<'a>>) -> Option<Share<'a>> {
    let scored = |share: Share<'a>| Scored::new(session.at(share.member), share);
    let best = shares.fold(None, |best: Option<Scored<'a>>, share| match best {
        None => Some(scored(share)),
        Some(best) if best.surely_beats(session.at(share.member), share.weight) => Some(best),
        Some(best) => {
            let next = scored(share);
            Some(if next.beats(&best) { next } else { best })
        }
    });
    best.map(|best| best.share)
}

/// A share at a number in (0, 1), and the score that the two make.
struct Scored<'a> {
    at: f64,
    share: Share<'a>,
    score: f64,
}

// ===== impl Scored =====

impl<'a> Scored<'a> {
    fn new(at: f64, share: Share<'a>) -> Self {
        let score = -share.weight / at.ln();
        Self { at, share, score }
    }

    /// True if a share of this weight is behind, whatever its exact score is: -ln(x) is at least 1 - x, so the
    /// score is at most the weight over that. It spares all but a few of many the logarithm.
    fn surely_beats(&self, at: f64, weight: f64) -> bool {
        // A little more than the weight, for what rounding may have done.
        const ROUNDED: f64 = 1.0 + 1e-9;
        (1.0 - at) * self.score > weight * ROUNDED
    }

    fn beats(&self, other: &Self) -> bool {
        if self.share.weight.total_cmp(&other.share.weight).is_eq() {
            // Between equal weights the scores are in the order of the numbers they come from.
            self.at > other.at
        } else {
            self.score > other.score
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody has 2^53 requests in flight"
)]
fn in_flight(share: &Share<'_>) -> f64 {
    share.member.state().in_flight() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Members,
        picker::test_util::{chi_squared_fits, open, request, shut, weighted},
    };
    use http::Request;

    fn session(n: usize) -> Request<()> {
        let mut request = request(&[]);
        let session = Session::new(b"sk-caller", n.to_string().as_bytes());
        request.extensions_mut().insert(session);
        request
    }

    fn places(group: &Members, sessions: usize) -> Vec<usize> {
        let place = |n| Sticky::new().pick(&group.candidates(&session(n))).unwrap();
        (0..sessions).map(place).collect()
    }

    #[test]
    fn sessions_are_spread_by_weight_the_same_everywhere() {
        let weights = [3.0, 1.0, 0.0, 2.0];
        let (here, there) = (weighted(&weights), weighted(&weights));
        let places_here = places(&here, 60_000);
        let mut counts = [0; 4];
        places_here.iter().for_each(|place| counts[*place] += 1);
        chi_squared_fits(&counts, &weights);
        assert_eq!(places_here, places(&there, 60_000));
    }

    #[test]
    fn what_is_spared_the_logarithm_would_not_have_won() {
        let group = weighted(&[3.0, 1.0, 0.5, 2.0, 3.0, 0.1, 1.0]);
        for n in 0..20_000 {
            let request = session(n);
            let session = *request.extensions().get::<Session>().unwrap();
            let score = |place: &usize| {
                let member = group.get(*place).unwrap();
                let weight = member.params().weight.unwrap();
                -weight / session.at(member).ln()
            };
            let highest = (0..7).max_by(|a, b| score(a).total_cmp(&score(b)));
            assert_eq!(Sticky::new().pick(&group.candidates(&request)), highest);
        }
    }

    #[test]
    fn when_one_leaves_the_others_keep_their_sessions_and_it_has_its_own_again_when_it_is_back() {
        let group = weighted(&[1.0; 10]);
        let before = places(&group, 10_000);
        shut(&group, 4);
        let without = places(&group, 10_000);
        let mut moved_to = [0; 10];
        for (before, now) in before.iter().zip(&without) {
            if *before == 4 {
                moved_to[*now] += 1;
            } else {
                assert_eq!(before, now);
            }
        }
        chi_squared_fits(
            &moved_to,
            &[1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        );
        open(&group, 4);
        assert_eq!(places(&group, 10_000), before);
    }

    #[test]
    fn nobody_is_loaded_far_above_its_share_and_those_who_spilled_come_back() {
        let group = crate::picker::test_util::members(
            (0..10).map(|n: u8| crate::Endpoint::new(n.to_string(), ())),
        );
        let home = places(&group, 1);
        // A thousand sessions of which every third is the same busy one.
        let mut spilled = 0;
        for n in 0..1000 {
            let n = if n % 3 == 0 { 0 } else { n };
            let place = Sticky::new().pick(&group.candidates(&session(n))).unwrap();
            assert!(group.get(place).unwrap().state().try_begin(None));
            spilled += usize::from(n == 0 && place != home[0]);
        }
        let loads = group.iter().map(|member| member.state().in_flight());
        assert!(
            loads.clone().all(|load| load <= 125),
            "{:?}",
            loads.collect::<Vec<_>>()
        );
        assert!(spilled > 0);
        for member in &group {
            (0..member.state().in_flight()).for_each(|_| member.state().end());
        }
        assert_eq!(places(&group, 1), home);
    }

    #[test]
    fn callers_do_not_share_sessions() {
        let keys = [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", "")];
        let sessions = keys.map(|(caller, key)| Session::new(caller.as_bytes(), key.as_bytes()));
        for (n, session) in sessions.iter().enumerate() {
            assert!(!sessions[..n].contains(session));
        }
    }

    #[test]
    fn pieces_of_a_key_are_kept_apart() {
        let of = |pieces: &[&str]| {
            let first = Session::new(b"sk-caller", b"");
            let add = |session: Session, piece: &&str| session.and(piece.as_bytes());
            pieces.iter().fold(first, add)
        };
        let sessions = [&["ab", "c"][..], &["a", "bc"], &["abc"], &["abc", ""], &[]].map(of);
        for (n, session) in sessions.iter().enumerate() {
            assert!(!sessions[..n].contains(session));
        }
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    }

    #[test]
    fn requests_without_a_session_are_left_to_the_other_rule_and_the_ledger_says_so() {
        let group = weighted(&[1.0; 3]);
        let last = |candidates: &Candidates<'_>| candidates.iter().last().map(|(place, _)| place);
        let sticky = Sticky::or(Arc::new(last));
        let plain = request(&[]);
        let candidates = group.candidates(&plain);
        assert_eq!(sticky.pick(&candidates), Some(2));
        assert_eq!(sticky.why_among(&candidates), Why::new("picker"));
        let of_session = session(1);
        let candidates = group.candidates(&of_session);
        assert_eq!(sticky.pick(&candidates), Sticky::new().pick(&candidates));
        assert_eq!(sticky.why_among(&candidates), Why::new("sticky"));
    }

    #[test]
    fn a_retry_of_a_session_goes_to_its_next_choice_and_one_without_a_session_anywhere() {
        let group = weighted(&[1.0; 3]);
        let home = places(&group, 1)[0];
        let mut retry = request(&[&home.to_string()]);
        retry
            .extensions_mut()
            .insert(Session::new(b"sk-caller", b"0"));
        let next = Sticky::new().pick(&group.candidates(&retry)).unwrap();
        assert_ne!(next, home);
        shut(&group, home);
        assert_eq!(places(&group, 1), [next]);
        assert!(
            Sticky::new()
                .pick(&group.candidates(&request(&[])))
                .is_some()
        );
    }
}
