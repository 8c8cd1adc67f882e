use super::*;
use crate::ErrorObject;

#[test]
fn it_finds_what_a_gateway_must_know() {
    let body = json_body(
        r#" { "messages" : [{"role":"user","content":"{\"model\":\"no\"}"}], "model" : "gpt-4o",
            "stream":true, "stream_options": {"x": 1, "include_usage": false}, "max_tokens": 7 } "#,
    );
    assert_eq!(body.model(), Some("gpt-4o"));
    assert!(body.stream());
    assert_eq!(body.include_usage(), Some(false));
    assert_eq!(body.max_tokens(), Some(7));
}

#[test]
fn speech_asks_for_a_stream_of_events_in_words_of_its_own() {
    for (body, stream) in [
        (r#"{"stream_format":"sse"}"#, true),
        (r#"{"stream_format":"sse","stream":false}"#, true),
        (r#"{"stream_format":"audio"}"#, false),
        (r#"{"stream_format":null}"#, false),
        (r#"{"stream_format":{"type":"sse"}}"#, false),
    ] {
        assert_eq!(json_body(body).stream(), stream, "{body}");
    }
}

#[test]
fn null_stands_for_absent() {
    let body = json_body(
        r#"{"model":null,"stream":null,"stream_options":null,"max_tokens":null,"timeout":null,"tags":null}"#,
    );
    assert_eq!(body.model(), None);
    assert!(!body.stream());
    assert_eq!((body.include_usage(), body.max_tokens()), (None, None));
    assert_eq!(body.params().keys().count(), 0);
    assert_eq!(
        spliced(&body, "m"),
        r#"{"model":"m","stream":null,"stream_options":null,"max_tokens":null}"#
    );
    assert_eq!(
        json_body(r#"{"stream_options":{"include_usage":null}}"#).include_usage(),
        None
    );
}

#[test]
fn the_newest_name_of_the_token_limit_counts() {
    for (limits, wanted) in [
        (
            r#"{"max_tokens":1,"max_output_tokens":2,"max_completion_tokens":3}"#,
            Some(3),
        ),
        (r#"{"max_tokens":1,"max_output_tokens":2}"#, Some(2)),
        (r#"{"max_tokens":1,"max_completion_tokens":null}"#, Some(1)),
        (r#"{"max_tokens":-1}"#, None),
        (r#"{"max_tokens":99999999999999999999}"#, Some(u64::MAX)),
    ] {
        assert_eq!(json_body(limits).max_tokens(), wanted, "{limits}");
    }
}

#[test]
fn a_model_is_replaced_where_it_stands() {
    let body = json_body("{ \"a\" : 1.0e0 ,\n\"model\" : \"gpt\\u002d4o\" , \"b\" : [ ] }");
    assert_eq!(body.model(), Some("gpt-4o"));
    assert_eq!(
        spliced(&body, "say \"\\\u{1}é\""),
        "{ \"a\" : 1.0e0 ,\n\"model\" : \"say \\\"\\\\\\u0001é\\\"\" , \"b\" : [ ] }"
    );
}

#[test]
fn a_model_is_added_where_none_stands() {
    assert_eq!(spliced(&json_body("{}"), "m"), r#"{"model":"m"}"#);
    assert_eq!(spliced(&json_body(" { } "), "m"), r#" {"model":"m" } "#);
    assert_eq!(
        spliced(&json_body(r#"{"a":1}"#), "m"),
        r#"{"model":"m","a":1}"#
    );
    assert_eq!(
        spliced(&json_body(r#"{"tags":[]}"#), "m"),
        r#"{"model":"m"}"#
    );
    assert_eq!(
        spliced(&json_body(r#"{"tags":[],"a":1}"#), "m"),
        r#"{"model":"m","a":1}"#
    );
}

#[test]
fn our_own_parameters_go_with_one_comma_each_wherever_they_stand() {
    for (came, goes) in [
        (r#"{"timeout":1,"model":"a"}"#, r#"{"model":"m"}"#),
        (r#"{"model":"a","timeout":1}"#, r#"{"model":"m"}"#),
        (r#"{"timeout":1,"tags":[],"model":"a"}"#, r#"{"model":"m"}"#),
        (
            r#"{"model":"a" , "timeout":1 , "tags":[] }"#,
            r#"{"model":"m" }"#,
        ),
        (
            r#"{"timeout":1, "model":"a", "tags":[], "b":2, "priority":3}"#,
            r#"{"model":"m", "b":2}"#,
        ),
        (
            r#"{ "timeout" : 1 , "model" : "a" }"#,
            r#"{ "model" : "m" }"#,
        ),
        (r#"{"time\u006fut":1,"model":"a"}"#, r#"{"model":"m"}"#),
    ] {
        assert_eq!(spliced(&json_body(came), "m"), goes, "{came}");
    }
}

#[test]
fn a_member_that_is_spelled_like_the_path_to_the_tags_is_not_ours() {
    let body = json_body(r#"{"model":"a","metadata.tags":["x"]}"#);
    assert!(body.params().raw(OwnKey::MetadataTags).is_none());
    assert_eq!(
        spliced(&body, "m"),
        r#"{"model":"m","metadata.tags":["x"]}"#
    );
}

#[test]
fn tags_in_the_metadata_are_ours_when_they_are_a_list() {
    let body = json_body(r#"{"model":"a","metadata":{"tags":["x"],"trace":"1"},"timeout":5}"#);
    assert_eq!(body.params().raw(OwnKey::MetadataTags).unwrap(), r#"["x"]"#);
    assert_eq!(
        spliced(&body, "m"),
        r#"{"model":"m","metadata":{"trace":"1"}}"#
    );

    for kept in [
        r#"{"model":"m","metadata":{"tags":"x"}}"#,
        r#"{"model":"m","metadata":"x"}"#,
    ] {
        assert_eq!(spliced(&json_body(kept), "m"), kept);
        assert_eq!(json_body(kept).params().keys().count(), 0);
    }
}

#[test]
fn our_own_parameters_have_their_types() {
    let body = json_body(
        r#"{"num_retries":3,"request_timeout":2,"stream_timeout":0.5,"mock_response":"h\u0069",
            "mock_testing_rate_limit_error":true,"mock_timeout":false,"mock_delay":1e-1,
            "fallbacks": [ "b", {"model": "c"} ]}"#,
    );
    let params = body.params();
    assert_eq!(params.num_retries(), Some(3));
    assert_eq!(params.timeout(), Some(Duration::from_secs(2)));
    assert_eq!(params.stream_timeout(), Some(Duration::from_millis(500)));
    assert_eq!(params.mock_response(), Some("hi"));
    assert_eq!(params.mock_delay(), Some(Duration::from_millis(100)));
    assert!(params.flag(OwnKey::MockTestingRateLimitError));
    assert!(!params.flag(OwnKey::MockTimeout));
    assert_eq!(
        params.raw(OwnKey::Fallbacks).unwrap(),
        r#"[ "b", {"model": "c"} ]"#
    );
    assert_eq!(params.raw(OwnKey::NumRetries).unwrap(), "3");
    assert_eq!(params.raw(OwnKey::ApiKey), None);
    let gated = params.keys().filter(|key| key.is_mock_testing());
    assert_eq!(gated.count(), 3);

    let timeouts = json_body(r#"{"timeout":1,"request_timeout":2,"stream_timeout":0}"#);
    assert_eq!(timeouts.params().timeout(), Some(Duration::from_secs(1)));
    assert_eq!(
        timeouts.params().stream_timeout(),
        None,
        "0 stands for absent"
    );
}

#[test]
fn a_parameter_that_comes_twice_is_refused() {
    for (body, param, offset) in [
        (r#"{"model":"a","model":"a"}"#, "model", 13),
        (r#"{"model":"a","mod\u0065l":"b"}"#, "model", 13),
        (r#"{"model":null,"model":"b"}"#, "model", 14),
        (r#"{"timeout":1,"timeout":1}"#, "timeout", 13),
        (
            r#"{"stream_options":{"include_usage":true,"include_usage":true}}"#,
            "stream_options.include_usage",
            40,
        ),
        (r#"{"metadata":{"tags":[],"tags":[]}}"#, "metadata.tags", 23),
    ] {
        let invalid = refused(body);
        assert_eq!(invalid.code(), "duplicate_parameter", "{body}");
        assert_eq!(
            (invalid.param(), invalid.offset()),
            (Some(param), offset),
            "{body}"
        );
    }
    assert_eq!(
        json_body(r#"{"model":"a","x":{"model":"b"},"y":1,"y":2}"#).model(),
        Some("a")
    );
}

#[test]
fn a_wrong_type_or_value_is_refused_with_what_would_be_right() {
    for (body, message) in [
        (
            r#"{"model":1}"#,
            "`model` must be a string, not a number (at byte 9)",
        ),
        (
            r#"{"model": ["a"]}"#,
            "`model` must be a string, not an array (at byte 10)",
        ),
        (
            r#"{"model":"\ud83d"}"#,
            "`model` must be Unicode text (at byte 9)",
        ),
        (
            r#"{"stream":"true"}"#,
            "`stream` must be a boolean, not a string (at byte 10)",
        ),
        (
            r#"{"stream_options":[]}"#,
            "`stream_options` must be an object, not an array (at byte 18)",
        ),
        (
            r#"{"max_tokens":1.5}"#,
            "`max_tokens` must be a whole number (at byte 14)",
        ),
        (
            r#"{"max_tokens":"9"}"#,
            "`max_tokens` must be a number, not a string (at byte 14)",
        ),
        (
            r#"{"num_retries":-1}"#,
            "`num_retries` must be a whole number from 0 to 4294967295 (at byte 15)",
        ),
        (
            r#"{"timeout":-1}"#,
            "`timeout` must be a number of seconds, 0 or more (at byte 11)",
        ),
        (
            r#"{"timeout":1e999}"#,
            "`timeout` must be a number of seconds, 0 or more (at byte 11)",
        ),
        (
            r#"{"mock_timeout":1}"#,
            "`mock_timeout` must be a boolean, not a number (at byte 16)",
        ),
        (
            "[]",
            "the request body must be a JSON object, not an array (at byte 0)",
        ),
        (
            r#"{"model":"a"} x"#,
            "the request body is not valid JSON: expected nothing after the end of the object (at byte 14)",
        ),
        (
            "",
            "the request body is not valid JSON: expected a value (at byte 0)",
        ),
    ] {
        assert_eq!(refused(body).to_string(), message);
    }
    let invalid = RequestBody::json(Bytes::from_static(b"{\"a\":\"\xff\"}")).unwrap_err();
    assert_eq!((invalid.code(), invalid.offset()), ("invalid_json", 6));
}

#[test]
fn a_refusal_is_an_error_object_that_names_the_parameter() {
    let error = ErrorObject::from(refused(r#"{"model":1}"#));
    assert_eq!(error.kind(), "invalid_request_error");
    assert_eq!(
        (error.param(), error.code()),
        (Some("model"), Some("invalid_type"))
    );
}

#[test]
fn what_is_not_read_passes_as_it_is_odd_or_not() {
    let odd = r#"{"model":"m","a":"\ud83d","a":1E400,"":-0.0,"messages":[{"model":1}]}"#;
    assert_eq!(spliced(&json_body(odd), "m"), odd);
}

#[test]
fn what_is_the_providers_goes_out_as_it_came_and_what_is_ours_does_not() {
    let body = json_body(
        r#"{"model":"a","user":"u","prompt_cache_key":"k","previous_response_id":"r","litellm_session_id":"s","allowed_model_region":"eu","enable_tag_filtering":true,"metadata":{"session_id":"s","user_id":"u"}}"#,
    );
    assert_eq!(body.params().allowed_model_region(), Some("eu"));
    assert!(body.params().flag(OwnKey::EnableTagFiltering));
    assert_eq!(
        spliced(&body, "b"),
        r#"{"model":"b","user":"u","prompt_cache_key":"k","previous_response_id":"r","metadata":{"session_id":"s","user_id":"u"}}"#
    );
}
