//! The suite passes what keeps the contract and fails what breaks it, each check by a layer that breaks that.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use headworks_contract::{Inner, ScriptedBody, checks, run};
use headworks_core::{
    Attempts, BoxError, End, Finish, Guard, GuardedBody, Outcome, Verdict, Watch, WithModel,
};
use http::{Request, Response};
use http_body::{Body, Frame};
use parking_lot::Mutex;
use pin_project::pin_project;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};
use tower_layer::{Layer, layer_fn};
use tower_service::Service;

/// Keeps the contract, with state and records of its own.
#[derive(Clone, Debug, Default)]
struct RecordLayer(Arc<Mutex<Vec<Outcome>>>);

#[derive(Clone, Debug)]
struct Record<S>(S, Arc<Mutex<Vec<Outcome>>>);

#[pin_project]
struct RecordFuture<F>(#[pin] F, Option<Guard<Recorder>>);

#[derive(Debug)]
struct Recorder(Arc<Mutex<Vec<Outcome>>>, Verdict);

impl<S> Layer<S> for RecordLayer {
    type Service = Record<S>;
    fn layer(&self, inner: S) -> Record<S> {
        Record(inner, self.0.clone())
    }
}

impl<S, B, R> Service<Request<B>> for Record<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body,
{
    type Response = Response<GuardedBody<R, Recorder>>;
    type Error = BoxError;
    type Future = RecordFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let recorder = Recorder(self.1.clone(), Outcome::Success.into());
        RecordFuture(self.0.call(request), Some(Guard::new(recorder)))
    }
}

impl<F, R, E> Future for RecordFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    R: Body,
{
    type Output = Result<Response<GuardedBody<R, Recorder>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.0.poll(cx)).map_err(Into::into);
        let mut guard = this.1.take().unwrap();
        let verdict = match &answer {
            Ok(response) => Outcome::of_status(response.status()).into(),
            Err(error) => Verdict::of_error(&**error),
        };
        guard.get_mut().unwrap().1 = verdict;
        Poll::Ready(answer.map(|response| GuardedBody::of(response, guard)))
    }
}

impl Finish for Recorder {
    fn finish(self, end: End) {
        self.0.lock().push(self.1.at_end(end).outcome);
    }
}

impl<D> Watch<D> for Recorder {}

/// Asks for a body whose model it can set.
#[derive(Clone, Debug)]
struct SpliceLayer;

#[derive(Clone, Debug)]
struct Splice<S>(S);

impl<S> Layer<S> for SpliceLayer {
    type Service = Splice<S>;
    fn layer(&self, inner: S) -> Splice<S> {
        Splice(inner)
    }
}

impl<S, B> Service<Request<B>> for Splice<S>
where
    S: Service<Request<B::Body>>,
    B: WithModel,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }
    fn call(&mut self, request: Request<B>) -> S::Future {
        self.0.call(request.map(|body| body.with_model("m")))
    }
}

mod a_layer_that_keeps_it {
    use super::*;

    headworks_contract::suite! {
        layer: RecordLayer::default,
        bodies: any,
        readiness: passed_through,
        errors: boxed,
        allocations: 0,
        state: |layer: &RecordLayer| layer.0.lock().len(),
        records: |layer: &RecordLayer, _: &Attempts| layer.0.lock().clone(),
    }
}

mod a_layer_that_does_nothing {
    headworks_contract::suite! {
        layer: tower_layer::Identity::new,
        bodies: any,
        readiness: passed_through,
        errors: passed_through,
        allocations: 0,
        state: none,
        records: none,
    }
}

mod a_layer_that_asks_for_clones {
    headworks_contract::suite! {
        layer: tower_layer::Identity::new,
        bodies: cloned,
        readiness: its_own,
        errors: passed_through,
        allocations: 0,
        state: none,
        records: none,
    }
}

mod a_layer_that_asks_for_a_model {
    use super::*;

    headworks_contract::suite! {
        layer: || SpliceLayer,
        bodies: spliced,
        readiness: passed_through,
        errors: passed_through,
        allocations: 0,
        state: none,
        records: none,
    }
}

/// A service made of one, that does one thing wrong.
macro_rules! bad {
    ($name:ident, ready: $ready:expr, call: $call:expr) => {
        #[derive(Clone, Debug)]
        struct $name<S>(S);
        impl<S> Service<headworks_contract::Request> for $name<S>
        where
            S: Service<headworks_contract::Request> + Clone,
        {
            type Response = S::Response;
            type Error = S::Error;
            type Future = S::Future;
            fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
                let ready: fn(&mut S, &mut Context<'_>) -> _ = $ready;
                ready(&mut self.0, cx)
            }
            fn call(&mut self, request: headworks_contract::Request) -> S::Future {
                let call: fn(&mut S, _) -> _ = $call;
                call(&mut self.0, request)
            }
        }
    };
}

bad!(CallsAClone, ready: |s, cx| s.poll_ready(cx), call: |s, request| s.clone().call(request));
bad!(NeverAsks, ready: |_, _| Poll::Ready(Ok(())), call: |s, request| s.call(request));
bad!(Allocates, ready: |s, cx| s.poll_ready(cx), call: |s, request| {
    drop(std::hint::black_box(Box::new(1_u8)));
    s.call(request)
});

#[test]
#[should_panic(expected = "not polled ready")]
fn a_clone_called_in_place_of_the_ready_one_is_found() {
    run(checks::only_what_was_polled_ready(layer_fn(CallsAClone)));
}

#[test]
#[should_panic(expected = "not polled ready")]
fn a_call_without_readiness_is_found() {
    run(checks::one_instance_for_all(layer_fn(NeverAsks)));
}

