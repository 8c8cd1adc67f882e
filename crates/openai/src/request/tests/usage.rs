//! How a stream is asked for its usage.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn usage_is_asked_for_where_it_is_absent_and_nothing_else_changes() {
    for (came, goes) in [
        (
            r#"{"model":"a","stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#,
        ),
        (
            r#"{ "stream" : true , "messages":[] }"#,
            r#"{"model":"m","stream_options":{"include_usage":true}, "stream" : true , "messages":[] }"#,
        ),
        (
            r#"{"model":null,"stream":true,"stream_options": null }"#,
            r#"{"model":"m","stream":true,"stream_options": {"include_usage":true} }"#,
        ),
        (
            r#"{"stream_options":{ },"model":"a","stream":true}"#,
            r#"{"stream_options":{"include_usage":true },"model":"m","stream":true}"#,
        ),
        (
            r#"{"model":"a","stream":true,"stream_options":{ "include_obfuscation":false}}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true, "include_obfuscation":false}}"#,
        ),
        (
            r#"{"model":"a","stream_options":{"x":1,"include_usage":null},"stream":true}"#,
            r#"{"model":"m","stream_options":{"x":1,"include_usage":true},"stream":true}"#,
        ),
        // Beside what is cut, in front and behind.
        (
            r#"{"num_retries":1,"stream":true,"timeout":2,"model":"a"}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true,"model":"m"}"#,
        ),
        (
            r#"{"num_retries":1,"stream":true,"stream_options":{},"timeout":2}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
        ),
    ] {
        let body = json_body(came);
        assert_eq!(asking(&body, "m"), (goes.to_owned(), true), "{came}");
    }
}

#[test]
fn who_asks_says_no_does_not_stream_or_must_not_is_left_alone() {
    for came in [
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":false}}"#,
        r#"{"model":"m","stream":false}"#,
        r#"{"model":"m","stream":null,"stream_options":{}}"#,
        r#"{"model":"m"}"#,
        r#"{"model":"m","stream":true,"data_sources":[{"type":"azure_search"}]}"#,
    ] {
        let body = json_body(came);
        assert_eq!(asking(&body, "m"), (came.to_owned(), false), "{came}");
    }
}

#[test]
fn what_is_not_asked_to_ask_does_not() {
    let came = r#"{"model":"m","stream":true,"stream_options":null}"#;
    assert_eq!(spliced(&json_body(came), "m"), came);
}

proptest! {
    #[test]
    fn what_goes_out_is_what_came_in_and_the_question(
        options in prop::option::of(prop_oneof![
            Just(json!(null)),
            Just(json!({})),
            Just(json!({"include_usage": null})),
            Just(json!({"include_obfuscation": true})),
            Just(json!({"a": {"include_usage": false}, "include_usage": null, "b": 1})),
        ]),
        own in any::<bool>(),
        names_model in any::<bool>(),
        order in any::<bool>(),
    ) {
        let mut members = vec![r#""stream":true"#.to_owned()];
        members.extend(options.as_ref().map(|options| format!("\"stream_options\": {options}")));
        members.extend(own.then(|| r#""num_retries" : 3"#.to_owned()));
        members.extend(names_model.then(|| r#""model":"a""#.to_owned()));
        if order {
            members.reverse();
        }
        let (out, asks) = asking(&json_body(&format!("{{{}}}", members.join(" , "))), "m");
        prop_assert!(asks);
        let out: Value = serde_json::from_str(&out).unwrap();
        let mut options = options.filter(|options| !options.is_null()).unwrap_or(json!({}));
        options["include_usage"] = json!(true);
        prop_assert_eq!(out, json!({"model": "m", "stream": true, "stream_options": options}));
    }
}
