use super::wants::{Places, Wants};
use std::collections::BTreeMap;

/// Who waits, in the order they came, and for whom: the decisions, without time or tasks.
///
/// A member that takes requests belongs to the first in line who wants it. Whoever wants only others neither
/// waits for those before it nor takes anything from them.
#[derive(Debug)]
pub(crate) struct Line<W> {
    next: u64,
    waiters: BTreeMap<Ticket, Waiter<W>>,
}

/// A place in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Waiter<W> {
    wants: Wants,
    waker: W,
}

// ===== impl Line =====

impl<W> Line<W> {
    pub(crate) const fn new() -> Self {
        Self {
            next: 0,
            waiters: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// A place at the end, to stand in.
    pub(crate) const fn draw(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }

    /// Stands there, or stands there again.
    pub(crate) fn stand(&mut self, ticket: Ticket, wants: Wants, waker: W) {
        let before = self.waiters.insert(ticket, Waiter { wants, waker });
        debug_assert!(before.is_none(), "nobody stands in two places");
    }

    /// Leaves. `None` if it has left already.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<W> {
        self.waiters.remove(&ticket).map(|waiter| waiter.waker)
    }

    pub(crate) fn waker_mut(&mut self, ticket: Ticket) -> Option<&mut W> {
        let waiter = self.waiters.get_mut(&ticket)?;
        Some(&mut waiter.waker)
    }

    pub(crate) fn wants_mut(&mut self, ticket: Ticket) -> Option<&mut Wants> {
        let waiter = self.waiters.get_mut(&ticket)?;
        Some(&mut waiter.wants)
    }

    pub(crate) fn first(&self) -> Option<(Ticket, &W)> {
        let (ticket, waiter) = self.waiters.first_key_value()?;
        Some((*ticket, &waiter.waker))
    }

    /// Whom those want who stand before this place, or all who stand here if it is none.
    pub(crate) fn wanted_before(&self, ticket: Option<Ticket>, version: u64) -> Wants {
        let mut wanted = Wants::nobody(version);
        for (other, waiter) in &self.waiters {
            if ticket.is_some_and(|ticket| *other >= ticket) || wanted == Wants::Anybody {
                break;
            }
            wanted.add(&waiter.wants);
        }
        wanted
    }

    /// The first who wants one of these members, the first who wants another of them, and so on: to each of
    /// them one is due.
    pub(crate) fn due(&self, mut open: Places) -> impl Iterator<Item = (Ticket, &W)> {
        let mut waiters = self.waiters.iter();
        std::iter::from_fn(move || {
            while !open.is_empty() {
                let (ticket, waiter) = waiters.next()?;
                if open.take(&waiter.wants) {
                    return Some((*ticket, &waiter.waker));
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    const PLACES: usize = 70;

    fn only(version: u64, of: impl IntoIterator<Item = usize>) -> Wants {
        let mut places = Places::new(version);
        of.into_iter().for_each(|place| places.insert(place));
        Wants::Only(places)
    }

    fn places(version: u64, of: impl IntoIterator<Item = usize>) -> Places {
        match only(version, of) {
            Wants::Only(places) => places,
            Wants::Anybody => unreachable!(),
        }
    }

    #[test]
    fn whoever_is_wanted_belongs_to_the_first_who_wants_it() {
        let mut line = Line::new();
        let tickets: Vec<_> = [only(1, [0]), only(1, [1, 2]), Wants::Anybody]
            .into_iter()
            .map(|wants| {
                let ticket = line.draw();
                line.stand(ticket, wants, ());
                ticket
            })
            .collect();
        assert_eq!(line.wanted_before(Some(tickets[0]), 1), Wants::nobody(1));
        assert_eq!(line.wanted_before(Some(tickets[2]), 1), only(1, [0, 1, 2]));
        assert_eq!(line.wanted_before(None, 1), Wants::Anybody);
        let due = |open| {
            let due = line.due(open).map(|(ticket, ())| ticket);
            due.collect::<Vec<_>>()
        };
        assert_eq!(due(places(1, [0])), [tickets[0]]);
        assert_eq!(due(places(1, [1, 2])), [tickets[1]]);
        assert_eq!(due(places(1, [2, 3])), tickets[1..]);
        assert_eq!(due(places(1, [])), []);
        assert_eq!(due(places(2, [3])), [tickets[0]], "the group has changed");
    }

    /// The line as a list that is gone through from the front each time.
    #[derive(Default)]
    struct Naive(Vec<(Ticket, Option<Vec<usize>>)>);

    impl Naive {
        fn wants(of: Option<&Vec<usize>>, place: usize) -> bool {
            of.is_none_or(|of| of.contains(&place))
        }

        fn owner(&self, place: usize) -> Option<Ticket> {
            let mut line = self.0.iter();
            let owner = line.find(|(_, wants)| Self::wants(wants.as_ref(), place));
            owner.map(|(ticket, _)| *ticket)
        }
    }

    #[test]
    fn a_long_random_run_is_what_a_list_would_do() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let (mut line, mut naive) = (Line::new(), Naive::default());
        let mut left = Vec::new();
        for _ in 0..200_000 {
            let wants = (rng.u8(..3) > 0)
                .then(|| (0..rng.usize(..4)).map(|_| rng.usize(..PLACES)).collect());
            match rng.u8(..4) {
                0 if naive.0.len() < 30 => {
                    let ticket = line.draw();
                    left.push((ticket, wants));
                }
                // Stands there for the first time, or comes back to where it stood.
                1 if !left.is_empty() => {
                    let (ticket, wants): (_, Option<Vec<_>>) =
                        left.swap_remove(rng.usize(..left.len()));
                    let set = wants.clone().map_or(Wants::Anybody, |of| only(1, of));
                    line.stand(ticket, set, ());
                    naive.0.push((ticket, wants));
                    naive.0.sort_by_key(|(ticket, _)| *ticket);
                }
                2 if !naive.0.is_empty() => {
                    let (ticket, wants) = naive.0.remove(rng.usize(..naive.0.len()));
                    assert!(line.leave(ticket).is_some() && line.leave(ticket).is_none());
                    if rng.bool() && left.len() < 30 {
                        left.push((ticket, wants));
                    }
                }
                _ => {
                    let open: Vec<_> = (0..rng.usize(..4)).map(|_| rng.usize(..PLACES)).collect();
                    let mut due: Vec<_> = open
                        .iter()
                        .filter_map(|place| naive.owner(*place))
                        .collect();
                    due.sort();
                    due.dedup();
                    let found = line.due(places(1, open)).map(|(ticket, ())| ticket);
                    assert_eq!(found.collect::<Vec<_>>(), due);
                    for _ in 0..4 {
                        let place = rng.usize(..PLACES);
                        let before = |ticket| line.wanted_before(ticket, 1).include(place, 1);
                        let owner = naive.owner(place);
                        assert_eq!(before(None), owner.is_some());
                        if let Some(owner) = owner {
                            assert!(!before(Some(owner)));
                        }
                    }
                }
            }
            assert_eq!(line.len(), naive.0.len());
            let first = line.first().map(|(ticket, ())| ticket);
            assert_eq!(first, naive.0.first().map(|(ticket, _)| *ticket));
        }
    }
}
