mod changes;

pub use changes::Changes;

use crate::{Endpoint, Members};
use arc_swap::ArcSwap;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Weak},
};

/// The endpoints of one group, which may come and go while requests run.
///
/// A clone is another handle on the same group. Whoever chooses reads a [`Snapshot`], which costs about as
/// much as an atomic load; whoever builds on `tower::discover` takes [`discover`](Self::discover).
///
/// Endpoints that come together, by [`set`](Self::set) or `collect`, take their shares at once; one that joins
/// others starts slowly (see [`Params::slow_start`](crate::Params::slow_start)). An endpoint that is replaced
/// under its id keeps its [`State`](crate::State): the requests still in
/// flight there go on counting.
pub struct Registry<S>(Arc<Inner<S>>);

/// The endpoints of a group at one moment.
pub struct Snapshot<S> {
    members: Members,
    /// In the order of the members.
    services: Box<[S]>,
}

struct Inner<S> {
    snapshot: ArcSwap<Snapshot<S>>,
    /// Held while a snapshot is replaced: the next serial.
    serial: Mutex<u64>,
    followers: Mutex<Vec<Weak<AtomicWaker>>>,
}

// ===== impl Registry =====

impl<S> Registry<S> {
    /// A group without endpoints.
    #[must_use]
    pub fn new() -> Self {
        let empty = Snapshot {
            members: Members::new([].into()),
            services: [].into(),
        };
        Self(Arc::new(Inner {
            snapshot: ArcSwap::from_pointee(empty),
            serial: Mutex::new(0),
            followers: Mutex::default(),
        }))
    }

    /// The endpoints at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot<S>> {
        self.0.snapshot.load_full()
    }

    /// A waker that is woken by each change, for as long as it is held.
    pub(crate) fn follow(&self) -> Arc<AtomicWaker> {
        let waker = Arc::new(AtomicWaker::new());
        self.0.followers.lock().push(Arc::downgrade(&waker));
        waker
    }

    /// The endpoints at this moment, borrowed: for use at once, not over an await.
    pub(crate) fn load(&self) -> arc_swap::Guard<Arc<Snapshot<S>>> {
        self.0.snapshot.load()
    }
}

impl<S: Clone> Registry<S> {
    /// Adds an endpoint at the end of the group, or puts it in the place of the one with its id. True if it
    /// replaced one.
    pub fn insert(&self, endpoint: Endpoint<S>) -> bool {
        self.change(|endpoints| {
            let id = endpoint.member.id();
            let known = endpoints.iter().position(|known| known.member.id() == id);
            match known {
                Some(place) => endpoints[place].replace_by(endpoint),
                None => endpoints.push(endpoint),
            }
            known.is_some()
        })
    }

    /// Removes an endpoint. Requests in flight there run on. True if there was one of this id.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn remove(&self, id: &str) -> bool {
        self.change(|endpoints| {
            let known = endpoints
                .iter()
                .position(|known| &**known.member.id() == id);
            known.map(|place| endpoints.remove(place)).is_some()
        })
    }

    /// Makes these the endpoints, all at once: those of a known id replace the one they know, others are
    /// added, and who is not among them is removed. Of two with one id the first counts.
    pub fn set(&self, endpoints: impl IntoIterator<Item = Endpoint<S>>) {
        self.change(|current| {
            let by_id = |known: Endpoint<S>| (known.member.id().clone(), known);
            let mut known: HashMap<_, _> = std::mem::take(current).into_iter().map(by_id).collect();
            let mut ids = HashSet::new();
            for endpoint in endpoints {
                let id = endpoint.member.id();
                if !ids.insert(id.clone()) {
                    continue;
                }
                current.push(match known.remove(id) {
                    Some(mut known) => {
                        known.replace_by(endpoint);
                        known
                    }
                    None => endpoint,
                });
            }
        });
    }

    /// The changes of the group as they come, the present endpoints first: a
    /// [`Discover`](tower::discover::Discover) for whatever of tower's takes one. Each endpoint comes as an
    /// [`InFlight`](crate::load::InFlight) service that counts into its state.
    #[must_use]
    pub fn discover(&self) -> Changes<S> {
        Changes::new(self.clone(), self.follow())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<Endpoint<S>>) -> T) -> T {
        let mut serial = self.0.serial.lock();
        let mut endpoints: Vec<_> = self.load().endpoints().collect();
        let states = |endpoints: &[Endpoint<S>]| -> HashSet<_> {
            endpoints
                .iter()
                .map(|e| Arc::as_ptr(e.member.state()))
                .collect()
        };
        let before = states(&endpoints);
        let result = change(&mut endpoints);
        for Endpoint { member, .. } in &mut endpoints {
            if member.serial() == 0 {
                *serial += 1;
                member.enroll(*serial);
                let is_known = before.contains(&Arc::as_ptr(member.state()));
                if !before.is_empty() && !is_known {
                    member.state().start_slowly();
                }
            }
        }
        self.0.snapshot.store(Arc::new(Snapshot::new(endpoints)));
        drop(serial);
        self.0.followers.lock().retain(|follower| {
            let follower = follower.upgrade();
            follower.inspect(|waker| waker.wake()).is_some()
        });
        result
    }
}

