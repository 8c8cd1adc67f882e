//! No secret is printed, whatever is wrong around it.

use super::*;
use headworks_config::Problem;

/// A secret in every place that takes one.
const SECRETS: &str = r#"
environment_variables: {SOME_KEY: canary-1}   # canary-2
credential_list: [{credential_name: c, credential_values: {api_key: canary-3}}]
model_list:
  - model_name: a
    litellm_params:
      model: azure/a
      api_base: https://user:canary-4@example.com/?sig=canary-5
      api_key: canary-6
      extra_headers: {Authorization: Bearer canary-7}
      aws_secret_access_key: canary-8
      api_kye: canary-9
      azure_ad_token: os.environ/SECRET
  - {model_name: b, litellm_params: {model: openai/b, api_key: canary-10, rpm: 7}}
  - model_name: c
    litellm_params:
      model: openai/c
      api_key: canary-11
router_settings: {redis_url: redis://:canary-12@host, redis_password: canary-13, redis_port: 1, cache_kwargs: {db: 1, sentinel_password: canary-17}}
litellm_settings: {cache_params: {password: canary-14}, cache: true}
general_settings: {master_key: canary-15, database_url: postgres://canary-16}
"#;

/// A key of several lines, one by mistake.
const BLOCK: &str = "api_key: |\n        canary-11\n";

/// All that can be printed of the outcome.
fn output(text: &str) -> String {
    let variables = &[("SECRET", "canary-20"), ("NUMBER", "canary-21")];
    match load_with(text, variables) {
        Ok(loaded) => {
            let printed = notices(&loaded).join("\n");
            // Parameters of the upstream's URL are for whoever builds it to hide.
            let debug = format!("{loaded:?}").replace(
                "https://user:canary-4@example.com/?sig=canary-5",
                "api_base",
            );
            format!("{printed}\n{debug}")
        }
        Err(error) => format!("{error}\n{error:?}"),
    }
}

#[test]
fn nothing_secret_is_in_the_notices_of_a_file_nor_in_its_debug_form() {
    let printed = output(SECRETS);
    assert!(printed.contains("did you mean `api_key`?"), "{printed}");
    assert!(!printed.contains("canary"), "{printed}");
}

#[test]
fn nothing_secret_is_shown_when_a_value_is_of_the_wrong_kind() {
    // One thing after the other is made wrong; every line of the file gets its turn.
    let breaks: &[(&str, &str)] = &[
        ("rpm: 7", "rpm: [7]"),
        ("rpm: 7", "rpm: os.environ/NUMBER"),
        ("model: openai/b", "model: [openai/b]"),
        ("model: azure/a", "model: 7"),
        ("https://user:canary-4@", "user:canary-4@"),
        ("api_key: canary-6", "api_key: [canary-6]"),
        ("api_key: canary-6", "api_key: {canary-6: 1}"),
        ("api_key: canary-6", "api_key: <canary-6>"),
        ("api_key: canary-6", "api_key: \"canary-6\\n\""),
        ("{Authorization: Bearer canary-7}", "Bearer canary-7"),
        ("Bearer canary-7", "[canary-7]"),
        ("Bearer canary-7", "\"canary-7\\n\""),
        (
            "litellm_params: {model: openai/b, api_key: canary-10, rpm: 7}",
            "litellm_params: canary-10",
        ),
        (
            "  - model_name: c\n    litellm_params:",
            "  - canary-11\n  - litellm_params:",
        ),
        ("api_key: canary-11", BLOCK),
        ("redis_port: 1", "redis_port: x"),
        ("{db: 1, sentinel_password: canary-17}", "canary-17"),
        ("db: 1", "db: canary-17"),
        (
            "redis_url: redis://:canary-12@host",
            "redis_startup_nodes: [redis://:canary-12@host]",
        ),
        ("redis_password: canary-13", "redis_password: [canary-13]"),
        ("master_key: canary-15", "master_key: [canary-15]"),
        ("master_key: canary-15", "master_key: <your canary-15>"),
        (
            "{master_key: canary-15, database_url: postgres://canary-16}",
            "canary-15",
        ),
        ("{SOME_KEY: canary-1}", "canary-1"),
        ("{SOME_KEY: canary-1}", "{SOME_KEY: [canary-1]}"),
        (
            "{SOME_KEY: canary-1}",
            "{SOME_KEY: canary-1, SOME_KEY: canary-1}",
        ),
        (
            "api_kye: canary-9",
            "api_kye: canary-9\n      api_kye: canary-9",
        ),
        ("api_kye: canary-9", "api_kye: !canary canary-9"),
        ("rpm: 7", "rpm: x, <<: {api_key: canary-22}"),
        ("rpm: 7", "rpm: x, tags: &canary-23 [a]"),
        (
            "  - model_name: a\n    litellm_params:",
            "  model_name: a\n  litellm_params:",
        ),
    ];
    for (from, to) in breaks {
        let text = SECRETS.replacen(from, to, 1);
        assert_ne!(text, SECRETS, "{from} is not there");
        let printed = output(&text).replace("the tag `!canary`", "the tag");
        assert!(printed.contains("error: "), "{to} is fine?");
        assert!(!printed.contains("canary"), "{to}: {printed}");
    }
}

#[test]
fn nothing_secret_is_shown_when_the_file_is_not_yaml() {
    let text = SECRETS.replace("api_key: canary-11", BLOCK);
    for line in 0..text.lines().count() {
        for junk in ["{", "'", "\t- ", ": : ", "@", "*x "] {
            for end in [false, true] {
                let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
                if end {
                    lines[line] += junk;
                } else {
                    lines[line].insert_str(0, junk);
                }
                let printed = output(&lines.join("\n"));
                assert!(!printed.contains("canary"), "{junk}: {printed}");
            }
        }
    }
}

#[test]
fn a_key_with_a_line_break_is_refused_before_it_fails_every_request() {
    let text = SECRETS.replace("api_key: canary-11", BLOCK);
    let error = load(&text.replace("os.environ/SECRET", "x"));
    let error = error.unwrap_err();
    let messages: Vec<_> = error.problems().iter().map(Problem::message).collect();
    assert_eq!(
        messages,
        ["`litellm_params.api_key` has characters no header may have"]
    );
}
