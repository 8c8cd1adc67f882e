//! What a deployment gets to see of a request, and the client of its answer.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use headworks_core::{AskUsage, HideUsage, Secret, WithModel};
use headworks_provider::{Endpoint, Provider, SignIn, SignInLayer, Target};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Version, header};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok};
use tower_layer::Layer;
use tower_test::mock;

const OURS: &str = "sk-ours-canary";
const THEIRS: &str = "sk-theirs-canary";

/// A body whose model can be named.
#[derive(Debug, PartialEq)]
struct Prompt;

impl WithModel for Prompt {
    type Body = String;

    fn with_model(self, model: &str) -> String {
        model.to_owned()
    }
}

type Inner = mock::Mock<Request<String>, Response<&'static str>>;
type Handle = mock::Handle<Request<String>, Response<&'static str>>;

fn spawn(target: &Target) -> (mock::Spawn<SignIn<Inner>>, Handle) {
    mock::spawn_with(|inner| SignIn::new(inner, target.clone()))
}

/// What the deployment sees of `request`.
fn seen(target: &Target, request: Request<Prompt>) -> Request<String> {
    let (mut service, mut handle) = spawn(target);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready::<Request<Prompt>>());
    let _future = service.call(request);
    let mut next = tokio_test::task::spawn(handle.next_request());
    let (request, _) = assert_ready_ok!(next.poll().map(|next| next.ok_or("no request")));
    request
}

fn target(model: &str) -> Target {
    let builder = Target::builder(model).api_key(Secret::from(OURS));
    let needs_base = Provider::find(model.split('/').next().unwrap_or_default())
        .is_some_and(|provider| provider.default_api_base().is_none());
    let builder = if needs_base {
        builder.api_base("https://own.example")
    } else {
        builder
    };
    builder.build().unwrap()
}

/// A request as a careless client sends it, behind careless proxies.
fn request(path: &str) -> Request<Prompt> {
    let mut request = Request::post(path)
        .version(Version::HTTP_2)
        .body(Prompt)
        .unwrap();
    for name in [
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
        "proxy-authorization",
        "x-litellm-api-key",
        "openai-organization",
    ] {
        let value = HeaderValue::from_static(THEIRS);
        request.headers_mut().append(name, value.clone());
        request.headers_mut().append(name, value);
    }
    for (name, value) in [
        ("host", "gateway.example"),
        ("content-length", "12"),
        ("connection", "close, x-hop"),
        ("x-hop", "h"),
        ("accept-encoding", "gzip"),
        ("x-forwarded-for", "10.0.0.1"),
        ("content-type", "application/json"),
        ("anthropic-beta", "one,two"),
        ("traceparent", "00-1-2-01"),
        ("x-unheard-of", "kept"),
    ] {
        request
            .headers_mut()
            .append(name, HeaderValue::from_static(value));
    }
    request
}

#[test]
fn nothing_of_the_callers_credentials_reaches_any_provider_at_any_endpoint() {
    for provider in Provider::ALL {
        let target = target(&format!("{}/m", provider.name()));
        for endpoint in Endpoint::ALL {
            let seen = seen(&target, request(endpoint.path()));
            assert_eq!(seen.uri(), target.uri(endpoint));
            assert_eq!(seen.version(), Version::HTTP_11);
            assert_eq!(seen.body(), "m");
            let all = format!("{:?} {seen:?}", seen.headers());
            assert!(
                !all.contains(THEIRS),
                "{} {endpoint}: {all}",
                provider.name()
            );
            assert!(!all.contains(OURS), "ours is sensitive: {all}");

            let mut names: Vec<_> = seen.headers().keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            let mut wanted = vec![
                "accept-encoding",
                "anthropic-beta",
                "content-type",
                "traceparent",
                "x-unheard-of",
            ];
            if endpoint.is_anthropic() {
                wanted.push("anthropic-version");
            }
            let keyed = ["authorization", "api-key", "x-api-key"];
            names.retain(|name| !keyed.contains(name));
            wanted.sort_unstable();
            assert_eq!(names, wanted, "{} {endpoint}", provider.name());
            assert_eq!(seen.headers()[header::ACCEPT_ENCODING], "identity");
            assert_eq!(seen.headers()["anthropic-beta"], "one,two");
        }
    }
}

