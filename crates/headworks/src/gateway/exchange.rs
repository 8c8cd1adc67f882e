//! One request and its answer, between the client's form and the stack's.

use super::{
    Shared,
    account::{self, Advice},
    body::ResponseBody,
    fallbacks,
    fault::Fault,
    headers::{self, DeploymentHeaders},
    mock::{MockAnswer, MockFault},
    plan::RequestPlan,
    read::ReadError,
    redact::Redact,
    secrets::Within,
    stack::UpstreamBody,
    view::Remember,
};
use bytes::Bytes;
use headworks_core::{
    Answer, Attempts, BoxError, Classify, DeploymentId, Group, RequestedModel, StatusClassifier,
    Timeouts, UnknownGroup, Verdict,
};
use headworks_fallback::{FellBack, OwnFallbacks};
use headworks_openai::{Dialect, OwnKey, Params, RequestBody};
use headworks_provider::Endpoint;
use headworks_retry::Retries;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, request::Parts, uri::PathAndQuery};
use http_body_util::Full;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// The longest name of a model that is looked up: it is compared with the known ones, logged and returned in
/// a header. Providers' own have some tens of bytes, with a path in front of them rarely a hundred.
const MAX_MODEL_NAME: usize = 512;

/// A request whose body is still to come.
pub(super) struct Asking {
    shared: Arc<Shared>,
    parts: Parts,
    endpoint: Endpoint,
    path_model: Option<String>,
    call: Call,
}

/// What a request asks for: whom, and how often at most.
pub(super) struct Asked {
    requested: RequestedModel,
    group: Group,
    fallbacks: Option<OwnFallbacks<RequestBody>>,
    pub(super) plan: RequestPlan,
}

/// A request the stack is working on.
pub(super) struct Answering {
    shared: Arc<Shared>,
    requested: RequestedModel,
    /// The group that name leads to.
    group: Group,
    attempts: Attempts,
    most: u32,
    dialect: Dialect,
    remember: Option<Remember>,
    /// How long the client of a stream waits before it is sent a comment, and at which endpoint.
    keepalive: Option<(Duration, &'static str)>,
    call: Call,
}

/// What names a request and dates it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: HeaderValue,
    pub(super) received: Instant,
}

// ===== impl Asking =====

impl Asking {
    pub(super) const fn new(
        shared: Arc<Shared>,
        parts: Parts,
        endpoint: Endpoint,
        path_model: Option<String>,
        call: Call,
    ) -> Self {
        Self {
            shared,
            parts,
            endpoint,
            path_model,
            call,
        }
    }

    /// The declared length of the body that is to come.
    pub(super) fn declared_length(&self) -> Option<u64> {
        let value = self.parts.headers.get(http::header::CONTENT_LENGTH)?;
        value.to_str().ok()?.parse().ok()
    }

    /// The request as the stack takes it, or the answer to a client that sent a wrong one.
    #[expect(
        clippy::result_large_err,
        reason = "what goes well is larger, and either is moved once"
    )]
    pub(super) fn prepare(
        self,
        body: Result<Bytes, ReadError>,
    ) -> Result<(Request<RequestBody>, Answering), Response<Full<Bytes>>> {
        let Self {
            shared,
            mut parts,
            endpoint,
            path_model,
            call,
        } = self;
        let dialect = dialect(endpoint);
        let refuse = |fault: Fault| {
            let mut response = fault.into_response(dialect);
            headers::own(response.headers_mut(), &call);
            response
        };

        let bytes = body.map_err(|error| refuse(error.into()))?;
        let content_type = parts.headers.get(http::header::CONTENT_TYPE);
        let body =
            RequestBody::parse(content_type, bytes).map_err(|invalid| refuse(invalid.into()))?;
        let asked = Asked::of(&shared, &parts.headers, path_model.as_deref(), &body);
        let Asked {
            requested,
            group,
            fallbacks,
            plan,
        } = asked.map_err(&refuse)?;
        let params = body.params();
        let attempts = Attempts::new(plan.retries());
        parts.uri = canonical(endpoint, &parts.uri);
        parts.extensions.insert(requested.clone());
        parts.extensions.insert(attempts.clone());
        let timeouts = timeouts(&body, &parts.headers, shared.total_timeout);
        parts.extensions.insert(timeouts);
        if let Some(own) = fallbacks {
            parts.extensions.insert(own);
        }
        if plan.asked().is_some() {
            let mut retries = Retries::default();
            retries.further = plan.asked();
            parts.extensions.insert(retries);
        }
        let seen = shared.views.look(&group, endpoint, &parts.headers, &body);
        let remember = seen.note(&mut parts.extensions);
        if let Some(fault) = MockFault::asked(params) {
            parts.extensions.insert(fault);
        }
        if params.flag(OwnKey::MockTimeout) {
            parts.extensions.insert(MockAnswer::Silence);
        } else if let Some(answer) = params.mock_response() {
            let delay = params.mock_delay().unwrap_or_default();
            parts
                .extensions
                .insert(MockAnswer::Text(answer.into(), delay));
        }
        let keepalive = shared.stream_keepalive.filter(|_| body.stream());
        let answering = Answering {
            keepalive: keepalive.map(|every| (every, endpoint.path())),
            shared,
            requested,
            group,
            attempts,
            most: plan.retries(),
            dialect,
            remember,
            call,
        };
        Ok((Request::from_parts(parts, body), answering))
    }
}

