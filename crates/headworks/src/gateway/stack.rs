//! The stack, as one type and one builder.

use super::{
    mock::{MockFaults, MockFaultsLayer, Mocked},
    quota::{TokenCost, TokenTally},
    reach::{Reach, ReachBody},
};
use crate::meter::{self, Meter, MeterLayer};
use bytes::Bytes;
use headworks_alias::{Alias, AliasLayer, Aliases};
use headworks_balance::{self as balance, Balance, Groups};
use headworks_breaker::{Breaker, BreakerBody, BreakerLayer, Circuit};
use headworks_fallback::{Fallback, FallbackBody, FallbackLayer, Fallbacks};
use headworks_limit::{self as limit, RateLimit, RateLimitLayer};
use headworks_openai::{
    SplicedBody,
    stream::{Commit, CommitBody, CommitLayer},
};
use headworks_provider::{
    SignIn, SignInLayer, Target,
    client::{self, Connector},
    verdict::{Judge, JudgeLayer, JudgedBody, SharedOverrule},
};
use headworks_retry::{Retry, RetryBody, RetryLayer, RetryPolicy};
use headworks_timeout::{
    AttemptTimeout, AttemptTimeoutLayer, ConnectTimeout, Deadline, DeadlineLayer, IdleBody,
    StreamTimeout, StreamTimeoutLayer, TimeoutBody,
};
use http_body_util::Full;
use tower::ServiceBuilder;

/// The HTTP client every deployment shares.
pub(super) type Client = client::Client<SplicedBody, ConnectTimeout<Connector>>;

/// The HTTP client of health checks.
pub(super) type CheckClient = client::Client<Full<Bytes>, ConnectTimeout<Connector>>;

/// What a request meets once its deployment is chosen.
pub(super) type Deployment = RateLimit<
    Meter<Breaker<AttemptTimeout<Judge<Commit<StreamTimeout<SignIn<Mocked>>>, SharedOverrule>>>>,
    TokenCost,
>;

/// What a request meets between the edge and the deployments.
pub(super) type Stack = Alias<Deadline<Fallback<Retry<MockFaults<Groups<Balance<Deployment>>>>>>>;

/// What the configuration says of one deployment's layers.
pub(super) struct Own {
    pub(super) limit: RateLimitLayer<TokenCost>,
    pub(super) meter: MeterLayer,
    pub(super) circuit: Circuit,
    pub(super) timeout: AttemptTimeoutLayer,
    pub(super) judge: JudgeLayer<SharedOverrule>,
    pub(super) commit: CommitLayer,
    pub(super) silence: StreamTimeoutLayer,
}

/// The body of a deployment's answers.
type DeploymentBody = limit::ResponseBody<
    meter::ResponseBody<BreakerBody<TimeoutBody<JudgedBody<CommitBody<IdleBody<ReachBody>>>>>>,
    TokenTally,
>;

/// The body of the stack's answers, each layer's around the one within.
pub(super) type UpstreamBody =
    TimeoutBody<FallbackBody<RetryBody<balance::ResponseBody<DeploymentBody>>>>;

/// Everything between the edge and the groups.
pub(super) fn stack(
    aliases: Aliases,
    fallbacks: Fallbacks,
    retries: RetryPolicy,
    groups: Groups<Balance<Deployment>>,
) -> Stack {
    ServiceBuilder::new()
        // Outermost, so that everything below goes by the canonical group.
        .layer(AliasLayer::new(aliases))
        // One clock over every attempt and every wait between them; what it is set to comes with the request.
        .layer(DeadlineLayer::new(None))
        // Outside of retry, so that a group is left when its own retries are through.
        .layer(FallbackLayer::new(fallbacks))
        // Above balance, so that each attempt picks anew.
        .layer(RetryLayer::new(retries))
        // Between the two: what is made up is tried again, and held against nobody.
        .layer(MockFaultsLayer)
        .service(groups)
}

/// Everything between balance and the wire, for one deployment.
pub(super) fn deployment(own: Own, target: Target, reach: Reach) -> Deployment {
    ServiceBuilder::new()
        // Outermost: what it does not admit is no attempt and is not counted as one, and what the meter has read
        // in an answer is there when it settles.
        .layer(own.limit)
        // Outside of the breaker, so that it counts every outcome there is, a timeout and a rest among them.
        .layer(own.meter)
        // Outside the timeout: silence is a failure too.
        .layer(BreakerLayer::new(own.circuit))
        // Each attempt has its own time, never more than what is left until the deadline.
        .layer(own.timeout)
        // The one place that looks into an error's body; everything outside goes by its verdict.
        .layer(own.judge)
        // Holds a stream to its first token, inside the attempt's time, and ends a cut one honestly. What fails
        // before that is an answer to be judged, and to be tried elsewhere.
        .layer(own.commit)
        // Inside of it, so that a stall ends as a cut does, and a held stream is not taken for a silent one.
        .layer(own.silence)
        // Last before the wire: from here on the request holds this deployment's credentials.
        .layer(SignInLayer::new(target))
        .service(Mocked::new(reach))
}
