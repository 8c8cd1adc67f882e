//! The stack, as one type and one builder.

use super::mock::{MockFaults, MockFaultsLayer, Mocked};
use crate::meter::{self, Meter, MeterLayer, Meters};
use headworks_alias::{Alias, AliasLayer, Aliases};
use headworks_balance::{self as balance, Balance, Groups};
use headworks_openai::SplicedBody;
use headworks_provider::{
    SignIn, SignInLayer, Target, Transport, TransportBody,
    client::{self, Connector},
};
use headworks_retry::{Retry, RetryBody, RetryLayer, RetryPolicy};
use headworks_timeout::{
    AttemptTimeout, AttemptTimeoutLayer, ConnectTimeout, Deadline, DeadlineLayer, TimeoutBody,
};
use tower::ServiceBuilder;

/// The HTTP client every deployment shares.
pub(super) type Client = client::Client<SplicedBody, ConnectTimeout<Connector>>;

/// How a deployment is reached.
pub(super) type Reach = Transport<SplicedBody, ConnectTimeout<Connector>>;

/// What a request meets once its deployment is chosen.
pub(super) type Deployment = Meter<AttemptTimeout<SignIn<Mocked>>>;

/// What a request meets between the edge and the deployments.
pub(super) type Stack = Alias<Deadline<Retry<MockFaults<Groups<Balance<Deployment>>>>>>;

/// The body of the stack's answers, each layer's around the one within.
pub(super) type UpstreamBody =
    TimeoutBody<RetryBody<balance::ResponseBody<meter::ResponseBody<TimeoutBody<TransportBody>>>>>;

/// Everything between the edge and the groups.
pub(super) fn stack(
    aliases: Aliases,
    num_retries: u32,
    groups: Groups<Balance<Deployment>>,
) -> Stack {
    ServiceBuilder::new()
        // Outermost, so that everything below goes by the canonical group.
        .layer(AliasLayer::new(aliases))
        // One clock over every attempt and every wait between them; what it is set to comes with the request.
        .layer(DeadlineLayer::new(None))
        // Above balance, so that each attempt picks anew.
        .layer(RetryLayer::new(RetryPolicy::new(num_retries)))
        // Between the two: what is made up is tried again, and held against nobody.
        .layer(MockFaultsLayer)
        .service(groups)
}

/// Everything between balance and the wire, for one deployment.
pub(super) fn deployment(
    meters: Meters,
    timeout: AttemptTimeoutLayer,
    target: Target,
    reach: Reach,
) -> Deployment {
    ServiceBuilder::new()
        // Outside the timeout, which is an outcome it must count.
        .layer(MeterLayer::new(meters))
        // Each attempt has its own time, never more than what is left until the deadline.
        .layer(timeout)
        // Last before the wire: from here on the request holds this deployment's credentials.
        .layer(SignInLayer::new(target))
        .service(Mocked::new(reach))
}
