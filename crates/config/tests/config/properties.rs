use super::{fixtures::*, *};
use proptest::prelude::*;

/// A configuration that uses most of what there is.
const BUSY: &str = "\
environment_variables: {HOST: https://example.com}
model_list:
  - &first
    model_name: a
    rpm: 6
    litellm_params: {model: openai/a, api_base: os.environ/HOST, organization: [o, p], tags: [x]}
    model_info: {id: a, max_tokens: 8, owner: {x: [1, 2.5, yes, ~]}}
  - <<: *first
    model_info: {mode: chat}
  - model_name: b
    litellm_params:
      model: simulated/b
      extra_headers: {X-A: b}
      simulated: {latency_ms: 5, errors: {429: 0.5}, seed: 1}
router_settings:
  routing_strategy: latency-based-routing
  model_group_alias: {c: {model: b, hidden: true}, d: c}
  fallbacks: [{a: [b]}]
  default_fallbacks: [b]
  retry_policy: {TimeoutErrorRetries: 0}
  model_group_retry_policy: {d: {RateLimitErrorRetries: 3}}
  allowed_fails_policy: {NotFoundErrorAllowedFails: 1}
  redis_port: '1'
general_settings: {master_key: 'sk-1234', max_request_size_mb: 1.5}
headworks: {total_timeout: 1e3, upstream_http: 1.1, commit: complete, retry_budget: {share: 0.1}, queue: {wait: 5, max: 9}}
";

/// What a slip of the hand leaves behind.
const SCRAPS: [&str; 26] = [
    "",
    " ",
    "\n",
    "\n  ",
    "  ",
    "\t",
    ":",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "'",
    "\"",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!x ",
    "|",
    "~",
    "-1",
    "ü",
    "os.environ/",
];

fn texts() -> impl Strategy<Value = String> {
    let sources = [
        BUSY.to_owned(),
        filled(THREE_DEPLOYMENTS),
        filled(SEVERAL_INSTANCES),
        filled(ALIAS),
        HIDDEN_ALIAS.to_owned(),
    ];
    let edit = (
        any::<prop::sample::Index>(),
        0_usize..12,
        prop::sample::select(&SCRAPS[..]),
    );
    let edits = prop::collection::vec(edit, 1..4);
    (prop::sample::select(sources.to_vec()), edits).prop_map(|(mut text, edits)| {
        for (index, length, scrap) in edits {
            let mut starts: Vec<_> = text.char_indices().map(|(start, _)| start).collect();
            starts.push(text.len());
            let at = index.index(starts.len());
            let end = starts[(at + length).min(starts.len() - 1)];
            text.replace_range(starts[at]..end, scrap);
        }
        text
    })
}

/// What holds of any outcome.
fn check(text: &str) -> Result<(), TestCaseError> {
    match load(text) {
        Ok(loaded) => {
            let config = loaded.config;
            prop_assert!(!config.deployments.is_empty());
            let mut ids: Vec<_> = config
                .deployments
                .iter()
                .map(|one| one.id.clone())
                .collect();
            ids.sort();
            ids.dedup();
            prop_assert_eq!(ids.len(), config.deployments.len(), "ids are unique");
            prop_assert!(
                loaded
                    .notices
                    .iter()
                    .all(|notice| !notice.to_string().is_empty())
            );
        }
        Err(error) => {
            let shown = error.to_string();
            let lines = text.split(['\n', '\r']).count();
            for problem in error.problems() {
                let at = problem.location().expect("the text was read");
                prop_assert!(at.line() <= lines + 1, "{}", shown);
                prop_assert!(!problem.message().is_empty());
            }
            prop_assert!(!error.problems().is_empty());
        }
    }
    Ok(())
}

#[test]
fn the_busy_configuration_is_right() {
    load(BUSY).unwrap_or_else(|error| panic!("{error}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_slip_anywhere_is_either_right_or_told_of(text in texts()) {
        check(&text)?;
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn no_text_of_yaml_punctuation_makes_it_panic(
        text in "(model_list|router_settings|include|[-a1:&*!|> \\[\\]{}<,'\"#?%@~\t\r\n\u{feff}]){0,60}",
    ) {
        check(&text)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn ids_stay_with_their_entries_whatever_the_order_of_the_list(
        // Few values, so that entries meet: some differ in nothing but their weight, some in nothing.
        entries in prop::collection::vec((0..2_u8, 0..2_u8, 0..3_u8), 1..8),
        rotate in any::<prop::sample::Index>(),
    ) {
        let ids = |entries: &[(u8, u8, u8)]| {
            let mut text = "model_list:\n".to_owned();
            for (base, key, weight) in entries {
                text += &format!(
                    "  - {{model_name: g, litellm_params: {{model: openai/g, \
                     api_base: https://{base}.example.com, api_key: k{key}, weight: {weight}}}}}\n"
                );
            }
            let config = load(&text).unwrap().config;
            let ids = config.deployments.iter().map(|one| one.id.to_string());
            let mut ids: Vec<_> = entries.iter().copied().zip(ids).collect();
            ids.sort();
            ids
        };
        let mut turned = entries.clone();
        turned.rotate_left(rotate.index(entries.len()));
        let turned: Vec<_> = turned.into_iter().rev().collect();
        prop_assert_eq!(ids(&entries), ids(&turned));
    }
}

#[test]
fn a_file_cut_anywhere_is_either_right_or_told_of() {
    for text in [BUSY, THREE_DEPLOYMENTS, HIDDEN_ALIAS] {
        for end in text.char_indices().map(|(start, _)| start) {
            check(&text[..end]).unwrap();
        }
    }
}

#[test]
fn a_file_without_any_one_of_its_lines_is_either_right_or_told_of() {
    for text in [BUSY, THREE_DEPLOYMENTS, HIDDEN_ALIAS] {
        let lines: Vec<_> = text.lines().collect();
        for missing in 0..lines.len() {
            let mut lines = lines.clone();
            lines.remove(missing);
            check(&lines.join("\n")).unwrap();
        }
    }
}
