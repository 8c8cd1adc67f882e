//! No request comes to more attempts than its plan: that which is printed for its group, by what the request
//! asks for itself.

use crate::{ask, chat, gateway, header, post, rig::run};
use bytes::Bytes;
use headworks::RequestPlan;
use headworks_upstream::{Answer, Received, Upstream, openai};
use http::Request;
use http_body_util::{BodyExt, Full};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};
use std::{cell::Cell, fmt::Write};

/// The groups of which there are deployments, and a name that nobody knows.
const GROUPS: [&str; 3] = ["a", "b", "c"];
const UNKNOWN: &str = "nobody-knows";

/// What is wrong with a deployment, each at random: some parameters, and how it is simulated.
const FAULTS: [(&str, &str); 12] = [
    ("", r#"latency_ms: 10, errors: { "500": 1.0 }"#),
    ("", r#"latency_ms: 10, errors: { "429": 0.7 }"#),
    ("", r#"latency_ms: 10, errors: { "401": 0.5 }"#),
    ("", r#"latency_ms: 10, errors: { "503": 0.5, "408": 0.5 }"#),
    ("", r#"latency_ms: 10, errors: { "400": 0.3, "500": 0.5 }"#),
    ("", r#"latency_ms: 10, errors: { "404": 0.5 }"#),
    // Silence before the head, and after it.
    ("timeout: 0.2, ", "latency_ms: 60000"),
    ("timeout: 0.2, ", "latency_ms: 10, first_token_ms: 60000"),
    // The connection breaks; the content is refused; the prompt is too long.
    ("mock_response: litellm.APIConnectionError, ", ""),
    ("mock_response: 'Exception: content_filter_policy', ", ""),
    ("mock_response: litellm.ContextWindowExceededError, ", ""),
    ("", "latency_ms: 10"),
];

#[derive(Clone, Debug)]
struct Case {
    /// The group of each deployment, its fault, its `num_retries`, and whether it breaks streams off.
    deployments: Vec<(usize, usize, Option<u32>, bool)>,
    num_retries: u32,
    /// Of rate limits, of server faults, of everything else.
    retry_policy: [Option<u32>; 3],
    group_policy: Option<(usize, u32)>,
    /// Which groups follow which, in the order of the alphabet, so that there is no circle.
    fallbacks: [bool; 3],
    context_fallbacks: bool,
    content_fallbacks: bool,
    default_fallbacks: bool,
    max_fallbacks: u32,
    cooldowns: bool,
    requests: Vec<Asked>,
}

/// One request. Groups are counted, and the last is one that nobody knows.
#[derive(Clone, Debug)]
struct Asked {
    group: usize,
    num_retries: Option<u32>,
    stream: bool,
    mock: usize,
    /// Of `fallbacks`, `context_window_fallbacks`, `content_policy_fallbacks`.
    lists: [Option<Own>; 3],
    max_fallbacks: Option<u32>,
    disable_fallbacks: bool,
}

/// A list of fallbacks that a request brings.
#[derive(Clone, Debug)]
enum Own {
    /// Names, and objects where it is true.
    To(Vec<(usize, bool)>),
    /// Maps from one group to others.
    Table(Vec<(usize, Vec<usize>)>),
}

fn case() -> impl Strategy<Value = Case> {
    let retries = || prop::option::weighted(0.3, 0..5_u32);
    let deployment = (0..3_usize, 0..FAULTS.len(), retries(), any::<bool>());
    let settings = (
        0..4_u32,
        [retries(), retries(), retries()],
        prop::option::of((0..3_usize, 0..5_u32)),
        any::<[bool; 3]>(),
        any::<[bool; 4]>(),
        0..4_u32,
    );
    (
        prop::collection::vec(deployment, 1..6),
        settings,
        prop::collection::vec(asked(), 1..12),
    )
        .prop_map(|(deployments, settings, requests)| {
            let (num_retries, retry_policy, group_policy, fallbacks, flags, max_fallbacks) =
                settings;
            Case {
                deployments,
                num_retries,
                retry_policy,
                group_policy,
                fallbacks,
                context_fallbacks: flags[0],
                content_fallbacks: flags[1],
                default_fallbacks: flags[2],
                max_fallbacks,
                cooldowns: flags[3],
                requests,
            }
        })
}

fn asked() -> impl Strategy<Value = Asked> {
    let retries = prop::option::weighted(0.4, prop_oneof![3 => 0..5_u32, 1 => 9..13_u32]);
    let list = || {
        let to = prop::collection::vec((0..4_usize, any::<bool>()), 0..5);
        let table =
            prop::collection::vec((0..4_usize, prop::collection::vec(0..4_usize, 0..4)), 1..4);
        prop::option::weighted(
            0.3,
            prop_oneof![to.prop_map(Own::To), table.prop_map(Own::Table)],
        )
    };
    (
        0..4_usize,
        retries,
        any::<bool>(),
        0..8_usize,
        [list(), list(), list()],
        prop::option::weighted(0.2, 0..4_u32),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(group, num_retries, stream, mock, lists, max_fallbacks, disable_fallbacks)| Asked {
                group,
                num_retries,
                stream,
                mock,
                lists,
                max_fallbacks,
                disable_fallbacks,
            },
        )
}

fn name(group: usize) -> &'static str {
    GROUPS.get(group).copied().unwrap_or(UNKNOWN)
}

impl Own {
    fn json(&self) -> Value {
        let target = |&(group, as_object): &(usize, bool)| match as_object {
            // What it says of retries is said too late: the plan is made.
            true => json!({ "model": name(group), "seed": 7, "num_retries": 9 }),
            false => name(group).into(),
        };
        match self {
            Self::To(groups) => groups.iter().map(target).collect(),
            Self::Table(entries) => {
                let entry = |(of, to): &(usize, Vec<usize>)| {
                    let to: Vec<_> = to.iter().map(|group| name(*group)).collect();
                    // For every other, in the place of the one that nobody knows.
                    let of = GROUPS.get(*of).copied().unwrap_or("*");
                    json!({ of: to })
                };
                entries.iter().map(entry).collect()
            }
        }
    }
}

impl Asked {
    fn request(&self) -> Request<Full<Bytes>> {
        post("/v1/chat/completions", &self.body())
    }

    fn body(&self) -> String {
        let mut body = Map::new();
        body.insert("model".into(), name(self.group).into());
        body.insert(
            "messages".into(),
            json!([{ "role": "user", "content": "Hello" }]),
        );
        body.insert("stream".into(), self.stream.into());
        if let Some(number) = self.num_retries {
            body.insert("num_retries".into(), number.into());
        }
        if let Some(max) = self.max_fallbacks {
            body.insert("max_fallbacks".into(), max.into());
        }
        if self.disable_fallbacks {
            body.insert("disable_fallbacks".into(), true.into());
        }
        let mocks = [
            "mock_testing_context_fallbacks",
            "mock_testing_content_policy_fallbacks",
            "mock_testing_fallbacks",
            "mock_testing_rate_limit_error",
        ];
        if let Some(mock) = mocks.get(self.mock) {
            body.insert((*mock).into(), true.into());
        }
        let keys = [
            "fallbacks",
            "context_window_fallbacks",
            "content_policy_fallbacks",
        ];
        for (key, list) in keys.iter().zip(&self.lists) {
            if let Some(list) = list {
                body.insert((*key).into(), list.json());
            }
        }
        Value::Object(body).to_string()
    }
}

impl Case {
    fn config(&self) -> String {
        let mut text = String::from("model_list:\n");
        // Each group has one at least, so that every fallback leads somewhere.
        let given = self.deployments.iter().copied();
        let all = given.chain((0..3).map(|group| (group, 0, None, false)));
        for (at, (group, fault, num_retries, cut)) in all.enumerate() {
            let retries = num_retries.map_or(String::new(), |n| format!("num_retries: {n}, "));
            let cut = if cut { "0.5" } else { "0" };
            let (params, simulated) = FAULTS[fault];
            writeln!(
                text,
                "- {{ model_name: {}, litellm_params: {{ model: simulated/x, {retries}{params}simulated: \
                 {{ answer_tokens: 2, seed: {at}, cut_rate: {cut}, {simulated} }} }}, model_info: {{ id: d{at} }} }}",
                GROUPS[group],
            )
            .unwrap();
        }
        let [rate_limit, server, default] = self.retry_policy;
        let classes = [
            ("RateLimitErrorRetries", rate_limit),
            ("InternalServerErrorRetries", server),
            ("DefaultRetries", default),
        ];
        let classes = classes
            .iter()
            .filter_map(|(name, number)| Some((name, (*number)?)));
        let classes: Vec<_> = classes.map(|(name, n)| format!("{name}: {n}")).collect();
        let group = self.group_policy.map_or(String::new(), |(group, number)| {
            format!(
                "{}: {{ ServiceUnavailableErrorRetries: {number} }}",
                GROUPS[group]
            )
        });
        let lists = [("a", "[b]"), ("b", "[c]"), ("a", "[c, b]")];
        let lists = lists.iter().zip(self.fallbacks).filter(|(_, on)| *on);
        let lists: Vec<_> = lists
            .map(|((of, to), _)| format!("{{ {of}: {to} }}"))
            .collect();
        let or_none = |on: bool, list| if on { list } else { "[]" };
        writeln!(
            text,
            "router_settings:\n  num_retries: {}\n  retry_policy: {{ {} }}\n  model_group_retry_policy: {{ {group} }}\n  \
             fallbacks: [{}]\n  context_window_fallbacks: {}\n  content_policy_fallbacks: {}\n  default_fallbacks: {}\n  max_fallbacks: {}\n  disable_cooldowns: {}",
            self.num_retries,
            classes.join(", "),
            lists.join(", "),
            or_none(self.context_fallbacks, "[{ b: [a] }]"),
            or_none(self.content_fallbacks, "[{ a: [c] }, { b: [c, a] }]"),
            or_none(self.default_fallbacks, "[c, b]"),
            self.max_fallbacks,
            !self.cooldowns,
        )
        .unwrap();
        text
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_request_comes_to_more_attempts_than_its_plan(case in case()) {
        let config = case.config();
        run(&config, async |gateway, mut rig| {
            for asked in &case.requests {
                let body = asked.body();
                let told = || format!("of {body} in\n{config}");
                let plan = gateway.plan_of(&asked.request().map(|_| body.clone().into()));
                let plan: RequestPlan = plan.unwrap();
                let before = rig.sent();
                let response = ask(&gateway, asked.request()).await;
                let number = |name| header(&response, name).parse().unwrap_or(0);
                let retries: u32 = number("x-litellm-attempted-retries");
                let fallbacks: u32 = number("x-litellm-attempted-fallbacks");
                let attempts = header(&response, "x-headworks-attempts").split(", ").filter(|it| !it.is_empty()).count();
                drop(response.into_body().collect().await);
                let sent = rig.sent() - before;
                prop_assert_eq!(sent, attempts as u64, "what is told {}", told());
                prop_assert!(sent <= plan.attempts().into(), "{} attempts for {:?} {}", sent, plan, told());
                prop_assert!(retries <= plan.retries(), "{} retries for {:?} {}", retries, plan, told());
                prop_assert!(fallbacks <= plan.fallbacks(), "{} fallbacks for {:?} {}", fallbacks, plan, told());
                let says_nothing = asked.lists.iter().all(Option::is_none)
                    && asked.max_fallbacks.is_none()
                    && !asked.disable_fallbacks;
                if let Some(printed) = gateway.plan(name(asked.group)).filter(|_| says_nothing) {
                    let granted = asked.num_retries.map(|number| number.min(10));
                    prop_assert_eq!(plan.attempts(), printed.attempts(granted), "{}", told());
                }
            }
            Ok(())
        })?;
    }
}

/// What the simulated provider cannot do: to each of these it takes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Good,
    Status(u16),
    /// The content policy has withheld the answer, and a 200 says so.
    Withheld,
    /// An error in a 200, before anything else.
    InBand,
    Reset,
    HangUp,
    Silence,
}

// ===== impl Wire =====

impl Wire {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            1 => Just(Self::Good),
            1 => prop_oneof![Just(Self::Status(500)), Just(Self::Status(429))],
            3 => Just(Self::Withheld),
            2 => Just(Self::InBand),
            1 => Just(Self::Reset),
            1 => Just(Self::HangUp),
            1 => Just(Self::Silence),
        ]
    }

    fn answer(self, request: &Received) -> Answer {
        let streamed = request.json()["stream"] == true;
        match self {
            Self::Good => openai::good(request),
            Self::Status(status) => openai::error(status, "server_error", "no room"),
            Self::Withheld => {
                let choice = json!([{ "index": 0, "finish_reason": "content_filter", "delta": {},
                    "message": { "role": "assistant", "content": "" } }]);
                Self::said(json!({ "model": "x", "choices": choice }), streamed)
            }
            Self::InBand => {
                let error = json!({ "type": "server_error", "code": 500, "message": "no room" });
                Self::said(json!({ "error": error }), streamed)
            }
            Self::Reset => Answer::reset(),
            Self::HangUp => Answer::hang_up(),
            Self::Silence => Answer::silence(),
        }
    }

    fn said(what: Value, streamed: bool) -> Answer {
        match streamed {
            true => Answer::sse([openai::event(&what)]).chunk("data: [DONE]\n\n"),
            false => Answer::json(what),
        }
    }
}

/// Two deployments of a group and two of the one it falls back to, for content and for all else: with one retry in
/// each nobody is asked twice by one request, so that nobody is waited for on a clock that goes.
#[test]
fn what_comes_over_a_socket_keeps_to_the_plan_too() {
    let faults = [Wire::any(), Wire::any(), Wire::any(), Wire::any()];
    let case = (faults, any::<[bool; 2]>(), 0..2_u32);
    // Requests of which the first answer was so, and not the last.
    let (withheld, in_band) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let tried = runner.run(&case, |(faults, lists, num_retries)| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let upstreams = Upstream::start_many(faults.len()).await;
            let mut config = String::from("model_list:\n");
            for (at, (fault, upstream)) in faults.into_iter().zip(&upstreams).enumerate() {
                upstream.answer_with(move |request| fault.answer(request));
                let (group, url) = (GROUPS[at / 2], upstream.base_url());
                writeln!(
                    config,
                    "- {{ model_name: {group}, litellm_params: {{ model: openai/x, api_base: '{url}/v1', api_key: none, timeout: 0.2 }}, model_info: {{ id: d{at} }} }}",
                )
                .unwrap();
            }
            let list = |on: bool| if on { "[{ a: [b] }]" } else { "[]" };
            writeln!(
                config,
                "router_settings: {{ num_retries: {num_retries}, disable_cooldowns: true, fallbacks: {}, content_policy_fallbacks: {} }}",
                list(lists[0]),
                list(lists[1]),
            )
            .unwrap();
            let gateway = gateway(&config);
            for stream in ["", "\"stream\":true,"] {
                let request = chat("a", stream);
                let body = request.clone().into_body().collect().await.unwrap();
                let plan = gateway.plan_of(&request.clone().map(|_| body.to_bytes()));
                let plan: RequestPlan = plan.unwrap();
                let calls = || upstreams.iter().map(|it| it.seen().requests).sum::<usize>();
                let before = calls();
                let response = ask(&gateway, request).await;
                let number = |name| header(&response, name).parse().unwrap_or(0_u32);
                let retries = number("x-litellm-attempted-retries");
                let fallbacks = number("x-litellm-attempted-fallbacks");
                let told = header(&response, "x-headworks-attempts").to_owned();
                drop(response.into_body().collect().await);
                let sent = calls() - before;
                let seen = || format!("{told} of {plan:?} for {faults:?} {stream} in\n{config}");
                prop_assert_eq!(sent, told.split(", ").count(), "{}", seen());
                prop_assert!(sent <= plan.attempts() as usize, "{}", seen());
                prop_assert!(retries <= plan.retries(), "{}", seen());
                prop_assert!(fallbacks <= plan.fallbacks(), "{}", seen());
                let first = faults.iter().enumerate().find(|(at, _)| told.starts_with(&format!("d{at}=")));
                let counted = match first.map(|(_, fault)| fault) {
                    Some(Wire::Withheld) if sent > 1 => &withheld,
                    Some(Wire::InBand) if sent > 1 => &in_band,
                    _ => continue,
                };
                counted.update(|count| count + 1);
            }
            Ok(())
        })
    });
    tried.unwrap();
    assert!(
        withheld.get() > 0 && in_band.get() > 0,
        "{withheld:?} {in_band:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_longest_plan_is_come_to_and_not_exceeded() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: a, litellm_params: { model: simulated/x, num_retries: 3, simulated: { errors: { "500": 1.0 } } } }
  - { model_name: a, litellm_params: { model: simulated/y, num_retries: 3, simulated: { errors: { "500": 1.0 } } } }
  - { model_name: b, litellm_params: { model: simulated/z, simulated: { errors: { "500": 1.0 } } } }
router_settings: { num_retries: 1, fallbacks: [{ a: [b] }], disable_cooldowns: true }
"#,
    );
    // Nobody waits in the first group, once both have failed; the last is asked once more.
    for (more, retries, attempts) in [
        ("", "2", 4),
        ("\"num_retries\":1,", "1", 3),
        ("\"num_retries\":0,", "0", 2),
    ] {
        let response = ask(&gateway, chat("a", more)).await;
        assert_eq!(response.status(), 500);
        assert_eq!(header(&response, "x-litellm-attempted-retries"), retries);
        let told = header(&response, "x-headworks-attempts");
        assert_eq!(told.split(", ").count(), attempts, "{told}");
    }
    // Without a fallback that is sooner asked than waited for, a deployment's own number is used up.
    let response = ask(&gateway, chat("a", "\"disable_fallbacks\":true,")).await;
    assert_eq!(header(&response, "x-litellm-attempted-retries"), "3");
    assert_eq!(header(&response, "x-litellm-max-retries"), "3");
}

