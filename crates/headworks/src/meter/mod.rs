//! What one deployment does, as metrics: a layer that counts and times its attempts until the body ends.
//!
//! # Difference from the load
//!
//! [`balance`](crate::balance) keeps an in-flight count too: that one decides, this one is shown. The load
//! knows no names and cannot read an answer; the meter knows nothing of other deployments, and tells the load
//! what it reads where that decides ([`MeterLayer::telling`]).
//!
//! # Where it belongs in the stack
//!
//! Directly inside balance, outside the attempt's timeout: a timeout is an outcome it must see. What a layer
//! further in has read of a stream ([`Reading`](crate::openai::stream::Reading)) is not read again.
//!
//! | metric | kind | what |
//! |---|---|---|
//! | `headworks_deployment_attempts_total` | counter | attempts begun |
//! | `headworks_deployment_outcomes_total` | counter, by `outcome` | attempts ended, by [`Outcome`](headworks_core::Outcome) |
//! | `headworks_deployment_in_flight` | gauge | attempts whose body has not ended |
//! | `headworks_deployment_time_to_headers_seconds` | histogram | from the attempt's begin to the head of its answer; a stream's head waits for its first token |
//! | `headworks_deployment_time_to_first_token_seconds` | histogram | to the first event with content, streams only |
//! | `headworks_deployment_duration_seconds` | histogram | to the end of the body |
//! | `headworks_deployment_tokens_total` | counter, by `kind` | tokens as the provider reported them: `input`, `output` |
//!
//! Each carries `deployment`, `group`, `provider` and `model`. All handles are registered when the deployment
//! is built, so recording looks nothing up, and labels are bounded by the configuration.

mod future;
mod handles;
mod seen;
mod service;
mod watch;

pub use self::{
    future::ResponseFuture,
    handles::{Labels, Meters},
    seen::Seen,
    service::{Meter, MeterLayer},
    watch::Measure,
};

use headworks_core::GuardedBody;

/// A response body that is measured until its end.
pub type ResponseBody<B> = GuardedBody<B, Measure>;
