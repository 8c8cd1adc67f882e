use super::session::Caller;
use bytes::Bytes;
use headworks_balance::Session;
use headworks_core::DeploymentId;
use headworks_openai::response_id::Finder;
use parking_lot::Mutex;
use std::{
    collections::{HashMap, hash_map::IntoIter},
    fmt, mem,
    sync::Arc,
};

/// The most responses of one generation. Two are kept, and one is let go of bit by bit: some 6 MB.
const MOST: usize = 32_768;

/// Which deployment has made which response, of the last ones that went through this process.
///
/// Their ids are the providers' own and say nothing of a deployment; `LiteLLM` writes one into them. Bounded
/// by two generations: where the younger is full the older is forgotten, and what is asked for is young
/// again.
#[derive(Default)]
pub(super) struct Responses(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Session, DeploymentId>,
    old: HashMap<Session, DeploymentId>,
    /// What is forgotten already, and freed as others come: no request is to pay for all of it, nor all others
    /// wait for that.
    gone: IntoIter<Session, DeploymentId>,
}

/// Keeps in mind who has made the response whose answer passes.
pub(in crate::gateway) struct Remember {
    responses: Arc<Responses>,
    caller: Caller,
    finder: Finder,
    made_by: Option<DeploymentId>,
}

// ===== impl Responses =====

impl Responses {
    pub(super) fn get(&self, response: Session) -> Option<DeploymentId> {
        let mut generations = self.0.lock();
        if let Some(made_by) = generations.young.get(&response) {
            return Some(made_by.clone());
        }
        let made_by = generations.old.remove(&response)?;
        generations.insert(response, made_by.clone());
        Some(made_by)
    }

    fn insert(&self, response: Session, made_by: DeploymentId) {
        self.0.lock().insert(response, made_by);
    }
}

impl fmt::Debug for Responses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responses").finish_non_exhaustive()
    }
}

// ===== impl Generations =====

impl Generations {
    fn insert(&mut self, response: Session, made_by: DeploymentId) {
        if self.young.len() == MOST {
            let young = mem::replace(&mut self.young, HashMap::with_capacity(MOST));
            self.gone = mem::replace(&mut self.old, young).into_iter();
        }
        self.young.insert(response, made_by);
        drop(self.gone.next());
    }
}

// ===== impl Remember =====

impl Remember {
    pub(super) fn new(responses: Arc<Responses>, caller: Caller) -> Self {
        Self {
            responses,
            caller,
            finder: Finder::new(),
            made_by: None,
        }
    }

    /// The response is this deployment's.
    pub(in crate::gateway) fn made_by(mut self, deployment: DeploymentId) -> Self {
        self.made_by = Some(deployment);
        self
    }

    /// Looks at the next bytes of the answer. True once there is nothing more to look for.
    pub(in crate::gateway) fn look(&mut self, chunk: &Bytes) -> bool {
        self.finder.feed(chunk);
        self.keep();
        self.finder.is_over()
    }

    /// The answer has ended.
    pub(in crate::gateway) fn end(&mut self) {
        self.finder.end();
        self.keep();
    }

    fn keep(&mut self) {
        if let Some(id) = self.finder.found()
            && let Some(made_by) = self.made_by.take()
        {
            self.responses.insert(self.caller.response(id), made_by);
        }
    }
}

impl fmt::Debug for Remember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remember").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_those_that_were_not_asked_for_in_the_longest_time() {
        let responses = Responses::default();
        let caller = Caller::of(&http::HeaderMap::new());
        let id = |n: usize| caller.response(&format!("resp_{n}"));
        for n in 0..=MOST {
            responses.insert(id(n), n.to_string().into());
        }
        assert_eq!(responses.get(id(7)), Some("7".into()));
        for n in MOST + 1..2 * MOST {
            responses.insert(id(n), n.to_string().into());
        }
        assert_eq!(responses.get(id(7)), Some("7".into()));
        assert_eq!(responses.get(id(8)), None);
        let generations = responses.0.lock();
        assert!(generations.young.len() + generations.old.len() <= 2 * MOST);
    }

    #[test]
    fn what_is_forgotten_is_freed_by_the_time_that_more_is() {
        let responses = Responses::default();
        let caller = Caller::of(&http::HeaderMap::new());
        let mut freed = 0;
        for n in 0..4 * MOST {
            let gone = responses.0.lock().gone.len();
            responses.insert(caller.response(&format!("resp_{n}")), "a".into());
            let generations = responses.0.lock();
            assert!(generations.gone.len() + generations.young.len() <= MOST);
            freed += usize::from(generations.gone.len() < gone);
        }
        assert!(freed >= MOST, "one at a time");
    }
}