#[tokio::test(start_paused = true)]
async fn so_is_that_of_a_request_with_fallbacks_of_its_own_and_of_a_name_that_nobody_knows() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: a, litellm_params: { model: simulated/x, simulated: { errors: { "500": 1.0 } } } }
  - { model_name: b, litellm_params: { model: simulated/y, num_retries: 4, simulated: { errors: { "500": 1.0 } } } }
  - { model_name: b, litellm_params: { model: simulated/z, num_retries: 4, simulated: { errors: { "500": 1.0 } } } }
router_settings: { num_retries: 1, default_fallbacks: [b], disable_cooldowns: true }
"#,
    );
    let own = r#""fallbacks":["gone",{"model":"b","seed":1}],"#;
    for (group, more, attempts) in [
        ("a", "\"fallbacks\":[],", 2),
        ("a", own, 6),
        (UNKNOWN, "", 5),
        (UNKNOWN, "\"num_retries\":2,", 3),
        (UNKNOWN, "\"fallbacks\":[\"a\"],", 2),
        (UNKNOWN, "\"disable_fallbacks\":true,", 0),
    ] {
        let request = chat(group, more);
        let body = request.clone().into_body().collect().await.unwrap();
        let plan = gateway
            .plan_of(&request.clone().map(|_| body.to_bytes()))
            .unwrap();
        let response = ask(&gateway, request).await;
        let told = header(&response, "x-headworks-attempts");
        let told = told.split(", ").filter(|it| !it.is_empty()).count();
        assert_eq!(
            (plan.attempts() as usize, told),
            (attempts, attempts),
            "{group} {more}"
        );
    }
}
