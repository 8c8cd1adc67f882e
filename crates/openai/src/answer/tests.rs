use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn usage(body: &[u8], cuts: &[usize]) -> Option<Usage> {
    let mut scanner = Scanner::new();
    let mut at = 0;
    for cut in cuts.iter().copied().chain([body.len()]) {
        if cut > at {
            scanner.feed(&body[at..cut]);
            at = cut;
        }
    }
    assert!(scanner.captured.len() <= MAX_CAPTURE);
    scanner.usage()
}

const WANTED: Option<Usage> = Some(Usage {
    input: 7,
    output: 2,
    total: 9,
    cached_input: 0,
});

#[test]
fn it_finds_the_usage_of_each_kind_of_answer_at_every_cut() {
    let counts = json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9});
    let answers = [
        json!({"object": "chat.completion", "choices": [{"message": {"content": "a \"quoted\\ {[,"}}], "usage": counts}),
        json!({"usage": counts, "object": "text_completion", "choices": []}),
        json!({"object": "response", "output": [{"usage": {"input_tokens": 99}}],
            "usage": {"input_tokens": 7, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2, "total_tokens": 9}}),
        json!({"type": "message", "content": [], "usage": {"input_tokens": 7, "output_tokens": 2}}),
        json!({"results": [], "meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 7, "output_tokens": 2}}}),
    ];
    for answer in answers {
        let body = serde_json::to_vec_pretty(&answer).unwrap();
        for cut in 0..body.len() {
            assert_eq!(usage(&body, &[cut]), WANTED, "{answer} cut at {cut}");
        }
        let every: Vec<usize> = (0..body.len()).collect();
        assert_eq!(usage(&body, &every), WANTED, "{answer} byte by byte");
    }
}

#[test]
fn a_usage_further_in_is_not_that_of_the_answer() {
    for body in [
        r#"{"choices": [{"usage": {"total_tokens": 3}}], "note": "\"usage\": {\"total_tokens\": 3}"}"#,
        r#"{"usages": {"total_tokens": 3}, "usag": {"total_tokens": 3}, "x": "usage", "y": {}}"#,
        r#"[{"usage": {"total_tokens": 3}}]"#,
        r#"{"usage": null, "data": {"total_tokens": 3}}"#,
        r#"{"usage": [{"total_tokens": 3}]}"#,
    ] {
        assert_eq!(usage(body.as_bytes(), &[]), None, "{body}");
    }
}

#[test]
fn what_is_no_json_is_passed_over() {
    for body in [
        &b"ID3\x04\0{\"usage\":{\"total_tokens\":3}}"[..],
        b"",
        b"}}}]",
        b"\"usage\":{}",
    ] {
        assert_eq!(usage(body, &[1.min(body.len())]), None);
    }
}

#[test]
fn a_usage_without_end_is_not_kept() {
    let mut body = br#"{"usage":{"total_tokens":3,"x":""#.to_vec();
    body.resize(body.len() + 2 * MAX_CAPTURE, b'x');
    body.extend(b"\"}}");
    assert_eq!(usage(&body, &[]), None);
    let cuts: Vec<usize> = (0..body.len()).step_by(1000).collect();
    assert_eq!(usage(&body, &cuts), None);
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<u32>().prop_map(Value::from),
        "[a-z\"\\\\{}\\[\\],é]{0,8}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("usage"),
        Just("tokens"),
        Just("meta"),
        Just("total_tokens"),
        Just("x")
    ];
    scalar.prop_recursive(4, 20, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The total that a parser of whole values finds.
fn plain_total(answer: &Value) -> Option<u64> {
    let count = |at: &str| answer.pointer(at).filter(|_| answer.is_object())?.as_u64();
    count("/usage/total_tokens").max(count("/meta/tokens/total_tokens"))
}

proptest! {
    #[test]
    fn it_finds_what_a_parser_finds(
        answer in value(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let body = serde_json::to_vec(&answer).unwrap();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).collect();
        cuts.sort_unstable();
        let total = usage(&body, &cuts).map(|usage| usage.total);
        prop_assert_eq!(total, plain_total(&answer), "{}", answer);
    }

    #[test]
    fn any_bytes_at_all_are_read_alike_however_they_are_cut(
        bytes in "[{}\\[\\]\",:\\\\ a\"usage\"0-9]{0,60}",
        cut in any::<prop::sample::Index>(),
    ) {
        let body = format!("{{{bytes}\"usage\":{{\"total_tokens\":1}}}}").into_bytes();
        prop_assert_eq!(usage(&body, &[cut.index(body.len())]), usage(&body, &[]));
    }
}
