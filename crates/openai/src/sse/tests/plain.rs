//! The same questions, asked of a whole stream by way of lines and values.

use super::*;
use serde_json::Value;

/// The signals of a stream, but for those that depend on earlier events.
pub(super) fn signals(stream: &str) -> Vec<Signal> {
    let text = stream.strip_prefix('\u{feff}').unwrap_or(stream);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    // What no line break ends is no line.
    lines.pop();
    let (mut found, mut name, mut data) = (Vec::new(), "", Vec::new());
    let mut usage = Usage::default();
    for line in lines {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                if !data.is_empty() {
                    event(name, &data.join("\n"), &mut usage, &mut found);
                }
                name = "";
                data.clear();
            }
            "data" => data.push(value),
            "event" => name = value,
            _ => {}
        }
    }
    found
}

fn event(name: &str, data: &str, usage: &mut Usage, found: &mut Vec<Signal>) {
    if data.trim_ascii() == "[DONE]" {
        return found.push(Signal::Done);
    }
    let value: Value = serde_json::from_str(data).unwrap_or_default();
    let value = if value.is_object() {
        value
    } else {
        Value::Null
    };
    let none = Vec::new();
    let choices = value["choices"].as_array().unwrap_or(&none);
    let kind = value["type"].as_str().unwrap_or("");
    let text = |choice: &Value, at: &str| {
        choice
            .pointer(at)
            .and_then(Value::as_str)
            .is_some_and(|t| !t.is_empty())
    };
    let reasons: Vec<&str> = choices
        .iter()
        .filter_map(|c| c["finish_reason"].as_str())
        .collect();

    let content = choices
        .iter()
        .any(|c| text(c, "/text") || text(c, "/delta/content"))
        || choices.iter().any(|c| {
            c["delta"]["tool_calls"]
                .as_array()
                .is_some_and(|t| !t.is_empty())
        })
        || ["content_block_delta", "response.output_text.delta"].contains(&kind);
    if content {
        found.push(Signal::Content);
    }
    let ends = ["response.completed", "response.failed", "message_stop"].contains(&kind);
    if ends || reasons.iter().any(|r| *r != "error") || value["delta"]["stop_reason"].is_string() {
        found.push(Signal::Finish);
    }
    for counts in [
        &value["usage"],
        &value["response"]["usage"],
        &value["message"]["usage"],
    ] {
        let count = |names: [&str; 2]| names.iter().find_map(|name| counts[name].as_u64());
        if let Some(input) = count(["prompt_tokens", "input_tokens"]) {
            usage.input = usage.input.max(input);
            usage.output = usage
                .output
                .max(count(["completion_tokens", "output_tokens"]).unwrap_or(0));
            usage.total = usage.input + usage.output;
            found.push(Signal::Usage(*usage));
        }
    }
    let error = value["error"].is_object()
        || kind == "error"
        || kind == "response.failed"
        || reasons.contains(&"error")
        || name == "error";
    if error {
        found.push(Signal::Error);
    }
}

/// The data of an event.
pub(super) fn data() -> impl Strategy<Value = String> {
    let text = prop_oneof![Just(String::new()), "[a-z\"\\\\é: ]{1,9}"];
    let text = text.prop_map(|text| serde_json::to_string(&text).unwrap());
    let reason = prop_oneof![3 => Just("null"), 1 => Just("\"stop\""), 1 => Just("\"error\"")];
    let counts = (0..99u64, 0..99u64);
    prop_oneof![
        (0..3, text.clone(), reason.clone()).prop_map(|(index, text, reason)| format!(
            r#"{{"choices":[{{"index":{index},"delta":{{"role":"assistant","content":{text}}},"finish_reason":{reason}}}],"usage":null}}"#
        )),
        (text.clone(), reason).prop_map(|(text, reason)| format!(
            r#"{{"choices":[{{"finish_reason":{reason},"text":{text}}}]}}"#
        )),
        Just(r#"{"choices":[{"delta":{"content":null,"tool_calls":[{"id":"a"}]}}]}"#.to_owned()),
        Just(r#"{"choices":[{"delta":{"tool_calls":[ ]}}]}"#.to_owned()),
        counts.clone().prop_map(|(input, output)| format!(
            r#"{{"choices":[],"usage":{{"prompt_tokens":{input},"completion_tokens":{output}}}}}"#
        )),
        counts.clone().prop_map(|(input, output)| format!(
            r#"{{"type":"message_start","message":{{"usage":{{"input_tokens":{input},"output_tokens":{output}}}}}}}"#
        )),
        (counts, "completed|failed|created").prop_map(|((input, output), kind)| format!(
            r#"{{"type":"response.{kind}","response":{{"error":null,"usage":{{"input_tokens":{input},"output_tokens":{output}}}}}}}"#
        )),
        text.clone().prop_map(|text| format!(r#"{{"type":"response.output_text.delta","delta":{text}}}"#)),
        text.prop_map(|text| format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"text":{text}}}}}"#)),
        Just(r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#.to_owned()),
        Just(r#"{"type":"message_delta","delta":{"stop_reason":null}}"#.to_owned()),
        Just(r#"{"type":"message_stop"}"#.to_owned()),
        Just(r#"{"type":"error","error":{"message":"x"}}"#.to_owned()),
        Just(r#"{"error":{"message":"x"}}"#.to_owned()),
        Just(r#"{"type":"ping"}"#.to_owned()),
        Just("[DONE]".to_owned()),
        Just("not json".to_owned()),
    ]
}
