//! One check of one deployment: asking, and judging the answer.

use super::{Probe, Sickness};
use crate::provider::{
    SignIn, Target,
    verdict::{JudgeLayer, SharedOverrule},
};
use bytes::{Buf, Bytes};
use headworks_core::{Answer, BoxError, Classify, StatusClassifier, Verdict};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use std::{future::Future, pin::Pin, time::Duration};
use tokio::time::timeout;
use tower::{Layer, Service, ServiceExt};

/// Checks its deployment once, whenever it is called.
///
/// Boxed, as is its future: deployments are reached by services of many types, and a box for a check that
/// opens a connection is nothing.
pub(super) type Check = Box<dyn Fn() -> Checking + Send + Sync>;

type Checking = Pin<Box<dyn Future<Output = Result<(), Sickness>> + Send>>;

/// How much of an answer is read: many times the longest list of models.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// A check of what lives at `target` and is reached by `service`, its answers judged by `judge`.
pub(super) fn new<S, B>(
    service: S,
    target: Target,
    judge: &JudgeLayer<SharedOverrule>,
    probe: Probe,
    limit: Duration,
) -> Check
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError> + Send,
{
    let service = judge.layer(service);
    Box::new(move || {
        let asking = ask(service.clone(), target.clone(), probe.clone());
        Box::pin(async move {
            let answered = timeout(limit, asking).await;
            answered.unwrap_or_else(|_| Err(Sickness::of_silence(limit)))
        })
    })
}

async fn ask<S, B>(service: S, target: Target, probe: Probe) -> Result<(), Sickness>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    let answer = match &probe {
        Probe::Nothing => return Ok(()),
        Probe::Models => {
            let request = target.models_request().map(|()| Full::default());
            service.oneshot(request).await.map_err(Into::into)
        }
        Probe::Completion(completion) => {
            let service = SignIn::new(service, target);
            let answer = service.oneshot(completion.request()).await;
            answer.map_err(Into::into)
        }
    };
    let response = match answer {
        Ok(response) => response,
        Err(error) => return judge_error(error),
    };
    let status = response.status();
    if probe == Probe::Models && knows_no_list(status) {
        return Ok(());
    }
    let verdict = StatusClassifier::default().classify(Answer::from(&response));
    blame(verdict, |verdict| Sickness::of_status(status, verdict))?;
    if status.is_success() {
        drain(response.into_body()).await.or_else(judge_error)?;
    }
    Ok(())
}

/// True for the answers of a server that is there, and has no such list.
const fn knows_no_list(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
    )
}

/// Reads an answer to its end: a promise in its head that its body does not keep is none.
async fn drain<B>(mut body: B) -> Result<(), BoxError>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    let mut left = MAX_ANSWER;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Into::into)?;
        let length = frame.data_ref().map_or(0, Buf::remaining);
        let Some(less) = left.checked_sub(length) else {
            break;
        };
        left = less;
    }
    Ok(())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the end of the error, and fits where a result is mapped"
)]
fn judge_error(error: BoxError) -> Result<(), Sickness> {
    let error = &*error;
    let verdict = StatusClassifier::default().classify(Answer::Error(error));
    blame(verdict, |verdict| Sickness::of_error(error, verdict))
}

/// Sick is what the deployment is to blame for; what the check itself did wrong it is not.
fn blame(verdict: Verdict, sickness: impl FnOnce(Verdict) -> Sickness) -> Result<(), Sickness> {
    if verdict.outcome.blames_the_deployment() {
        Err(sickness(verdict))
    } else {
        Ok(())
    }
}
