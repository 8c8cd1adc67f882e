use crate::{
    Members,
    queue::{Place, Wants},
};
use headworks_core::{DeploymentId, NotAdmitted, Reason, Waited};
use smallvec::SmallVec;
use std::time::Duration;
use tokio::time::Instant;

/// How long a deployment that did not admit a request, and did not say for how long, is not asked again by
/// that request; nor one that is at a limit, of which some may come back any time before there is room by itself. And
/// how often somebody who waits looks at gates that do not say when they open.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// What has befallen a request between this balance and the deployments.
#[derive(Debug, Default)]
pub(crate) struct Trip {
    lost: Vec<Lost>,
    /// Its place in line, once it has waited; boxed, since hardly any does.
    pub(crate) place: Option<Box<Place>>,
    /// Whether it would have waited, had there been room.
    pub(crate) queue_full: bool,
}

/// A race that was lost: the deployment was said to take the request, and did not admit it.
#[derive(Debug)]
struct Lost {
    deployment: DeploymentId,
    reason: Reason,
    until: Instant,
}

/// The members that a request may not have, although they take requests.
#[derive(Debug)]
pub(crate) struct Barred {
    version: u64,
    lost: SmallVec<[(usize, Reason); 2]>,
    awaited: Option<Wants>,
}

/// Longer than anybody waits.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

// ===== impl Trip =====

impl Trip {
    /// This one did not admit it.
    pub(crate) fn lose(&mut self, deployment: DeploymentId, why: NotAdmitted) {
        let reason = why.reason();
        let left = match reason {
            Reason::LimitReached { .. } => LOOK,
            _ => reason.left().unwrap_or(LOOK).max(LOOK),
        };
        let now = Instant::now();
        // A rest without end is as good as one that outlasts every wait.
        let until = now.checked_add(left).unwrap_or(now + FAR);
        self.lost.push(Lost {
            deployment,
            reason,
            until,
        });
    }

    /// While it waits, whoever did not admit it may be asked again after a while.
    pub(crate) fn forget(&mut self, now: Instant) {
        self.lost.retain(|lost| now < lost.until);
    }

    /// When the first of them may be asked again.
    pub(crate) fn forgets(&self) -> Option<Instant> {
        self.lost.iter().map(|lost| lost.until).min()
    }

    /// Whom it may not have, if there is any such: those it has lost, and those that are `awaited`.
    pub(crate) fn barred(&self, members: &Members, awaited: Option<Wants>) -> Option<Barred> {
        if self.lost.is_empty() && awaited.is_none() {
            return None;
        }
        let lost = self.lost.iter().filter_map(|lost| {
            let place = members.place(&lost.deployment)?;
            Some((place, lost.reason))
        });
        Some(Barred {
            version: members.version(),
            lost: lost.collect(),
            awaited,
        })
    }

    pub(crate) fn waited(&self) -> Waited {
        match &self.place {
            Some(place) => Waited::InVain(place.waited(Instant::now())),
            None if self.queue_full => Waited::QueueFull,
            None => Waited::No,
        }
    }
}

// ===== impl Barred =====

impl Barred {
    pub(crate) fn check(&self, place: usize) -> Result<(), Reason> {
        if let Some((_, reason)) = self.lost.iter().find(|(lost, _)| *lost == place) {
            return Err(*reason);
        }
        match &self.awaited {
            Some(wanted) if wanted.include(place, self.version) => Err(Reason::Awaited),
            _ => Ok(()),
        }
    }

    /// True if it bars everybody.
    pub(crate) fn is_all(&self) -> bool {
        self.awaited == Some(Wants::Anybody)
    }
}