// ===== impl Asked =====

impl Asked {
    /// Reads it out of the path, the body and the headers of a request, in this order.
    pub(super) fn of(
        shared: &Shared,
        headers: &HeaderMap,
        path_model: Option<&str>,
        body: &RequestBody,
    ) -> Result<Self, Fault> {
        let requested = match path_model.or_else(|| body.model()) {
            Some(model) if model.len() > MAX_MODEL_NAME => {
                let message = format!("the name of a model has at most {MAX_MODEL_NAME} bytes");
                return Err(Fault::invalid("invalid_value", Some("model"), message));
            }
            Some(model) => match shared.names.get(model) {
                Some(known) => known.clone(),
                None => RequestedModel::from(model),
            },
            None => {
                let message = "the request names no model; GET /v1/models lists those there are";
                let fault = Fault::invalid("missing_model", Some("model"), message.into());
                return Err(fault);
            }
        };
        let params = body.params();
        if let Some(fault) = unmockable(params, shared.mock_faults) {
            return Err(fault);
        }
        let fallbacks = fallbacks::own(body, &requested, &shared.aliases)?;
        let retries = params
            .num_retries()
            .or_else(|| headers::number(headers, "x-litellm-num-retries"));
        let group = shared.aliases.resolve(&requested);
        let plan = shared.plans.of(&group, fallbacks.as_ref(), retries);
        Ok(Self {
            requested,
            group,
            fallbacks,
            plan,
        })
    }
}

/// The times a request asks for, in its body before its headers, and the operator's total. A stream has no
/// total, and its attempts have time until their head; a plain answer's have time until its end.
fn timeouts(body: &RequestBody, headers: &HeaderMap, total: Option<Duration>) -> Timeouts {
    let params = body.params();
    let plain = params
        .timeout()
        .or_else(|| headers::seconds(headers, "x-litellm-timeout"));
    let streamed = params
        .stream_timeout()
        .or_else(|| headers::seconds(headers, "x-litellm-stream-timeout"))
        .or(plain);
    let stream = body.stream();
    let mut timeouts = Timeouts::default();
    timeouts.attempt = if stream { streamed } else { plain };
    timeouts.attempt_body = Some(!stream);
    timeouts.total = total.filter(|_| !stream);
    timeouts
}

/// A deployment's answer, as it came; but without what signs in there, which it may repeat.
fn upstream(
    mut response: Response<UpstreamBody>,
    deployment: Option<&DeploymentHeaders>,
) -> Response<ResponseBody> {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let within = match is_error {
        true => Within::Error,
        false => Within::Answer,
    };
    let redact = deployment.and_then(|known| Redact::new(&known.secrets, within));
    if let Some(redact) = &redact {
        redact.headers(response.headers_mut());
    }
    headers::provider_copies(response.headers_mut());
    headers::without_limits(response.headers_mut());
    response.map(|body| match redact {
        Some(redact) => ResponseBody::redacted(body, redact),
        None => ResponseBody::upstream(body),
    })
}

/// What is wrong with asking to be failed, if a request does.
fn unmockable(params: &Params, allowed: bool) -> Option<Fault> {
    let asked = params.keys().find(|key| key.is_mock_testing())?;
    if allowed {
        return None;
    }
    let name = asked.as_str();
    let message = format!(
        "`{name}` makes requests fail on purpose; it is taken only by a gateway that listens on loopback, \
         or with `general_settings.dangerously_allow_mock_testing_request_params: true`"
    );
    Some(Fault::invalid("mock_not_allowed", Some(name), message))
}

