//! What an error must look like, in the protocol of each endpoint.

use crate::{
    cell::check,
    kind::{Kind, Protocol},
};
use serde_json::Value;

/// One event of a stream.
struct Event<'a> {
    name: Option<&'a str>,
    data: Value,
}

/// The marks of an answer that is finished: none of them may stand in one that is not.
const ENDS: [&str; 7] = [
    "[DONE]",
    "\"finish_reason\":\"stop\"",
    "message_stop",
    "response.completed",
    "image_generation.completed",
    "speech.audio.done",
    "transcript.text.done",
];

/// An error as a plain answer, by whoever.
pub(crate) fn is_error(kind: Kind, body: &[u8]) -> Result<(), String> {
    let error = error_of(kind, &parsed(body)?)?;
    let said = error["message"].as_str().unwrap_or_default();
    let says = !said.is_empty() && error["type"].is_string();
    says.then_some(())
        .ok_or_else(|| format!("no error of the endpoint's protocol: {error}"))
}

/// The gateway's own error, with its code where the protocol has a place for one.
pub(crate) fn is_own_error(kind: Kind, body: &[u8], code: &str) -> Result<(), String> {
    is_error(kind, body)?;
    if kind.endpoint.is_anthropic() {
        return Ok(());
    }
    let error = error_of(kind, &parsed(body)?)?;
    check("code", &Some(code), &error["code"].as_str())?;
    check("param", &Some(&Value::Null), &error.get("param"))
}

/// One event that says in the endpoint's protocol that the answer broke off, and nothing that says otherwise.
pub(crate) fn is_told(kind: Kind, rest: &str, code: &str) -> Result<(), String> {
    if let Some(end) = ENDS.iter().find(|end| rest.contains(**end)) {
        return Err(format!("it ends with {end} as if it were whole"));
    }
    let events: Vec<_> = rest.split("\n\n").filter_map(Event::read).collect();
    let [event] = &events[..] else {
        return Err(format!("not one event more: {rest:?}"));
    };
    let told = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    match kind.protocol() {
        Protocol::Responses => {
            check("event", &Some("response.failed"), &event.name)?;
            check(
                "type",
                &Some("response.failed"),
                &event.data["type"].as_str(),
            )?;
            let response = &event.data["response"];
            check("status", &Some("failed"), &response["status"].as_str())?;
            check("id", &Some("resp_1"), &response["id"].as_str())?;
            check(
                "code",
                &Some("server_error"),
                &response["error"]["code"].as_str(),
            )?;
            check("a message", &true, &told(&response["error"]["message"]))
        }
        Protocol::Messages => {
            check("event", &Some("error"), &event.name)?;
            check("type", &Some("error"), &event.data["type"].as_str())?;
            check("a kind", &true, &told(&event.data["error"]["type"]))?;
            check("a message", &true, &told(&event.data["error"]["message"]))
        }
        Protocol::Completions | Protocol::Media | Protocol::None => {
            let error = &event.data["error"];
            check("code", &Some(code), &error["code"].as_str())?;
            check("a message", &true, &told(&error["message"]))
        }
    }
}

fn parsed(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))
}

/// The error object in an answer, in the form of the endpoint's protocol.
fn error_of(kind: Kind, body: &Value) -> Result<Value, String> {
    if kind.endpoint.is_anthropic() {
        check("type", &Some("error"), &body["type"].as_str())?;
    }
    body.get("error")
        .cloned()
        .ok_or_else(|| format!("no error in {body}"))
}

// ===== impl Event =====

impl<'a> Event<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let data = serde_json::from_str(line("data: ")?).ok()?;
        Some(Self {
            name: line("event: "),
            data,
        })
    }
}
