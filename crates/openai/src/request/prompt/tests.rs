use crate::{Member, RequestBody};
use bytes::Bytes;
use serde_json::{Value, json};

fn body(value: &Value) -> RequestBody {
    RequestBody::json(value.to_string().into()).unwrap()
}

/// The pieces that are shown, with a bar between them.
fn opening(value: &Value) -> String {
    let mut pieces = Vec::new();
    body(value).opening(|piece| pieces.push(String::from_utf8_lossy(piece).into_owned()));
    pieces.join("|")
}

#[test]
fn an_opening_is_the_system_prompt_and_all_up_to_the_users_first_message() {
    for (request, wanted) in [
        (
            json!({"messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "How are you?"},
            ]}),
            "system|Be brief.|user|Hi",
        ),
        (
            json!({"system": [{"type": "text", "text": "Be brief."}], "messages": [
                {"content": [{"type": "text", "text": "Hi"}], "role": "user"},
            ]}),
            "Be brief.|user|Hi",
        ),
        (
            json!({"instructions": "Be brief.", "input": "Hi"}),
            "Be brief.|Hi",
        ),
        (
            json!({"input": [
                {"type": "message", "role": "developer", "content": "Be brief."},
                {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
                {"type": "function_call_output", "output": "42"},
            ]}),
            "developer|Be brief.|user|Hi",
        ),
        (
            json!({"prompt": "Once upon a time"}),
            "\"Once upon a time\"",
        ),
        (json!({"messages": []}), ""),
        (json!({"messages": 7, "system": null}), "null|7"),
        (json!({}), ""),
    ] {
        assert_eq!(opening(&request), wanted, "{request}");
    }
}

#[test]
fn a_message_is_alike_as_text_and_in_parts_and_wherever_the_cache_mark_is() {
    let of = |content: Value| opening(&json!({"messages": [{"role": "user", "content": content}]}));
    let plain = of(json!("Hi"));
    assert_eq!(of(json!([{"type": "text", "text": "Hi"}])), plain);
    let marked = json!([{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]);
    assert_eq!(of(marked), plain);
    assert_ne!(of(json!("Ho")), plain);
}

#[test]
fn however_long_a_prompt_is_little_of_it_is_shown_and_a_change_at_an_end_is_seen() {
    let of = |text: &str| {
        let parts: Vec<_> = (0..100)
            .map(|_| json!({"type": "text", "text": text}))
            .collect();
        let mut messages = vec![json!({"role": "assistant", "content": parts}); 100];
        messages.push(json!({"role": "user", "content": text}));
        opening(&json!({"system": text, "messages": messages, "prompt": text}))
    };
    let long = "x".repeat(5_000);
    let shown = of(&long);
    assert!(shown.len() < 1_000_000, "{}", shown.len());
    for other in [
        format!("y{long}"),
        format!("{long}y"),
        format!("{}xy", &long[2..]),
    ] {
        assert_ne!(of(&other), shown);
    }
}

#[test]
fn text_is_counted_and_nothing_else_is() {
    let image = format!("data:image/png;base64,{}", "A".repeat(9_000));
    for (request, wanted) in [
        (
            json!({"messages": [{"role": "user", "content": "12345"}]}),
            5,
        ),
        (
            json!({"system": "123", "messages": [{"role": "user", "content": [
                {"type": "text", "text": "12345"},
                {"type": "image_url", "image_url": {"url": image}},
                {"type": "image", "source": {"type": "base64", "data": image}},
                {"type": "input_audio", "input_audio": {"data": image}},
                {"type": "tool_result", "content": [{"type": "text", "text": "67"}]},
            ]}]}),
            10,
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [
                {"id": "call_1", "function": {"name": "f", "arguments": "{\"a\":1}"}}
            ]}]}),
            7,
        ),
        (
            json!({"instructions": "12", "input": ["345", {"content": "6"}]}),
            6,
        ),
        (json!({"prompt": "123", "suffix": "5"}), 3),
        (json!({"prompt": ["12", "345", [1, 2, 3, 4]]}), 3),
        (json!({"tools": [{"a": "b"}]}), 11),
        (json!({"messages": "é\u{1F600}\n\u{7}"}), 2 + 4 + 1 + 1),
        (json!({"messages": null}), 0),
    ] {
        assert_eq!(body(&request).prompt_len(), wanted, "{request}");
    }
    let escaped = Bytes::from(r#"{"input":"\u0041\u00e9\u4e2d\ud83d\ude00\\"}"#);
    let escaped = RequestBody::json(escaped).unwrap();
    assert_eq!(escaped.prompt_len(), 1 + 2 + 3 + 4 + 1);
}