#[test]
fn our_credentials_are_sent_as_the_protocol_wants_them() {
    let header = |model: &str, path: &str, name: &str| {
        let seen = seen(&target(model), request(path));
        seen.headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let bearer = Some(format!("Bearer {OURS}"));
    let chat = "/v1/chat/completions";
    assert_eq!(header("gpt-4o", chat, "authorization"), bearer);
    assert_eq!(header("azure/m", chat, "api-key").as_deref(), Some(OURS));
    assert_eq!(header("azure/m", chat, "authorization"), None);
    assert_eq!(header("anthropic/m", chat, "authorization"), bearer);
    let messages = "/v1/messages";
    assert_eq!(
        header("anthropic/m", messages, "x-api-key").as_deref(),
        Some(OURS)
    );
    assert_eq!(header("anthropic/m", messages, "authorization"), None);
    assert_eq!(header("simulated/m", chat, "authorization"), None);
}

#[test]
fn a_version_of_anthropics_protocol_is_kept_or_supplied() {
    let target = target("anthropic/m");
    let supplied = seen(&target, request("/v1/messages/count_tokens"));
    assert_eq!(supplied.headers()["anthropic-version"], "2023-06-01");
    let mut own = request("/v1/messages");
    own.headers_mut()
        .insert("anthropic-version", HeaderValue::from_static("2099-01-01"));
    assert_eq!(
        seen(&target, own).headers()["anthropic-version"],
        "2099-01-01"
    );
}

#[test]
fn headers_of_the_settings_win_over_the_callers_and_the_key() {
    let target = Target::builder("gpt-4o")
        .api_key(Secret::from("unused"))
        .organization("org-ours")
        .header("Authorization", "Basic b3Vycw==")
        .header("x-unheard-of", "ours")
        .header("host", "virtual.example")
        .build()
        .unwrap();
    let seen = seen(&target, request("/v1/embeddings"));
    assert_eq!(seen.headers()["authorization"], "Basic b3Vycw==");
    assert_eq!(seen.headers()["openai-organization"], "org-ours");
    assert_eq!(seen.headers()["x-unheard-of"], "ours");
    assert_eq!(seen.headers()["host"], "virtual.example");
    assert_eq!(seen.headers().get_all("x-unheard-of").iter().count(), 1);
}

#[test]
fn the_answer_comes_without_what_was_meant_for_us() {
    let (mut service, mut handle) = spawn(&target("gpt-4o"));
    handle.allow(1);
    assert_ready_ok!(service.poll_ready::<Request<Prompt>>());
    let mut future = tokio_test::task::spawn(service.call(request("/v1/embeddings")));
    assert_pending!(future.poll());
    let mut next = tokio_test::task::spawn(handle.next_request());
    let (_, send) = assert_ready_ok!(next.poll().map(|next| next.ok_or("no request")));
    let mut response = Response::builder().status(429);
    for (name, value) in [
        ("set-cookie", "__cf_bm=x"),
        ("connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("retry-after", "7"),
        ("x-request-id", "req_1"),
    ] {
        response = response.header(name, value);
    }
    send.send_response(response.body("as it came").unwrap());
    let response = assert_ready_ok!(future.poll());
    assert_eq!(response.status(), 429);
    let wanted: HeaderMap = [("retry-after", "7"), ("x-request-id", "req_1")]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect();
    assert_eq!(*response.headers(), wanted);
    assert_eq!(*response.body(), "as it came");
}

#[test]
fn readiness_and_errors_are_the_inner_services() {
    let (mut service, mut handle) = spawn(&target("gpt-4o"));
    handle.allow(0);
    assert_pending!(service.poll_ready::<Request<Prompt>>());
    handle.send_error("gone");
    assert_eq!(
        assert_ready_err!(service.poll_ready::<Request<Prompt>>()).to_string(),
        "gone"
    );
}

#[test]
fn two_services_of_one_layer_share_their_target_and_are_send_and_sync() {
    fn assert<T: Clone + Send + Sync>(_: &T) {}
    let layer = SignInLayer::new(target("gpt-4o"));
    let (one, two) = (layer.layer(()), layer.layer(()));
    assert(&one);
    assert!(std::ptr::eq(
        one.target().uri(Endpoint::Embeddings),
        two.target().uri(Endpoint::Embeddings)
    ));
    assert_eq!(format!("{layer:?}").matches(OURS).count(), 0);
}

/// A body that can ask for usage, unless it does by itself.
#[derive(Debug)]
struct Stream {
    asks: bool,
    asked: bool,
}

impl WithModel for Stream {
    type Body = String;

    fn with_model(self, model: &str) -> String {
        format!("{model} {}", if self.asked { "asked" } else { "not asked" })
    }

    fn ask_usage(&mut self) -> bool {
        self.asked = !self.asks;
        self.asked
    }
}

#[test]
fn usage_is_asked_for_if_that_is_wanted_and_can_be_and_is_hidden_then() {
    for (model, path, wanted, asks, expected) in [
        ("groq/m", "/v1/chat/completions", true, false, true),
        ("groq/m", "/v1/completions", true, false, true),
        ("groq/m", "/v1/chat/completions", false, false, false),
        ("groq/m", "/v1/chat/completions", true, true, false),
        ("groq/m", "/v1/responses", true, false, false),
        ("mistral/m", "/v1/chat/completions", true, false, false),
        ("anthropic/m", "/v1/messages", true, false, false),
    ] {
        let (mut service, mut handle) = spawn(&target(model));
        handle.allow(1);
        assert_ready_ok!(service.poll_ready::<Request<Stream>>());
        let body = Stream { asks, asked: false };
        let mut request = Request::post(path).body(body).unwrap();
        if wanted {
            request.extensions_mut().insert(AskUsage);
        }
        let mut future = tokio_test::task::spawn(service.call(request));
        let mut next = tokio_test::task::spawn(handle.next_request());
        let (request, respond) = assert_ready_ok!(next.poll().map(|next| next.ok_or("no request")));
        let word = if expected { "m asked" } else { "m not asked" };
        assert_eq!(request.body(), word, "{model} {path}");
        respond.send_response(Response::new(""));
        let response = assert_ready_ok!(future.poll());
        let hides = response.extensions().get::<HideUsage>().is_some();
        assert_eq!(hides, expected, "{model} {path}");
    }
}
