use super::*;
use headworks_balance::Tags;
use headworks_config::Config;
use headworks_core::DeploymentId;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

fn views(rest: &str) -> Views {
    let text = format!(
        "model_list: [{{model_name: g, litellm_params: {{model: openai/g}}, model_info: {{max_input_tokens: 100}}}}]\n{rest}"
    );
    Views::of(&Config::parse(&text, "config.yaml").unwrap().config)
}

fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    };
    of.iter().map(header).collect()
}

fn json_body(body: &Value) -> RequestBody {
    RequestBody::json(body.to_string().into()).unwrap()
}

fn look(views: &Views, endpoint: Endpoint, of: &[(&'static str, &str)], body: &Value) -> Seen {
    views.look(&"g".into(), endpoint, &headers(of), &json_body(body))
}

const KEY: (&str, &str) = ("authorization", "Bearer sk-caller");
const STICKY: &str = "router_settings: {routing_strategy: sticky}";

fn chat(of: &[(&'static str, &str)], body: &Value) -> Option<Session> {
    let of = [&[KEY], of].concat();
    look(&views(STICKY), Endpoint::ChatCompletions, &of, body).session
}

fn turn(more: &Value) -> Value {
    let mut body = json!({"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn the_first_name_that_a_request_has_tells_its_session() {
    let all = json!({
        "litellm_session_id": "body", "metadata": {"session_id": "metadata", "user_id": "them"},
        "prompt_cache_key": "cache", "user": "me",
    });
    let without = |names: &[&str]| {
        let mut body = turn(&all);
        names
            .iter()
            .for_each(|name| drop(body.as_object_mut().unwrap().remove(*name)));
        body
    };
    let named = |headers: &[(&'static str, &str)]| chat(headers, &turn(&json!({}))).unwrap();
    let litellm = named(&[("x-litellm-session-id", "1")]);
    let claude = named(&[("x-claude-code-session-id", "1")]);
    assert_eq!(litellm, claude, "a name is a name, wherever it stands");

    let by_header = |id: &str| named(&[("x-litellm-session-id", id)]);
    let cases = [
        (
            chat(
                &[
                    ("x-litellm-session-id", "1"),
                    ("x-claude-code-session-id", "2"),
                ],
                &turn(&all),
            ),
            by_header("1"),
        ),
        (
            chat(&[("x-litellm-session-id", " ")], &turn(&all)),
            by_header("body"),
        ),
        (
            chat(&[], &without(&["litellm_session_id"])),
            by_header("metadata"),
        ),
        (
            chat(&[], &turn(&json!({"litellm_session_id": 7}))),
            by_header("7"),
        ),
        (
            chat(
                &[],
                &turn(&json!({"litellm_metadata": {"session_id": "own"}})),
            ),
            by_header("own"),
        ),
        (
            chat(&[], &without(&["litellm_session_id", "metadata"])),
            chat(&[], &json!({"prompt_cache_key": "cache"})).unwrap(),
        ),
        (
            chat(
                &[],
                &without(&["litellm_session_id", "metadata", "prompt_cache_key"]),
            ),
            chat(&[], &json!({"user": "me"})).unwrap(),
        ),
        (
            chat(&[], &json!({"metadata": {"user_id": "me"}})),
            chat(&[], &json!({"user": "me"})).unwrap(),
        ),
    ];
    for (n, (found, wanted)) in cases.into_iter().enumerate() {
        assert_eq!(found, Some(wanted), "case {n}");
    }
    let kinds = [
        by_header("x"),
        chat(&[], &json!({"prompt_cache_key": "x"})).unwrap(),
        chat(&[], &json!({"user": "x"})).unwrap(),
        chat(
            &[],
            &json!({"messages": [{"role": "user", "content": "x"}]}),
        )
        .unwrap(),
    ];
    for (n, kind) in kinds.iter().enumerate() {
        assert!(!kinds[..n].contains(kind), "kinds of names are kept apart");
    }
}

#[test]
fn a_conversation_without_a_name_is_told_by_what_it_begins_with() {
    let views = views(STICKY);
    let of = |endpoint, body: &Value| look(&views, endpoint, &[KEY], body).session;
    let later = json!({"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "How are you?"},
    ]});
    let first = turn(&json!({}));
    let session = of(Endpoint::ChatCompletions, &first);
    assert!(session.is_some());
    assert_eq!(of(Endpoint::ChatCompletions, &later), session);
    let other = json!({"messages": [{"role": "user", "content": "Hi"}]});
    assert_ne!(of(Endpoint::ChatCompletions, &other), session);

    for endpoint in Endpoint::ALL {
        let body = json!({
            "messages": [{"role": "user", "content": "Hi"}], "input": "Hi", "prompt": "Hi", "query": "Hi",
        });
        let converses = [
            Endpoint::ChatCompletions,
            Endpoint::Completions,
            Endpoint::Responses,
            Endpoint::Messages,
        ];
        assert_eq!(
            of(endpoint, &body).is_some(),
            converses.contains(&endpoint),
            "{endpoint}"
        );
        assert_eq!(of(endpoint, &json!({})), None, "{endpoint}");
        let named = json!({"user": "me"});
        assert!(of(endpoint, &named).is_some(), "{endpoint}");
    }
    // The beginning of this one is elsewhere.
    let follow_up = json!({"input": "And?", "previous_response_id": "resp_1"});
    assert_eq!(of(Endpoint::Responses, &follow_up), None);
}

#[test]
fn a_session_is_its_callers_own() {
    let views = views(STICKY);
    let of = |headers: &[(&'static str, &str)]| {
        look(
            &views,
            Endpoint::ChatCompletions,
            headers,
            &json!({"user": "me"}),
        )
        .session
        .unwrap()
    };
    let mine = of(&[KEY]);
    assert_eq!(
        of(&[("x-api-key", "sk-caller")]),
        mine,
        "a key is a key, wherever it stands"
    );
    let others = [
        of(&[("authorization", "Bearer sk-other")]),
        of(&[]),
        of(&[("authorization", "Bearer none"), ("api-key", "sk-caller")]),
        of(&[("authorization", "Bearer none"), ("api-key", "sk-other")]),
    ];
    for (n, other) in others.iter().enumerate() {
        assert_ne!(*other, mine);
        assert!(!others[..n].contains(other));
    }
}

#[test]
fn an_affinity_tells_sessions_by_its_own_signs_alone() {
    let everything =
        turn(&json!({"user": "me", "prompt_cache_key": "k", "litellm_session_id": "s"}));
    let nothing = json!({});
    let of = |checks: &str, headers: &[(&'static str, &str)], body: &Value| {
        let views = views(&format!(
            "router_settings: {{optional_pre_call_checks: [{checks}]}}"
        ));
        look(&views, Endpoint::ChatCompletions, headers, body).session
    };
    let by = |body: &Value| of("session_affinity", &[KEY], body);
    assert_eq!(by(&everything), by(&json!({"litellm_session_id": "s"})));
    assert_eq!(
        by(&turn(&json!({"user": "me", "prompt_cache_key": "k"}))),
        None
    );

    let by = |body: &Value| of("prompt_caching", &[KEY], body);
    assert_eq!(by(&everything), by(&json!({"prompt_cache_key": "k"})));
    assert!(by(&turn(&json!({}))).is_some());
    assert_eq!(by(&nothing), None);

    let by =
        |headers: &[(&'static str, &str)], body: &Value| of("deployment_affinity", headers, body);
    assert!(by(&[KEY], &nothing).is_some());
    assert_eq!(by(&[KEY], &nothing), by(&[KEY], &everything));
    assert_ne!(
        by(&[("x-api-key", "sk-other")], &nothing),
        by(&[KEY], &nothing)
    );
    assert_eq!(
        by(&[], &everything),
        None,
        "who shows no key is nobody in particular"
    );

    let both = of("deployment_affinity, session_affinity", &[KEY], &everything);
    assert_eq!(both, of("session_affinity", &[KEY], &everything));
    for none in ["", "responses_api_deployment_check"] {
        assert_eq!(of(none, &[KEY], &everything), None);
    }
}

#[test]
fn a_request_is_pinned_to_who_made_the_response_it_goes_on_from() {
    let views =
        views("router_settings: {optional_pre_call_checks: [responses_api_deployment_check]}");
    let of = |key: &str, endpoint| {
        let body = json!({"input": "And?", "previous_response_id": "resp_1"});
        look(&views, endpoint, &[("x-api-key", key)], &body)
    };
    let seen = of("sk-caller", Endpoint::Responses);
    assert_eq!(seen.pinned, None);
    let mut remember = seen.remember.unwrap().made_by("d".into());
    assert!(remember.look(&r#"{"id":"resp_1","output":[]}"#.into()));

    let pinned = |key| of(key, Endpoint::Responses).pinned;
    assert_eq!(pinned("sk-caller"), Some(Pinned(DeploymentId::from("d"))));
    assert_eq!(pinned("sk-other"), None, "a response is its caller's own");
    let elsewhere = of("sk-caller", Endpoint::ChatCompletions);
    assert!(elsewhere.pinned.is_none() && elsewhere.remember.is_none());
}

#[test]
fn a_prompt_is_measured_where_it_may_be_too_long() {
    let checked = views("router_settings: {enable_pre_call_checks: true}");
    let tokens = |views: &Views, endpoint, body: &Value| {
        let needs = look(views, endpoint, &[KEY], body).needs?;
        Some((needs.input_tokens?, needs.least_input_tokens?))
    };
    let text = |bytes: usize| json!({"messages": [{"role": "user", "content": "x".repeat(bytes)}]});
    for (bytes, wanted) in [
        (200, None),
        // The body is longer than the prompt.
        (380, Some((95, 47))),
        (400, Some((100, 50))),
        (804, Some((201, 100))),
        (80_000, Some((20_000, 10_000))),
    ] {
        let found = tokens(&checked, Endpoint::ChatCompletions, &text(bytes));
        assert_eq!(found, wanted, "{bytes}");
    }
    let image = json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "x".repeat(80_000)}},
    ]}]});
    assert_eq!(
        tokens(&checked, Endpoint::ChatCompletions, &image),
        Some((0, 0))
    );
    let many = json!({"input": vec!["x".repeat(400); 100]});
    assert_eq!(tokens(&checked, Endpoint::Embeddings, &many), None);
    assert_eq!(
        tokens(&views(""), Endpoint::ChatCompletions, &text(80_000)),
        None
    );
}

#[test]
fn regions_and_tags_are_looked_at_where_they_are_configured_or_asked_for() {
    let eu = json!({"allowed_model_region": "eu", "tags": ["a"]});
    let needs = |rest: &str, body: &Value| {
        look(&views(rest), Endpoint::ChatCompletions, &[KEY], body).needs
    };
    let checks = "router_settings: {enable_pre_call_checks: true}";
    assert_eq!(needs(checks, &eu).unwrap().region.as_deref(), Some("eu"));
    assert_eq!(needs("", &eu), None);
    let tags = "router_settings: {enable_tag_filtering: true}";
    assert!(needs(tags, &eu).unwrap().tags.is_some());
    let asked = json!({"enable_tag_filtering": true});
    assert!(needs("", &asked).unwrap().tags.is_some());
    let declined = json!({"enable_tag_filtering": false});
    assert!(needs(tags, &declined).unwrap().tags.is_some());

    let open = "model_list: [{model_name: g, litellm_params: {model: openai/g}, model_info: \
                {enable_tag_filtering: true, allow_fail_open: true}}]\n\
                router_settings: {tag_routing_prefix: 'route:'}";
    let open = Views::of(&Config::parse(open, "config.yaml").unwrap().config);
    let asked = json!({"tags": ["route:a"]});
    let seen = look(&open, Endpoint::ChatCompletions, &[], &asked);
    let wanted = Tags::new(["a"], TagMatch::Any).fail_open(true);
    assert_eq!(seen.needs.unwrap().tags, Some(wanted));

    let text = "\
model_list:
  - {model_name: does, litellm_params: {model: openai/g}, model_info: {enable_tag_filtering: true}}
  - {model_name: does-not, litellm_params: {model: openai/g}}
  - {model_name: does-not, litellm_params: {model: openai/h}, model_info: {enable_tag_filtering: false}}
";
    for (router, on, off) in [("", true, false), (tags, true, false)] {
        let config = Config::parse(&format!("{text}{router}"), "config.yaml").unwrap();
        let views = Views::of(&config.config);
        for (group, wanted) in [("does", on), ("does-not", off)] {
            let body = json_body(&json!({}));
            let seen = views.look(&group.into(), Endpoint::Messages, &headers(&[]), &body);
            assert_eq!(seen.needs.is_some(), wanted, "{group} {router}");
        }
    }
}
