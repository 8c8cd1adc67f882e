use crate::{DATA, Failure, Inner, Play, ScriptedBody, Step, Subject, request_of};
use bytes::Bytes;
use headworks_core::{Attempts, BoxError, Outcome};
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;
use std::pin::pin;
use tokio_test::task;
use tower::{Service, ServiceExt};

/// How far the caller goes along with a request.
#[derive(Clone, Copy, Debug)]
enum Caller {
    DropsUnpolled,
    DropsBeforeTheHead,
    DropsUnread,
    DropsInMidBody,
    ReadsToTheEnd,
}

/// One way for a request to go.
struct Case {
    name: &'static str,
    play: fn() -> Play<ScriptedBody>,
    caller: Caller,
    outcome: Outcome,
}

const CASES: [Case; 12] = [
    case(
        "a good answer, read to its end",
        good,
        Caller::ReadsToTheEnd,
        Outcome::Success,
    ),
    case(
        "a good answer without a body",
        empty,
        Caller::DropsUnread,
        Outcome::Success,
    ),
    case(
        "a 500",
        || status(500),
        Caller::ReadsToTheEnd,
        Outcome::ServerFault,
    ),
    case(
        "a 429",
        || status(429),
        Caller::ReadsToTheEnd,
        Outcome::RateLimited,
    ),
    case(
        "a 400",
        || status(400),
        Caller::ReadsToTheEnd,
        Outcome::CallerFault,
    ),
    case(
        "a 500 nobody reads",
        || status(500),
        Caller::DropsUnread,
        Outcome::ServerFault,
    ),
    case(
        "a transport error",
        || Play::Fail(Failure::reset()),
        Caller::ReadsToTheEnd,
        Outcome::Transport,
    ),
    case(
        "a timeout",
        || Play::Fail(Failure::elapsed()),
        Caller::ReadsToTheEnd,
        Outcome::Timeout,
    ),
    case(
        "a body that fails",
        broken,
        Caller::ReadsToTheEnd,
        Outcome::Transport,
    ),
    case(
        "a future dropped unpolled",
        || Play::Silence,
        Caller::DropsUnpolled,
        Outcome::Cancelled,
    ),
    case(
        "a drop before the head",
        || Play::Silence,
        Caller::DropsBeforeTheHead,
        Outcome::Cancelled,
    ),
    case(
        "a drop in mid-body",
        good,
        Caller::DropsInMidBody,
        Outcome::Cancelled,
    ),
];

/// However a request goes, one outcome is recorded for it, and it is the right one.
///
/// `recorded` shows the outcomes recorded for the one request that a layer has seen, whose ledger is given.
pub async fn each_outcome_is_recorded_once<L: Subject<Inner>>(
    make: impl Fn() -> L,
    recorded: impl Fn(&L, &Attempts) -> Vec<Outcome>,
) {
    for case in &CASES {
        let (layer, ledger) = (make(), Attempts::new(0));
        let mut service = layer.layer(Inner::new(case.play));
        let service = service.ready().await.map_err(Into::into).unwrap();
        let call = service.call(request_of("{}".into(), &ledger));
        assert_eq!(recorded(&layer, &ledger), [], "{}: too soon", case.name);
        go_along(call, case.caller).await;
        assert_eq!(recorded(&layer, &ledger), [case.outcome], "{}", case.name);
    }
}

async fn go_along<B, E>(call: impl Future<Output = Result<Response<B>, E>>, caller: Caller)
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    match caller {
        Caller::DropsUnpolled => {}
        Caller::DropsBeforeTheHead => {
            let mut call = task::spawn(call);
            for _ in 0..3 {
                assert!(call.poll().is_pending());
            }
        }
        Caller::DropsUnread => drop(call.await),
        Caller::DropsInMidBody | Caller::ReadsToTheEnd => {
            let Ok(response) = call.await else { return };
            let mut body = pin!(response.into_body());
            while let Some(Ok(_)) = body.frame().await {
                if matches!(caller, Caller::DropsInMidBody) {
                    return;
                }
            }
        }
    }
}

const fn case(
    name: &'static str,
    play: fn() -> Play<ScriptedBody>,
    caller: Caller,
    outcome: Outcome,
) -> Case {
    Case {
        name,
        play,
        caller,
        outcome,
    }
}

fn good() -> Play<ScriptedBody> {
    Play::Answer(Response::new(ScriptedBody::good()))
}

fn empty() -> Play<ScriptedBody> {
    Play::Answer(Response::new(ScriptedBody::new([])))
}

fn broken() -> Play<ScriptedBody> {
    let data = Step::Data(Bytes::from_static(DATA[0]));
    let body = ScriptedBody::new([data, Step::Fail(Failure::reset())]);
    Play::Answer(Response::new(body))
}

fn status(status: u16) -> Play<ScriptedBody> {
    let mut response = Response::new(ScriptedBody::good());
    *response.status_mut() = status.try_into().expect("a status code");
    Play::Answer(response)
}
