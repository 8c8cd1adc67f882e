use crate::{Elapsed, End, Hint, Judged, NotAdmitted, Reason, Refusal, UnknownGroup};
use http::StatusCode;
use std::error::Error;

/// What an answer, or the lack of one, says about the deployment and the request.
///
/// Retry, breaker, load, fallback and metrics all go by this one word, so that they cannot disagree on what
/// a 429 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The deployment answered, as far as is known yet.
    Success,
    /// The request itself is wrong (400, 404, 422, …). It would be wrong everywhere.
    CallerFault,
    /// A quota of ours at the provider is used up (429).
    RateLimited,
    /// The provider has no room for anybody (503, 529) or is busy with a conflicting request (409).
    Capacity,
    /// The provider failed (500, 502 and the other 5xx).
    ServerFault,
    /// No answer came: refused, reset, cut, unresolvable.
    Transport,
    /// No answer came in time, by our clock or the provider's (408, 504).
    Timeout,
    /// The deployment's own credentials or account were turned down (401, 402, 403).
    Auth,
    /// The prompt does not fit the model's context window.
    ContextTooLong,
    /// The provider's content policy turned the request down.
    ContentRefused,
    /// The client went away before the end. Says nothing about anybody's health.
    Cancelled,
    /// The deployment is set up wrongly: the provider does not know, or no longer has, the model it names.
    /// The caller could not have asked better, and another deployment may well have it.
    Misconfigured,
    /// This deployment cannot take this request and another may: it is larger than the whole quota of a
    /// minute here, or asks for something that is not offered here. Says nothing about anybody's health.
    Unsuitable,
}

impl Outcome {
    /// Every outcome, for tables of metrics.
    pub const ALL: [Self; 13] = [
        Self::Success,
        Self::CallerFault,
        Self::RateLimited,
        Self::Capacity,
        Self::ServerFault,
        Self::Transport,
        Self::Timeout,
        Self::Auth,
        Self::ContextTooLong,
        Self::ContentRefused,
        Self::Cancelled,
        Self::Misconfigured,
        Self::Unsuitable,
    ];

    /// The word for it in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::CallerFault => "caller_fault",
            Self::RateLimited => "rate_limited",
            Self::Capacity => "capacity",
            Self::ServerFault => "server_fault",
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Auth => "auth",
            Self::ContextTooLong => "context_too_long",
            Self::ContentRefused => "content_refused",
            Self::Cancelled => "cancelled",
            Self::Misconfigured => "misconfigured",
            Self::Unsuitable => "unsuitable",
        }
    }

    /// The outcome a status code stands for when nothing else is known.
    ///
    /// 408, 409, 429 and 5xx are what the `OpenAI` and Anthropic SDKs retry. 529 is Anthropic's
    /// `overloaded_error`. 504 is a timeout as 408 is; 499 is nginx's "client closed request".
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            100..=399 => Self::Success,
            401..=403 => Self::Auth,
            408 | 504 => Self::Timeout,
            409 | 503 | 529 => Self::Capacity,
            429 => Self::RateLimited,
            499 => Self::Cancelled,
            400..=498 => Self::CallerFault,
            _ => Self::ServerFault,
        }
    }

    /// True if another deployment of the group may well answer what this one did not.
    #[must_use]
    pub const fn may_succeed_elsewhere(self) -> bool {
        match self {
            Self::RateLimited
            | Self::Capacity
            | Self::ServerFault
            | Self::Transport
            | Self::Timeout
            | Self::Auth
            | Self::Misconfigured
            | Self::Unsuitable => true,
            Self::Success
            | Self::CallerFault
            | Self::ContextTooLong
            | Self::ContentRefused
            | Self::Cancelled => false,
        }
    }

    /// True if the deployment is to blame, so that it may be rested for it: not the caller, not the request,
    /// and not a client that left.
    #[must_use]
    pub const fn blames_the_deployment(self) -> bool {
        match self {
            Self::RateLimited
            | Self::Capacity
            | Self::ServerFault
            | Self::Transport
            | Self::Timeout
            | Self::Auth
            | Self::Misconfigured => true,
            Self::Success
            | Self::CallerFault
            | Self::ContextTooLong
            | Self::ContentRefused
            | Self::Cancelled
            | Self::Unsuitable => false,
        }
    }

    /// True if the same deployment may answer when it is asked again a little later.
    ///
    /// Credentials that were turned down will be turned down again, and a deployment that stayed silent
    /// until the clock ran out is not given the chance to do so twice in one request.
    #[must_use]
    pub const fn may_succeed_here(self) -> bool {
        matches!(
            self,
            Self::RateLimited | Self::Capacity | Self::ServerFault | Self::Transport
        )
    }
}

/// What a classifier makes of an answer: an [`Outcome`], and a [`Hint`] when the provider gave one.
///
/// As an extension of a response it is the verdict of whoever knew the provider best; layers further out
/// take it over instead of judging again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What happened.
    pub outcome: Outcome,
    /// When to come back, if the provider said.
    pub hint: Option<Hint>,
}

