//! The clocks of a request: to connect, to the head, between two pieces of a stream, for one attempt, in all.
//!
//! | layer | clock | place | covers |
//! |---|---|---|---|
//! | [`DeadlineLayer`] | [`Clock::Total`] | outermost, outside of retry | waiting, every attempt, every fallback, the body |
//! | [`AttemptTimeoutLayer`] | [`Clock::Attempt`] | innermost, in front of one deployment | the head of one answer, and its body unless it is a stream, while it is asked for |
//! | [`StreamTimeoutLayer`] | [`Clock::Head`], [`Clock::Idle`] | inside of whoever looks into streams | the head of a stream; each pause in its body |
//! | [`ConnectTimeoutLayer`] | [`Clock::Connect`] | around a connector | name lookup, TCP, TLS |
//!
//! When a clock runs out, what it covers is dropped, which is how work upstream is called off, and the error
//! is an [`Elapsed`] that says which clock it was and how long it had been given. In a body the error ends
//! the body: a connection to the client is then ended as incomplete, never as if all had been said.
//!
//! A request may bring its own times, as a [`Timeouts`] extension: each of them replaces the layer's, whether
//! shorter or longer, and the error tells a shorter one ([`Elapsed::is_shortened`]), for which nobody but the
//! request is to blame. (Head and idle are the operator's alone.) Without a time on either side no timer is made. The deadline is written into the
//! request's ledger ([`Attempts`]), where whoever waits or tries again takes it into account; an attempt is
//! never given more than what is left until then.
//!
//! An answer that is ready when the clock runs out wins over the clock. Timers are armed when there is
//! something to wait for: an answer that is there at once costs no timer, and none of the layers allocates
//! for a request. (A connect that does not finish at once allocates its timer: a connector's future has to
//! be `Unpin` for hyper-util.)
//!
//! # Differences from tower and tower-http
//!
//! `tower::timeout` has one duration for all requests and ends at the head, so a body may stall for ever.
//! `tower_http::timeout` has a response layer, whose clock wins over an answer that is ready, and body
//! layers apart from it, whose clocks begin anew with the body. Here one clock runs from the request to the
//! end of the body, each request may bring its own time, the error says which clock ran out, and the body
//! keeps its `size_hint`, so that a `Content-Length` stays one.
//!
//! # Where they belong in the stack
//!
//! The deadline outside of retry and fallback, the attempt's time inside of them. The other way round, a
//! time meant for one attempt would be shared by all of them, so that the first deployment that stays silent
//! uses it up and no other is ever asked; and a deadline inside of retry would begin anew with each attempt,
//! so that three attempts of ten seconds take thirty.
//!
//! The bounds on a stream's silence stand nearest to the wire. What goes on outside of them must not be taken
//! for it: a body that is held until it says something, or an error event that is put where the stream broke.
//! A reader that is slow to take what is there is no silence either, see [`IdleBody`].
//!
//! # A slow reader
//!
//! is nobody's fault but its own. Back-pressure reaches a body as polls that do not come: the clocks that a
//! deployment is judged by, the attempt's and the idle one, stand still until the next, and only the deadline of
//! the whole request goes on. But that one, too, acts when the body is polled: it ends a reader that is slow, not
//! one that never asks again. Such a one is for the server to give up on, which alone can tell that the other end
//! takes nothing: none of these clocks is a substitute for one on its writing.
//!
//! # Example
//!
//! ```
//! use headworks_core::{Clock, Elapsed, Timeouts};
//! use headworks_timeout::{AttemptTimeoutLayer, DeadlineLayer};
//! use http::{Request, Response};
//! use std::{convert::Infallible, future::pending, time::Duration};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let stack = ServiceBuilder::new()
//!     .layer(DeadlineLayer::new(Duration::from_secs(60)))
//!     // Retry and balance stand here.
//!     .layer(AttemptTimeoutLayer::new(Duration::from_secs(20)))
//!     .service(service_fn(async |_: Request<()>| {
//!         pending::<()>().await;
//!         Ok::<_, Infallible>(Response::new(String::new()))
//!     }));
//!
//! let mut request = Request::new(());
//! let mut timeouts = Timeouts::default();
//! timeouts.attempt = Some(Duration::from_secs(5));
//! request.extensions_mut().insert(timeouts);
//!
//! let error = stack.oneshot(request).await.unwrap_err();
//! let elapsed = error.downcast_ref::<Elapsed>().expect("a clock ran out");
//! assert_eq!(elapsed.clock(), Clock::Attempt);
//! assert_eq!(elapsed.after(), Duration::from_secs(5));
//! # }
//! ```

mod attempt;
mod body;
mod connect;
mod deadline;
mod future;
mod idle;
mod stream;
mod timer;

pub use attempt::{AttemptTimeout, AttemptTimeoutLayer};
pub use body::TimeoutBody;
pub use connect::{ConnectFuture, ConnectTimeout, ConnectTimeoutLayer};
pub use deadline::{Deadline, DeadlineLayer};
pub use future::ResponseFuture;
pub use idle::IdleBody;
pub use stream::{StreamFuture, StreamTimeout, StreamTimeoutLayer};

#[cfg(doc)]
use headworks_core::{Attempts, Clock, Elapsed, Timeouts};
