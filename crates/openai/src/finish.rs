//! How an answer says that the provider's content policy withheld it, or the rest of it: by its finish, in a 200.
//!
//! What a model declines in its own words (a `refusal` in a message or in a content part) is an answer and none of
//! this.

use crate::json::{Cursor, Fault, Kind};

/// True of such a `finish_reason` of a choice, and of such a `reason` in a response's `incomplete_details`.
///
/// `OpenAI`'s references of chat completions, completions and Responses, and Azure's "Content filtering":
/// `content_filter`. Gemini's endpoint for `OpenAI`'s clients adds its own reason:
/// `content_filter: PROHIBITED_CONTENT`.
pub(crate) fn is_filtered(reason: &[u8]) -> bool {
    let more = reason.strip_prefix(b"content_filter");
    more.is_some_and(|more| more.is_empty() || more.starts_with(b":"))
}

/// True of such a `stop_reason` of Anthropic's messages.
///
/// Anthropic, "Streaming refusals": what its classifiers stop ends so, streamed or not. `LiteLLM` asks for
/// `stop_details` beside it, which that page does not promise.
pub(crate) fn is_refused(reason: &[u8]) -> bool {
    reason == b"refusal"
}

/// Passes the `incomplete_details` ahead, an object; true if they say so.
pub(crate) fn is_in_details(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    is_in(cursor, b"reason", is_filtered)
}

/// True if a plain answer says so: of several choices the first, as `LiteLLM` has it
/// (`Router._should_raise_content_policy_error`). What is no JSON says nothing.
pub(crate) fn is_withheld(answer: &[u8]) -> bool {
    let mut withheld = false;
    let mut cursor = Cursor::new(answer);
    let read = cursor.members::<Fault>(|cursor, name| {
        let name = name.decode().unwrap_or_default();
        match (&*name, cursor.kind()?) {
            (b"choices", Kind::Array) => {
                let mut is_first = true;
                cursor.elements(|cursor| {
                    if is_first && cursor.kind()? == Kind::Object {
                        withheld |= is_in(cursor, b"finish_reason", is_filtered)?;
                    } else {
                        cursor.skip()?;
                    }
                    is_first = false;
                    Ok(())
                })
            }
            (b"incomplete_details", Kind::Object) => {
                withheld |= is_in_details(cursor)?;
                Ok(())
            }
            (b"stop_reason", Kind::String) => {
                let reason = cursor.string()?.decode().unwrap_or_default();
                withheld |= is_refused(&reason);
                Ok(())
            }
            _ => cursor.skip().map(drop),
        }
    });
    read.is_ok() && withheld
}

/// Passes the object ahead; true if its member of this `name` is a string of which `says` is true.
fn is_in(cursor: &mut Cursor<'_>, name: &[u8], says: fn(&[u8]) -> bool) -> Result<bool, Fault> {
    let mut found = false;
    cursor.members::<Fault>(|cursor, member| {
        if member.decode().as_deref() == Some(name) && cursor.kind()? == Kind::String {
            let reason = cursor.string()?.decode().unwrap_or_default();
            found = says(&reason);
            return Ok(());
        }
        cursor.skip().map(drop)
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_withheld_says_so_in_the_words_of_its_endpoint() {
        for (answer, withheld) in [
            (r#"{"choices":[{"finish_reason":"content_filter"}]}"#, true),
            (
                r#"{"choices":[{"index":0,"message":{"content":"So"},"finish_reason":"content_filter","logprobs":null}],"usage":{}}"#,
                true,
            ),
            (
                r#"{"choices":[{"finish_reason":"content_filter: PROHIBITED_CONTENT"}]}"#,
                true,
            ),
            (
                r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]}"#,
                true,
            ),
            (
                r#"{"type":"message","content":[],"stop_reason":"refusal"}"#,
                true,
            ),
            (
                r#"{"choices":[{"finish_reason":"content_filtered"}]}"#,
                false,
            ),
            (r#"{"choices":[{"finish_reason":"stop"}]}"#, false),
            (
                r#"{"choices":[{"finish_reason":"stop"},{"finish_reason":"content_filter"}]}"#,
                false,
            ),
            (r#"{"choices":[]}"#, false),
            (r#"{"choices":["content_filter"]}"#, false),
            (
                r#"{"choices":[{"finish_reason":"stop","message":{"content":"{\"finish_reason\":\"content_filter\"}","refusal":"I will not"}}]}"#,
                false,
            ),
            (
                r#"{"incomplete_details":{"reason":"max_output_tokens"}}"#,
                false,
            ),
            (r#"{"incomplete_details":null,"stop_reason":null}"#, false),
            (r#"{"stop_reason":"end_turn"}"#, false),
            (r#"{"choices":[{"finish_reason":"content_filter"}]"#, false),
            ("", false),
        ] {
            assert_eq!(is_withheld(answer.as_bytes()), withheld, "{answer}");
        }
    }
}
