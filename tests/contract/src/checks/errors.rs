use crate::{DATA, Failure, Inner, Play, ScriptedBody, Step, Subject, caused_by, request};
use bytes::Bytes;
use headworks_core::BoxError;
use http_body_util::BodyExt;
use std::{error::Error, io, pin::pin};
use tower::ServiceExt;

/// The error of the service within, and of its body, is found along `source()`, down to what caused it.
pub async fn inner_errors_are_the_source<L: Subject<Inner>>(layer: L) {
    let service = layer.layer(Inner::new(|| Play::Fail(Failure::reset())));
    let Err(error) = service.oneshot(request()).await.map_err(Into::into) else {
        panic!("an error became an answer");
    };
    down_to_the_cause(&*error);

    let body = || {
        let data = Step::Data(Bytes::from_static(DATA[0]));
        ScriptedBody::new([data, Step::Fail(Failure::reset())])
    };
    let service = layer.layer(Inner::answering(body));
    let answer = service.oneshot(request()).await.map_err(Into::into);
    let body = pin!(answer.unwrap().into_body());
    let Err(error) = body.collect().await else {
        panic!("a body that failed came to its end");
    };
    let error: BoxError = error.into();
    down_to_the_cause(&*error);
}

fn down_to_the_cause(error: &(dyn Error + 'static)) {
    assert!(!error.to_string().is_empty());
    assert!(caused_by::<Failure>(error), "{error:?}");
    assert!(caused_by::<io::Error>(error), "{error:?}");
}