#[test]
fn the_texts_that_are_counted_can_be_read_and_messages_be_counted() {
    let request = json!({
        "system": "S\n",
        "messages": [
            {"role": "user", "content": "a\u{1F600}", "name": "not a text"},
            {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": "u"}}]},
        ],
        "prompt": ["c", "d", [1, 2]],
        "tools": [],
    });
    let mut texts = Vec::new();
    let messages = body(&request).prompt_texts(&mut |text| texts.push(text.to_vec()));
    assert_eq!(messages, 2);
    let wanted = ["S\n", "a\u{1F600}", "b", "c", "d", "[]"];
    assert_eq!(texts, wanted.map(|text| text.as_bytes().to_vec()));
    let none = body(&json!({"input": "e"})).prompt_texts(&mut |text| assert_eq!(text, b"e"));
    assert_eq!(none, 0);
}

#[test]
fn the_providers_members_are_read_where_they_stand() {
    let body = RequestBody::json(Bytes::from(
        r#"{"model":"m","user":"a\u0062","user":"second","prompt_cache_key":"","previous_response_id":7,
            "metadata":{"session_id":"s","user_id":"u","tags":["cut"]},"litellm_session_id":"cut"}"#,
    ))
    .unwrap();
    assert_eq!(body.text(Member::User).as_deref(), Some("ab"));
    assert_eq!(body.text(Member::PromptCacheKey), None);
    assert_eq!(body.text(Member::PreviousResponseId), None);
    assert_eq!(body.text(Member::MetadataSessionId).as_deref(), Some("s"));
    assert_eq!(body.text(Member::MetadataUserId).as_deref(), Some("u"));
    assert_eq!(body.text(Member::Messages), None);

    let form = "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nme\r\n\
        --b\r\nContent-Disposition: form-data; name=\"prompt\"; filename=\"p\"\r\n\r\nfile\r\n--b--\r\n";
    let form = RequestBody::multipart(form.into(), b"b").unwrap();
    assert_eq!(form.text(Member::User).as_deref(), Some("me"));
    assert_eq!(form.text(Member::Prompt), None);
    assert_eq!(form.prompt_len(), 0);
    form.opening(|_| panic!("a form is no conversation"));
}

#[test]
fn what_a_provider_counts_is_every_prompt_each_token_and_what_is_to_be_ranked() {
    for (request, wanted) in [
        (json!({"prompt": ["four", "five5"]}), 9),
        (json!({"prompt": [1, 22, 333]}), 12),
        (json!({"prompt": [[1, 2], [3]]}), 12),
        (json!({"input": [[1, 2], [3], "four"]}), 16),
        (json!({"input": "four"}), 4),
        (
            json!({"input": [{"role": "user", "content": "four", "index": 7}]}),
            4,
        ),
        (
            json!({"query": "four", "documents": ["five5", {"text": "four", "rank": 1}]}),
            13,
        ),
        (
            json!({"messages": [{"role": "user", "content": "four"}]}),
            4,
        ),
        (json!({"prompt": 7, "n": 3}), 4),
        (json!({"prompt": null, "input": true}), 0),
    ] {
        assert_eq!(body(&request).counted_len(), wanted, "{request}");
    }
}

#[test]
fn answers_are_as_many_as_are_asked_for_to_each_prompt() {
    for (request, wanted) in [
        (json!({}), 1),
        (json!({"n": 3}), 3),
        (json!({"n": 2, "best_of": 5}), 5),
        (json!({"n": 5, "best_of": 2}), 5),
        (json!({"prompt": ["a", "b"], "n": 3}), 6),
        (json!({"prompt": [1, 2, 3], "n": 3}), 3),
        (json!({"prompt": [[1, 2], [3]]}), 2),
        (json!({"prompt": []}), 1),
        (json!({"prompt": "a"}), 1),
        (json!({"n": 0}), 1),
        (json!({"n": -1}), 1),
        (json!({"n": "3"}), 1),
        (json!({"n": null, "best_of": 1.5}), 1),
        (json!({"n": u64::MAX, "prompt": ["a", "b"]}), u64::MAX),
    ] {
        assert_eq!(body(&request).answers(), wanted, "{request}");
    }
}
