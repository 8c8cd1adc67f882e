//! How many instructions the hot paths take. Unlike times, the counts are the same on a busy machine and can be
//! compared between two commits: `cargo xtask bench` prints them with the change since the last run.

#![allow(
    clippy::exit,
    missing_docs,
    reason = "the macros of the benches exit, and make items without docs"
)]

use bytes::Bytes;
use gungraun::{library_benchmark, library_benchmark_group, main};
use headworks_balance::{Balance, Endpoint, Strategy};
use headworks_core::BoxError;
use headworks_openai::{RequestBody, SplicedBody, WithModel};
use headworks_retry::{RetryLayer, RetryPolicy};
use headworks_timeout::{AttemptTimeoutLayer, DeadlineLayer};
use http::{Request, Response};
use http_body_util::Full;
use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use tower::{Service, ServiceBuilder, service_fn, util::BoxCloneService};

type Stack = BoxCloneService<Request<()>, Response<()>, BoxError>;

/// A chat of this many bytes with its model last, where finding it takes a look at all of them.
fn chat(size: usize) -> Bytes {
    let content = "x".repeat(size);
    format!(r#"{{"messages":[{{"role":"user","content":"{content}"}}],"model":"gpt-4o"}}"#).into()
}

/// The upstream of every stack: it answers at once.
fn answer(_: Request<()>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::default()))
}

/// A group of this many deployments, warm.
fn balance(deployments: usize) -> Stack {
    let endpoints = (0..deployments).map(|n| Endpoint::new(n.to_string(), service_fn(answer)));
    warm(Balance::new("group", &Strategy::WeightedShuffle, endpoints))
}

/// The layers of a request that meets no trouble, around a group of this many deployments, warm.
fn layers(deployments: usize) -> Stack {
    let endpoints = (0..deployments).map(|n| {
        let deployment = ServiceBuilder::new()
            .layer(AttemptTimeoutLayer::new(Duration::from_secs(10)))
            .service_fn(answer);
        Endpoint::new(n.to_string(), deployment)
    });
    warm(
        ServiceBuilder::new()
            .layer(DeadlineLayer::new(Duration::from_secs(60)))
            .layer(RetryLayer::new(RetryPolicy::new(2)))
            .service(Balance::new("group", &Strategy::WeightedShuffle, endpoints)),
    )
}

/// A stack that has answered before: what is made once is not counted.
fn warm<S, B>(stack: S) -> Stack
where
    S: Service<Request<()>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
{
    let stack = ServiceBuilder::new()
        .map_response(|response: Response<B>| response.map(drop))
        .service(stack);
    call(BoxCloneService::new(stack))
}

/// One request and its answer.
fn call(mut stack: Stack) -> Stack {
    let mut context = Context::from_waker(Waker::noop());
    assert!(stack.poll_ready(&mut context).is_ready());
    let answer = pin!(stack.call(Request::new(()))).poll(&mut context);
    assert!(matches!(black_box(answer), Poll::Ready(Ok(_))));
    stack
}

#[library_benchmark]
#[bench::kb_1(chat(1_000))]
#[bench::kb_100(chat(100_000))]
fn find_and_set_the_model(body: Bytes) -> Option<SplicedBody> {
    let body = RequestBody::json(black_box(body)).ok()?;
    Some(black_box(body.with_model("gpt-4o-2024-11-20")))
}

#[library_benchmark]
#[bench::of_3(balance(3))]
#[bench::of_100(balance(100))]
fn one_request_through_balance(stack: Stack) -> Stack {
    call(stack)
}

#[library_benchmark]
#[bench::of_3(layers(3))]
#[bench::of_100(layers(100))]
fn one_request_through_deadline_retry_balance_and_timeout(stack: Stack) -> Stack {
    call(stack)
}

library_benchmark_group!(
    name = hot_paths,
    benchmarks = [
        find_and_set_the_model,
        one_request_through_balance,
        one_request_through_deadline_retry_balance_and_timeout,
    ]
);

main!(library_benchmark_groups = hot_paths);
