use crate::{Member, load::Limits};
use headworks_core::Why;

/// The load of a member, by which [`P2c`](crate::P2c) compares two; the lesser is chosen.
///
/// It is what the load would be with the request in question, so above zero: of a member that starts slowly
/// the load is divided by the share it takes ([`Member::ramp`]).
///
/// Implemented by every `Fn(&Member) -> f64`.
pub trait Metric: Send + Sync {
    /// Its load at this moment, the request to come included.
    fn load(&self, member: &Member) -> f64;

    /// The words that stand for it in the ledger. Default: `least load`.
    fn why(&self) -> Why {
        Why::new("least load")
    }
}

/// Requests in flight, each until the end of its answer: `LiteLLM`'s `least-busy`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastBusy;

impl Metric for LeastBusy {
    #[expect(
        clippy::cast_precision_loss,
        reason = "nobody has 2^53 requests in flight"
    )]
    fn load(&self, member: &Member) -> f64 {
        member.state().in_flight() as f64 + 1.0
    }

    fn why(&self) -> Why {
        Why::new("least busy")
    }
}

/// How long there is to wait, by a moving average of how long answers take, failures held against it, times
/// what is in flight: `LiteLLM`'s `latency-based-routing`. See [`load`](crate::load).
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastLatency;

impl Metric for LeastLatency {
    fn load(&self, member: &Member) -> f64 {
        member.state().latency()
    }

    fn why(&self) -> Why {
        Why::new("least latency")
    }
}

/// The share of its [`rpm`](crate::Params::rpm) and [`tpm`](crate::Params::tpm) that is used in the running
/// minute, the larger of the two: `LiteLLM`'s `usage-based-routing`. See [`load`](crate::load).
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastUsed;

impl Metric for LeastUsed {
    fn load(&self, member: &Member) -> f64 {
        let params = member.params();
        member.state().used(Limits::new(params.rpm, params.tpm))
    }

    fn why(&self) -> Why {
        Why::new("least used")
    }
}

impl<F> Metric for F
where
    F: Fn(&Member) -> f64 + Send + Sync,
{
    fn load(&self, member: &Member) -> f64 {
        self(member)
    }
}
