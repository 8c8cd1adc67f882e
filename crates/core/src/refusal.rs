use crate::{DeploymentId, Group};
use std::{error::Error, fmt, time::Duration};

/// Why a deployment could not take this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// This request has tried it already, and another try would not help.
    Tried,
    /// It rests, and returns after this long.
    Resting(Duration),
    /// It has said itself that it is not ready.
    NotReady,
    /// As many requests are in flight there as it takes at a time.
    Full,
    /// A limit of it is used up, or too little is left of it for this request.
    LimitReached {
        /// The limit's name, as `rpm`.
        name: &'static str,
        /// What is used or reserved of it.
        used: u64,
        /// The limit.
        limit: u64,
        /// How long until there is room.
        left: Duration,
    },
    /// Another tier is asked: one of a lower order has a candidate, or the chosen order is not its own.
    OtherTier,
    /// Its tags are not those that were asked for.
    Tags,
    /// The prompt does not fit the context window of its model.
    ContextWindow,
    /// It is not in the region that was asked for.
    Region,
    /// The rule that chooses among the candidates wanted none of them.
    Declined,
    /// It takes requests, and others came first that wait for it.
    Awaited,
}

impl Reason {
    /// The words for it, without its figures.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Tried => "tried",
            Self::Resting(_) => "resting",
            Self::NotReady => "not ready",
            Self::Full => "full",
            Self::LimitReached { .. } => "at its limit",
            Self::OtherTier => "in another tier",
            Self::Tags => "with other tags",
            Self::ContextWindow => "with too small a context window",
            Self::Region => "in another region",
            Self::Declined => "declined",
            Self::Awaited => "waited for by others",
        }
    }

    /// How long it lasts, if that is known.
    #[must_use]
    pub const fn left(&self) -> Option<Duration> {
        match self {
            Self::Resting(left) | Self::LimitReached { left, .. } => Some(*left),
            _ => None,
        }
    }

    /// The name of the limit that is used up.
    const fn limit(&self) -> Option<&'static str> {
        match self {
            Self::LimitReached { name, .. } => Some(*name),
            _ => None,
        }
    }

    /// True if it may be gone a moment later, so that the same request may then go there.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Resting(_)
            | Self::LimitReached { .. }
            | Self::NotReady
            | Self::Full
            | Self::Declined
            | Self::Awaited => true,
            Self::Tried | Self::OtherTier | Self::Tags | Self::ContextWindow | Self::Region => {
                false
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resting(left) => write!(f, "resting for {:.1} s more", left.as_secs_f64()),
            Self::LimitReached {
                name,
                used,
                limit,
                left,
            } => {
                let left = left.as_secs_f64();
                write!(f, "{used} of {limit} {name} used, for {left:.1} s more")
            }
            other => f.write_str(other.as_str()),
        }
    }
}

/// No deployment of the group may take this request now: for each candidate why, and when the first of them
/// is back.
///
/// `Display` names no deployment, so that it can be shown to a client; [`candidates`](Self::candidates) is
/// for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    group: Group,
    candidates: Vec<(DeploymentId, Reason)>,
    waited: Waited,
}

/// Whether a request that was refused has waited for a deployment before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waited {
    /// It has not: nobody waits there, or there was nothing to wait for.
    #[default]
    No,
    /// It has not: as many as may wait at a time did already.
    QueueFull,
    /// For this long, in vain.
    InVain(Duration),
}

impl Refusal {
    /// Nobody in `group`, for these reasons.
    #[must_use]
    pub const fn new(group: Group, candidates: Vec<(DeploymentId, Reason)>) -> Self {
        Self {
            group,
            candidates,
            waited: Waited::No,
        }
    }

    /// Says whether the request has waited. Default: it has not.
    #[must_use]
    pub const fn after(mut self, waited: Waited) -> Self {
        self.waited = waited;
        self
    }

    /// Whether the request has waited.
    #[must_use]
    pub const fn waited(&self) -> Waited {
        self.waited
    }

    /// The group that was asked.
    #[must_use]
    pub const fn group(&self) -> &Group {
        &self.group
    }

    /// Every deployment of the group with its reason; empty if the group has none.
    #[must_use]
    pub fn candidates(&self) -> &[(DeploymentId, Reason)] {
        &self.candidates
    }

