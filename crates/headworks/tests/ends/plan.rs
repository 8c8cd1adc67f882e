//! No request comes to more attempts than the plan that is printed for its group.

use crate::{ask, chat, gateway, header, rig::run};
use http_body_util::BodyExt;
use proptest::prelude::*;
use std::fmt::Write;

const GROUPS: [&str; 3] = ["a", "b", "c"];

/// What a deployment answers with, each at random.
const FAULTS: [&str; 7] = [
    r#""500": 1.0"#,
    r#""429": 0.7"#,
    r#""401": 0.5"#,
    r#""503": 0.5, "408": 0.5"#,
    r#""400": 0.3, "500": 0.5"#,
    r#""404": 0.5"#,
    "",
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
    default_fallbacks: bool,
    max_fallbacks: u32,
    cooldowns: bool,
    /// The group, `num_retries`, `stream`, a mocked failure.
    requests: Vec<(usize, Option<u32>, bool, usize)>,
}

fn case() -> impl Strategy<Value = Case> {
    let retries = || prop::option::weighted(0.3, 0..5_u32);
    let deployment = (0..3_usize, 0..FAULTS.len(), retries(), any::<bool>());
    let request = (0..4_usize, retries(), any::<bool>(), 0..8_usize);
    let settings = (
        0..4_u32,
        [retries(), retries(), retries()],
        prop::option::of((0..3_usize, 0..5_u32)),
        any::<[bool; 3]>(),
        any::<(bool, bool, bool)>(),
        0..4_u32,
    );
    (
        prop::collection::vec(deployment, 1..6),
        settings,
        prop::collection::vec(request, 1..12),
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
                context_fallbacks: flags.0,
                default_fallbacks: flags.1,
                max_fallbacks,
                cooldowns: flags.2,
                requests,
            }
        })
}

impl Case {
    fn config(&self) -> String {
        let mut text = String::from("model_list:\n");
        // Each group has one at least, so that every fallback leads somewhere.
        let given = self.deployments.iter().copied();
        let all = given.chain((0..3).map(|group| (group, 0, None, false)));
        for (at, (group, fault, num_retries, cut)) in all.enumerate() {
            let retries = num_retries.map_or(String::new(), |n| format!("num_retries: {n}, "));
            let cut = if cut { ", cut_rate: 0.5" } else { "" };
            writeln!(
                text,
                "- {{ model_name: {}, litellm_params: {{ model: simulated/x, {retries}simulated: \
                 {{ latency_ms: 10, answer_tokens: 2, seed: {at}, errors: {{ {} }}{cut} }} }}, model_info: {{ id: d{at} }} }}",
                GROUPS[group], FAULTS[fault],
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
             fallbacks: [{}]\n  context_window_fallbacks: {}\n  default_fallbacks: {}\n  max_fallbacks: {}\n  disable_cooldowns: {}",
            self.num_retries,
            classes.join(", "),
            lists.join(", "),
            or_none(self.context_fallbacks, "[{ b: [a] }]"),
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
    fn no_request_comes_to_more_attempts_than_its_groups_plan(case in case()) {
        let config = case.config();
        run(&config, async |gateway, mut rig| {
            for (group, num_retries, stream, mock) in &case.requests {
                let group = GROUPS.get(*group).copied().unwrap_or("nobody-knows");
                let retries = num_retries.map_or(String::new(), |n| format!("\"num_retries\":{n},"));
                let mock = match mock {
                    0 => "\"mock_testing_context_fallbacks\":true,",
                    1 => "\"mock_testing_fallbacks\":true,",
                    2 => "\"mock_testing_rate_limit_error\":true,",
                    _ => "",
                };
                let more = format!("{retries}{mock}\"stream\":{stream},");
                let before = rig.sent();
                let response = ask(&gateway, chat(group, &more)).await;
                let told = header(&response, "x-headworks-attempts").split(", ").filter(|it| !it.is_empty()).count();
                drop(response.into_body().collect().await);
                let sent = rig.sent() - before;
                prop_assert_eq!(sent, told as u64, "what is told");
                let plan = match gateway.plan(group) {
                    Some(plan) => plan.attempts(*num_retries),
                    // Nobody is asked there; the rest is the plan of its fallbacks.
                    None => gateway.plans().iter().map(|plan| plan.attempts(*num_retries)).max().unwrap() + 3,
                };
                prop_assert!(sent <= plan.into(), "{} attempts for {}, of {} in\n{}", sent, group, plan, config);
            }
            Ok(())
        })?;
    }
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