#[test]
#[should_panic(expected = "ready; value")]
fn readiness_that_is_made_up_is_found() {
    checks::readiness_passes_through(layer_fn(NeverAsks));
}

#[test]
#[should_panic(expected = "1 allocations of its own, 0 granted")]
fn an_allocation_is_found() {
    checks::allocations_are_bounded(layer_fn(Allocates), 0);
}

/// Makes its state anew for each service.
#[derive(Clone, Default)]
struct ForgetfulLayer(Arc<AtomicUsize>);

#[derive(Clone)]
struct Forgetful<S>(S, Arc<AtomicUsize>, usize);

impl<S> Layer<S> for ForgetfulLayer {
    type Service = Forgetful<S>;
    fn layer(&self, inner: S) -> Forgetful<S> {
        Forgetful(inner, self.0.clone(), 0)
    }
}

impl<S: Service<headworks_contract::Request>> Service<headworks_contract::Request>
    for Forgetful<S>
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }
    fn call(&mut self, request: headworks_contract::Request) -> S::Future {
        self.2 += 1;
        self.1.store(self.2, Ordering::Relaxed);
        self.0.call(request)
    }
}

#[test]
#[should_panic(expected = "each service counts for itself")]
fn state_made_for_each_service_is_found() {
    let observe = |layer: &ForgetfulLayer| layer.0.load(Ordering::Relaxed);
    run(checks::state_is_shared(ForgetfulLayer::default, observe));
}

#[test]
#[should_panic(expected = "nothing was counted")]
fn an_observer_that_sees_nothing_is_found() {
    run(checks::state_is_shared(ForgetfulLayer::default, |_| ()));
}

/// Loses something on the way of the body or of the error.
#[derive(Clone, Copy)]
enum Lossy {
    SizeHint,
    Trailers,
    Source,
}

#[derive(Clone)]
struct Loses<S>(S, Lossy);

#[pin_project]
struct LossyFuture<F>(#[pin] F, Lossy);

#[pin_project]
struct LossyBody<B>(#[pin] B, Lossy);

impl<S, R> Service<headworks_contract::Request> for Loses<S>
where
    S: Service<headworks_contract::Request, Response = Response<R>, Error: Into<BoxError>>,
    R: Body,
{
    type Response = Response<LossyBody<R>>;
    type Error = BoxError;
    type Future = LossyFuture<S::Future>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }
    fn call(&mut self, request: headworks_contract::Request) -> Self::Future {
        LossyFuture(self.0.call(request), self.1)
    }
}

impl<F, R, E> Future for LossyFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<LossyBody<R>>, BoxError>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let lossy = *this.1;
        Poll::Ready(match ready!(this.0.poll(cx)) {
            Ok(response) => Ok(response.map(|body| LossyBody(body, lossy))),
            Err(error) => Err(match lossy {
                Lossy::Source => error.into().to_string().into(),
                Lossy::SizeHint | Lossy::Trailers => error.into(),
            }),
        })
    }
}

impl<B: Body> Body for LossyBody<B> {
    type Data = B::Data;
    type Error = B::Error;
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.0.poll_frame(cx));
        match (&frame, *this.1) {
            (Some(Ok(frame)), Lossy::Trailers) if frame.is_trailers() => Poll::Ready(None),
            _ => Poll::Ready(frame),
        }
    }
    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
    fn size_hint(&self) -> http_body::SizeHint {
        match self.1 {
            Lossy::SizeHint => http_body::SizeHint::default(),
            Lossy::Trailers | Lossy::Source => self.0.size_hint(),
        }
    }
}

fn lossy(lossy: Lossy) -> impl headworks_contract::Subject<Inner> {
    layer_fn(move |inner: Inner| Loses(inner, lossy))
}

#[test]
#[should_panic(expected = "upper: None")]
fn a_lost_size_hint_is_found() {
    run(checks::bodies_pass_as_they_are(lossy(Lossy::SizeHint)));
}

#[test]
#[should_panic(expected = "Trailers")]
fn lost_trailers_are_found() {
    run(checks::bodies_pass_as_they_are(lossy(Lossy::Trailers)));
}

#[test]
#[should_panic(expected = "the service within failed")]
fn a_lost_source_is_found() {
    run(checks::inner_errors_are_the_source(lossy(Lossy::Source)));
}

/// A record in place of the truth.
fn with_records(record: fn(&[Outcome]) -> Vec<Outcome>) {
    let recorded = move |layer: &RecordLayer, _: &Attempts| record(&layer.0.lock());
    run(checks::each_outcome_is_recorded_once(
        RecordLayer::default,
        recorded,
    ));
}

#[test]
#[should_panic(expected = "a good answer, read to its end")]
fn a_second_record_is_found() {
    with_records(|truth| [truth, truth].concat());
}

#[test]
#[should_panic(expected = "a future dropped unpolled")]
fn a_cancel_that_is_not_recorded_is_found() {
    with_records(|truth| match truth {
        [Outcome::Cancelled] => Vec::new(),
        truth => truth.to_vec(),
    });
}

/// Goes on with what its caller has dropped.
#[derive(Clone)]
struct Detaches<S>(S);

impl<S> Service<headworks_contract::Request> for Detaches<S>
where
    S: Service<headworks_contract::Request, Future: Send + 'static>,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }
    fn call(&mut self, request: headworks_contract::Request) -> Self::Future {
        let task = tokio::spawn(self.0.call(request));
        Box::pin(async { task.await.unwrap() })
    }
}

#[test]
#[should_panic(expected = "dropped before")]
fn a_call_that_outlives_its_caller_is_found() {
    let layer = layer_fn(Detaches::<Inner<ScriptedBody>>);
    run(checks::what_is_dropped_ends_within(layer));
}