/// The endpoint's own path, with the client's query.
fn canonical(endpoint: Endpoint, uri: &Uri) -> Uri {
    let path = endpoint.path();
    let Some(query) = uri.query() else {
        return Uri::from_static(path);
    };
    PathAndQuery::from_maybe_shared(Bytes::from(format!("{path}?{query}")))
        .map_or_else(|_| Uri::from_static(path), Uri::from)
}

pub(super) const fn dialect(endpoint: Endpoint) -> Dialect {
    match endpoint {
        Endpoint::Messages | Endpoint::CountTokens => Dialect::Anthropic,
        _ => Dialect::OpenAi,
    }
}

// ===== impl Answering =====

impl Answering {
    /// How long the client of a stream waits before it is sent a comment, and at which endpoint.
    pub(super) const fn keepalive(&self) -> Option<(Duration, &'static str)> {
        self.keepalive
    }

    /// What an answer says of itself before anything is known of it.
    pub(super) fn own_headers(&self, headers: &mut HeaderMap) {
        headers::own(headers, &self.call);
    }

    /// The answer as the client gets it.
    pub(super) fn finish(
        &mut self,
        answer: Result<Response<UpstreamBody>, BoxError>,
    ) -> Response<ResponseBody> {
        let attempts = self.attempts.attempts();
        let last = attempts.last().map(|last| &last.deployment);
        // Of several answers it may be an earlier one that is handed on.
        let answered = answer
            .as_ref()
            .ok()
            .and_then(|answer| answer.extensions().get());
        let id: Option<&DeploymentId> = answered.or(last);
        let remember = self.remember.take().zip(answered.cloned());
        let deployment = id.and_then(|id| self.shared.deployments.get(id));

        let fallbacks = self.attempts.fallbacks();
        let mut fell_back = None;
        let mut why = None;
        let mut response = match answer {
            Ok(mut response) => {
                fell_back = response.extensions_mut().remove::<FellBack>();
                why = fell_back.as_ref().map(|fell_back| fell_back.why);
                let verdict = StatusClassifier::default().classify(Answer::from(&response));
                // A 200 that was withheld is an answer to the client, and nothing to come back with.
                let advice = match response.status().is_success() {
                    true => Advice::None,
                    false => Advice::after(verdict),
                };
                let mut response = upstream(response, deployment);
                if let Some((remember, id)) = remember.filter(|_| response.status().is_success()) {
                    response = response.map(|body| body.remembering(remember.made_by(id)));
                }
                advice.write(response.headers_mut());
                response
            }
            Err(error) => {
                // Of the errors of several groups it is that of the first which is handed on.
                if fallbacks > 0 {
                    why = Some(Verdict::of_error(&*error).outcome);
                }
                let response = self.fault(&error).into_response(self.dialect);
                response.map(ResponseBody::own)
            }
        };
        let headers = response.headers_mut();
        headers::own(headers, &self.call);
        headers::answered(headers, &self.requested, deployment);
        headers::fell_back(headers, fallbacks, fell_back.as_ref());
        let group = fell_back.as_ref().map_or(&self.group, |after| &after.to);
        headers::limited(headers, self.shared.lefts.of(group, Instant::now()));
        if let Some(why) = why {
            account::fell_back(headers, why);
        }
        account::attempts(headers, &self.attempts);
        if fell_back.is_some_and(|fell_back| fell_back.unknown_group) {
            tracing::warn!(call = ?self.call.id, model = %self.requested, "unknown model answered by a fallback");
        }
        headers::counted(headers, self.most - self.attempts.left(), self.most);
        if let Some(first) = attempts.first() {
            headers::timed(headers, &self.call, first.began);
        }
        response
    }

    fn fault(&self, error: &BoxError) -> Fault {
        if error.is::<UnknownGroup>() {
            tracing::debug!(call = ?self.call.id, model = %self.requested, "unknown model");
            let near = self.shared.names.near(&self.requested);
            return Fault::unknown_model(&self.requested, &near);
        }
        self.log(error);
        Fault::of_error(error)
    }

    fn log(&self, error: &BoxError) {
        let mut causes = String::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push_str(": ");
            causes.push_str(&error.to_string());
            cause = error.source();
        }
        tracing::warn!(
            call = ?self.call.id,
            model = %self.requested,
            attempts = ?self.attempts.attempts(),
            "no answer: {error}{causes}"
        );
    }
}