impl<S> Clone for Registry<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> Default for Registry<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone> FromIterator<Endpoint<S>> for Registry<S> {
    fn from_iter<I: IntoIterator<Item = Endpoint<S>>>(endpoints: I) -> Self {
        let registry = Self::new();
        registry.set(endpoints);
        registry
    }
}

impl<S> fmt::Debug for Registry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.load();
        f.debug_list().entries(snapshot.members()).finish()
    }
}

// ===== impl Snapshot =====

impl<S> Snapshot<S> {
    /// Who is in the group.
    #[must_use]
    pub const fn members(&self) -> &Members {
        &self.members
    }

    /// The services of the members, by their places.
    #[must_use]
    pub const fn services(&self) -> &[S] {
        &self.services
    }
}

impl<S: Clone> Snapshot<S> {
    fn new(endpoints: Vec<Endpoint<S>>) -> Self {
        let (members, services): (Vec<_>, Vec<_>) = endpoints
            .into_iter()
            .map(|endpoint| (endpoint.member, endpoint.service))
            .unzip();
        Self {
            members: Members::new(members.into()),
            services: services.into(),
        }
    }

    fn endpoints(&self) -> impl Iterator<Item = Endpoint<S>> {
        let pairs = self.members.iter().zip(&self.services);
        pairs.map(|(member, service)| Endpoint {
            member: member.clone(),
            service: service.clone(),
        })
    }
}

impl<S> fmt::Debug for Snapshot<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(registry: &Registry<u8>) -> Vec<(String, u8)> {
        let snapshot = registry.snapshot();
        let pairs = snapshot.members().iter().zip(snapshot.services());
        pairs
            .map(|(m, s)| (m.id().as_str().to_owned(), *s))
            .collect()
    }

    #[test]
    fn a_replacement_takes_the_place_and_the_state_of_the_one_before() {
        let registry: Registry<u8> = [("a", 1), ("b", 2)]
            .map(|(id, s)| Endpoint::new(id, s))
            .into_iter()
            .collect();
        let state = registry.snapshot().members().list()[0].state().clone();
        assert!(state.try_begin(None));
        assert!(registry.insert(Endpoint::new("a", 3)));
        assert!(!registry.insert(Endpoint::new("c", 4)));
        let pairs = [("a", 3), ("b", 2), ("c", 4)].map(|(id, s)| (id.to_owned(), s));
        assert_eq!(ids(&registry), pairs);
        assert_eq!(
            registry.snapshot().members().list()[0].state().in_flight(),
            1
        );
    }

    #[test]
    fn a_whole_set_is_replaced_at_once_and_keeps_state_by_id() {
        let registry: Registry<u8> = [("a", 1), ("b", 2)]
            .map(|(id, s)| Endpoint::new(id, s))
            .into_iter()
            .collect();
        let state = registry.snapshot().members().list()[1].state().clone();
        let version = registry.snapshot().members().version();
        registry.set([("c", 3), ("b", 4), ("c", 5)].map(|(id, s)| Endpoint::new(id, s)));
        assert_eq!(ids(&registry), [("c".to_owned(), 3), ("b".to_owned(), 4)]);
        assert!(Arc::ptr_eq(
            &state,
            registry.snapshot().members().list()[1].state()
        ));
        assert!(registry.snapshot().members().version() > version);
        assert!(registry.remove("b") && !registry.remove("b"));
        assert_eq!(ids(&registry), [("c".to_owned(), 3)]);
    }
}
