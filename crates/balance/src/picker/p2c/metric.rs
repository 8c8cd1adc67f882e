use crate::Member;
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

impl<F> Metric for F
where
    F: Fn(&Member) -> f64 + Send + Sync,
{
    fn load(&self, member: &Member) -> f64 {
        self(member)
    }
}
