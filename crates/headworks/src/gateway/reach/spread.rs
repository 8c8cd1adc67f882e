//! The layers once more, inside of one deployment: retry, balance and a breaker over the addresses of its host.

use super::{Direct, ReachFuture};
use headworks_balance::{self as balance, Balance, Registry, Session, Strategy};
use headworks_breaker::{Breaker, BreakerBody, BreakerPolicy, Rule};
use headworks_core::{
    Answer, BoxError, Classify, NotAdmitted, Outcome, Refusal, StatusClassifier, Verdict,
};
use headworks_openai::SplicedBody;
use headworks_provider::{TransportBody, client};
use headworks_retry::{self as retry, Retry, RetryBody, RetryLayer, RetryPolicy};
use http::Request;
use std::{
    error::Error,
    fmt, mem,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Service, ServiceBuilder};

/// One address.
pub(in super::super) type Address = Breaker<Direct, Health>;

/// All of them.
type Layers = Retry<Balanced, Passage>;

type Balanced = Balance<Address, Passage>;

pub(super) type SpreadFuture = retry::ResponseFuture<Balanced, Passage, SplicedBody, BalancedBody>;

pub(super) type SpreadBody = RetryBody<BalancedBody>;

type BalancedBody = balance::ResponseBody<BreakerBody<TransportBody>>;

/// Spreads the requests of one deployment over the addresses of its host.
///
/// While no address takes requests, or none is known yet, the host's name is used as it is, and what comes
/// of that is what the deployment's own breaker goes by.
#[derive(Clone, Debug)]
pub(in super::super) struct Spread {
    layers: Layers,
    registry: Registry<Address>,
    by_name: Direct,
}

/// Judges whether a request may go on to the next address: only if it was not sent.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Passage;

/// Judges how an address is. One that nobody listens at any more rests at once; what fails in other ways is
/// counted, and a quota or a key is the deployment's, not the address's.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Health;

/// Every address that was left rests; it is not for those outside to know of addresses.
#[derive(Clone, Copy, Debug)]
struct Unreachable;

/// As many attempts at different addresses as a ledger remembers, less the first.
const FURTHER: u32 = 63;

/// How long an address rests first, and at most. It costs little to find out that nobody listens, and an
/// engine that was started anew is soon back.
const COOLDOWN: Duration = Duration::from_secs(1);
const LONGEST_COOLDOWN: Duration = Duration::from_secs(30);

// ===== impl Spread =====

impl Spread {
    pub(in super::super) fn new(host: &str, registry: Registry<Address>, by_name: Direct) -> Self {
        // Engines keep what they have computed of a conversation.
        let strategy = Strategy::LeastBusy.sticky();
        let layers = ServiceBuilder::new()
            // At once to the next address, as long as nothing was sent.
            .layer(RetryLayer::new(
                RetryPolicy::new(FURTHER).classifier(Passage),
            ))
            .service(Balance::with_registry(host, &strategy, registry.clone()).classifier(Passage));
        Self {
            layers,
            registry,
            by_name,
        }
    }

    /// True if some address takes requests.
    fn is_open(&self) -> bool {
        let snapshot = self.registry.snapshot();
        snapshot
            .members()
            .iter()
            .any(|member| member.check().is_ok())
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Balance is ready always.
        self.by_name.poll_ready(cx)
    }

    pub(super) fn call(&mut self, mut request: Request<SplicedBody>) -> ReachFuture {
        if !self.is_open() {
            return ReachFuture::Direct(self.by_name.call(request));
        }
        // The ledger, the needs and whatever else there is speak of deployments. In here there is one, and the
        // attempt at it is one however many addresses it takes. A session is a session anywhere.
        let outside = mem::take(request.extensions_mut());
        if let Some(session) = outside.get::<Session>() {
            request.extensions_mut().insert(*session);
        }
        ReachFuture::Spread(Box::pin(self.layers.call(request)))
    }
}

// ===== impl Passage =====

impl Classify for Passage {
    fn classify(&self, answer: Answer<'_>) -> Verdict {
        match answer {
            Answer::Error(error)
                if client::is_unconnected(error) || NotAdmitted::find(error).is_some() =>
            {
                Outcome::Unsuitable.into()
            }
            Answer::Error(_) => Outcome::Cancelled.into(),
            _ => Outcome::Success.into(),
        }
    }
}

// ===== impl Health =====

impl Health {
    /// What an address's breaker goes by.
    pub(super) fn policy() -> BreakerPolicy {
        BreakerPolicy::new()
            .rule(Outcome::Misconfigured, Rule::Allowed(0))
            .rule(Outcome::RateLimited, Rule::Neutral)
            .rule(Outcome::Auth, Rule::Neutral)
            .cooldown(COOLDOWN)
            .longest(LONGEST_COOLDOWN)
    }
}

impl Classify for Health {
    fn classify(&self, answer: Answer<'_>) -> Verdict {
        match answer {
            // An address where nobody listens is one that is known by mistake.
            Answer::Error(error) if client::is_unconnected(error) => Outcome::Misconfigured.into(),
            Answer::Error(_) => Outcome::Transport.into(),
            head => StatusClassifier::default().classify(head),
        }
    }
}

// ===== impl Unreachable =====

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address of the host takes requests")
    }
}

impl Error for Unreachable {}

/// The error as those outside are to see it. That an address did not take the request is a failure of the
/// deployment, and must not be mistaken for the word of another balance or breaker.
pub(super) fn outward(error: BoxError) -> BoxError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(error) = cause {
        if error.is::<Refusal>() || error.is::<NotAdmitted>() {
            return Unreachable.into();
        }
        cause = error.source();
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use headworks_core::Reason;

    #[test]
    fn what_addresses_say_of_themselves_is_a_transport_error_outside() {
        for error in [
            BoxError::from(Refusal::new("host".into(), Vec::new())),
            NotAdmitted::new(Reason::Full).into(),
        ] {
            let error = outward(error);
            assert!(error.source().is_none());
            assert_eq!(Verdict::of_error(&*error).outcome, Outcome::Transport);
        }
        let error = outward(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into());
        assert!(error.is::<std::io::Error>());
    }

    #[test]
    fn only_what_was_not_sent_goes_on() {
        fn outcome(answer: Answer<'_>) -> Outcome {
            Passage.classify(answer).outcome
        }
        let turned_away = NotAdmitted::new(Reason::Full);
        let moved_on = outcome(Answer::Error(&turned_away));
        // Elsewhere at once, and never here again: nothing is waited for within an attempt.
        assert!(moved_on.may_succeed_elsewhere() && !moved_on.may_succeed_here());
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(!outcome(Answer::Error(&reset)).may_succeed_elsewhere());
        for status in [200, 429, 500, 503] {
            let response = http::Response::builder().status(status).body(()).unwrap();
            assert!(!outcome((&response).into()).may_succeed_elsewhere());
        }
    }
}