impl Verdict {
    /// The verdict on an error: what this crate defines ([`Elapsed`], [`Refusal`], [`NotAdmitted`],
    /// [`UnknownGroup`]) is looked for along the source chain, and what is none of it is a transport error.
    #[must_use]
    pub fn of_error(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Elapsed>() {
                return Outcome::Timeout.into();
            }
            if let Some(refusal) = error.downcast_ref::<Refusal>() {
                return Self::of_refusal(refusal);
            }
            if let Some(judged) = error.downcast_ref::<Judged>() {
                return judged.verdict();
            }
            if let Some(turned_away) = error.downcast_ref::<NotAdmitted>() {
                return Self::of_reason(turned_away.reason());
            }
            if error.is::<UnknownGroup>() {
                return Outcome::CallerFault.into();
            }
            cause = error.source();
        }
        Outcome::Transport.into()
    }

    /// The verdict at the end of a body whose head had this verdict: a head that promised success and a
    /// body that did not keep it is a transport error, and a client that left is neutral.
    #[must_use]
    pub const fn at_end(self, end: End) -> Self {
        let outcome = match (self.outcome, end) {
            (Outcome::Success, End::Failed) => Outcome::Transport,
            (Outcome::Success, End::Dropped) => Outcome::Cancelled,
            (outcome, End::Complete | End::Failed | End::Dropped) => outcome,
        };
        Self {
            outcome,
            hint: self.hint,
        }
    }

    fn of_refusal(refusal: &Refusal) -> Self {
        let mut reasons = refusal.candidates().iter().map(|(_, reason)| reason);
        Self {
            outcome: if refusal.is_too_long() {
                Outcome::ContextTooLong
            } else if reasons.any(|reason| reason.left().is_some()) {
                Outcome::RateLimited
            } else {
                Outcome::Capacity
            },
            hint: refusal.retry_after().map(Hint::after),
        }
    }

    fn of_reason(reason: Reason) -> Self {
        match reason.left() {
            Some(left) => Self {
                outcome: Outcome::RateLimited,
                hint: Some(Hint::after(left)),
            },
            None => Outcome::Capacity.into(),
        }
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            hint: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BoxError, Clock};
    use std::time::Duration;

    #[test]
    fn each_status_has_one_outcome() {
        for (status, outcome) in [
            (200, Outcome::Success),
            (304, Outcome::Success),
            (400, Outcome::CallerFault),
            (401, Outcome::Auth),
            (402, Outcome::Auth),
            (403, Outcome::Auth),
            (404, Outcome::CallerFault),
            (408, Outcome::Timeout),
            (409, Outcome::Capacity),
            (413, Outcome::CallerFault),
            (422, Outcome::CallerFault),
            (429, Outcome::RateLimited),
            (499, Outcome::Cancelled),
            (500, Outcome::ServerFault),
            (502, Outcome::ServerFault),
            (503, Outcome::Capacity),
            (504, Outcome::Timeout),
            (529, Outcome::Capacity),
            (599, Outcome::ServerFault),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Outcome::of_status(status), outcome, "{status}");
        }
    }

    #[test]
    fn what_may_succeed_here_may_succeed_elsewhere() {
        for outcome in Outcome::ALL {
            assert!(!outcome.may_succeed_here() || outcome.may_succeed_elsewhere());
        }
    }

    #[test]
    fn whoever_is_to_blame_is_not_the_only_one_who_could_answer() {
        for outcome in Outcome::ALL {
            assert!(!outcome.blames_the_deployment() || outcome.may_succeed_elsewhere());
        }
        assert!(!Outcome::CallerFault.blames_the_deployment());
        assert!(!Outcome::Unsuitable.blames_the_deployment());
    }

    #[test]
    fn all_are_listed_in_their_order() {
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at, "{}", outcome.as_str());
        }
    }

    #[test]
    fn an_error_is_judged_by_what_is_deepest_known_in_its_chain() {
        #[derive(Debug)]
        struct Wrapper(BoxError);
        impl std::fmt::Display for Wrapper {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("wrapped")
            }
        }
        impl Error for Wrapper {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&*self.0)
            }
        }

        let elapsed = Wrapper(Elapsed::new(Clock::Attempt, Duration::from_secs(1)).into());
        assert_eq!(Verdict::of_error(&elapsed).outcome, Outcome::Timeout);
        let reset = Wrapper(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into());
        assert_eq!(Verdict::of_error(&reset).outcome, Outcome::Transport);
    }

    #[test]
    fn who_was_not_admitted_may_be_elsewhere() {
        let resting = NotAdmitted::new(Reason::Resting(Duration::from_secs(3)));
        let verdict = Verdict::of_error(&resting);
        assert_eq!(verdict.outcome, Outcome::RateLimited);
        assert_eq!(verdict.hint, Some(Hint::after(Duration::from_secs(3))));
        let full = Verdict::of_error(&NotAdmitted::new(Reason::Full));
        assert_eq!(full, Outcome::Capacity.into());
    }

    #[test]
    fn a_refusal_is_judged_by_its_reasons() {
        let outcome = |reasons: &[Reason]| {
            let candidates = reasons.iter().map(|reason| ("a".into(), *reason));
            let refusal = Refusal::new("g".into(), candidates.collect());
            Verdict::of_error(&refusal).outcome
        };
        let resting = Reason::Resting(Duration::from_secs(1));
        let too_long = Reason::ContextWindow;
        assert_eq!(outcome(&[]), Outcome::Capacity);
        assert_eq!(outcome(&[Reason::Full, resting]), Outcome::RateLimited);
        assert_eq!(outcome(&[too_long, too_long]), Outcome::ContextTooLong);
        assert_eq!(outcome(&[too_long, Reason::Full]), Outcome::Capacity);
    }

    #[test]
    fn a_body_that_breaks_its_promise_is_not_a_success() {
        let success = Verdict::from(Outcome::Success);
        assert_eq!(success.at_end(End::Complete).outcome, Outcome::Success);
        assert_eq!(success.at_end(End::Failed).outcome, Outcome::Transport);
        assert_eq!(success.at_end(End::Dropped).outcome, Outcome::Cancelled);
        let limited = Verdict::from(Outcome::RateLimited);
        assert_eq!(limited.at_end(End::Dropped).outcome, Outcome::RateLimited);
    }
}