    /// True if the prompt is too long: it fits nobody who might have taken the request otherwise, so that
    /// waiting helps as little as asking again.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        let is_too_long = |(_, reason): &(_, Reason)| *reason == Reason::ContextWindow;
        let is_unfit = |(_, reason): &(_, Reason)| {
            matches!(reason, Reason::Tags | Reason::Region | Reason::OtherTier)
        };
        self.candidates.iter().any(is_too_long)
            && self
                .candidates
                .iter()
                .all(|c| is_too_long(c) || is_unfit(c))
    }

    /// Which limits are used up, of whomever.
    fn say_limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = self.candidates.iter();
        let mut limits: Vec<_> = limits.filter_map(|(_, reason)| reason.limit()).collect();
        limits.sort_unstable();
        limits.dedup();
        write!(f, " ({})", limits.join(", "))
    }

    /// How long until the first candidate is back, if any has said.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.candidates
            .iter()
            .filter_map(|(_, reason)| reason.left())
            .min()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no deployment available for {:?}", self.group)?;
        // In the order in which the reasons first occur.
        let mut separator = ": ";
        for (position, (_, reason)) in self.candidates.iter().enumerate() {
            let word = reason.as_str();
            let is_it = |(_, other): &&(DeploymentId, Reason)| other.as_str() == word;
            if !self.candidates[..position].iter().any(|c| is_it(&c)) {
                let count = self.candidates.iter().filter(is_it).count();
                write!(f, "{separator}{count} {word}")?;
                separator = ", ";
                if reason.limit().is_some() {
                    self.say_limits(f)?;
                }
            }
        }
        match self.waited {
            Waited::No => Ok(()),
            Waited::QueueFull => f.write_str("; too many requests wait already"),
            Waited::InVain(time) => write!(f, "; waited for {:.1} s", time.as_secs_f64()),
        }
    }
}

impl Error for Refusal {}

/// One deployment did not take the request, which it was therefore never sent.
///
/// The error of a layer that admits requests to one deployment: a breaker, a limit. It has lost a race, as
/// a rule: whoever chose the deployment had been told that it would take the request, and may choose another.
/// A [`Refusal`] is what is said when there is no other. Better than to drop the request is to hand it back, in
/// a [`Returned`](crate::Returned).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAdmitted(Reason);

impl NotAdmitted {
    /// Not admitted, for this reason.
    #[must_use]
    pub const fn new(reason: Reason) -> Self {
        Self(reason)
    }

    /// Why not.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.0
    }

    /// The first of them along the source chain of an error.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for NotAdmitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the deployment did not take the request: {}", self.0)
    }
}

impl Error for NotAdmitted {}

/// There is no group of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownGroup(Group);

impl UnknownGroup {
    /// Nobody has heard of `group`.
    #[must_use]
    pub const fn new(group: Group) -> Self {
        Self(group)
    }

    /// The name that was asked for.
    #[must_use]
    pub const fn group(&self) -> &Group {
        &self.0
    }
}

impl fmt::Display for UnknownGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no model {:?}", self.0)
    }
}

impl Error for UnknownGroup {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_reasons_and_names_nobody() {
        let refusal = Refusal::new(
            "gpt-4o".into(),
            vec![
                ("a".into(), Reason::Tried),
                ("b".into(), Reason::Resting(Duration::from_secs(12))),
                ("c".into(), Reason::Resting(Duration::from_secs(5))),
            ],
        );
        assert_eq!(
            refusal.to_string(),
            "no deployment available for \"gpt-4o\": 1 tried, 2 resting"
        );
        assert_eq!(refusal.retry_after(), Some(Duration::from_secs(5)));
    }

    #[test]
    fn it_says_whether_the_request_has_waited() {
        let refusal = Refusal::new("g".into(), vec![("a".into(), Reason::Full)]);
        for (waited, words) in [
            (Waited::No, "1 full"),
            (Waited::QueueFull, "1 full; too many requests wait already"),
            (
                Waited::InVain(Duration::from_millis(2_500)),
                "1 full; waited for 2.5 s",
            ),
        ] {
            let refusal = refusal.clone().after(waited);
            assert_eq!(refusal.waited(), waited);
            let text = refusal.to_string();
            assert_eq!(text, format!("no deployment available for \"g\": {words}"));
        }
    }

    #[test]
    fn a_prompt_is_too_long_where_nobody_else_is_waited_for() {
        let too_long = |reasons: &[Reason]| {
            let candidates = reasons.iter().map(|reason| ("d".into(), *reason));
            Refusal::new("g".into(), candidates.collect()).is_too_long()
        };
        assert!(too_long(&[Reason::ContextWindow, Reason::ContextWindow]));
        assert!(too_long(&[Reason::Region, Reason::ContextWindow]));
        assert!(!too_long(&[Reason::ContextWindow, Reason::Full]));
        assert!(!too_long(&[Reason::Tags]));
        assert!(!too_long(&[]));
    }

    #[test]
    fn a_limit_that_is_reached_is_told_with_its_figures() {
        let reason = Reason::LimitReached {
            name: "rpm",
            used: 60,
            limit: 60,
            left: Duration::from_millis(1500),
        };
        assert_eq!(reason.to_string(), "60 of 60 rpm used, for 1.5 s more");
        let of_tokens = Reason::LimitReached {
            name: "tpm",
            used: 90,
            limit: 100,
            left: Duration::from_secs(9),
        };
        let reasons = [reason, of_tokens, Reason::Full, reason];
        let candidates = reasons.map(|reason| ("a".into(), reason)).into();
        let refusal = Refusal::new("gpt-4o".into(), candidates);
        assert_eq!(
            refusal.to_string(),
            "no deployment available for \"gpt-4o\": 3 at its limit (rpm, tpm), 1 full"
        );
        assert_eq!(refusal.retry_after(), Some(Duration::from_millis(1500)));
    }
}
