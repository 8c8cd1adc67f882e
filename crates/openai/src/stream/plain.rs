use crate::json::{Cursor, Fault, Kind};

/// The largest plain answer that is looked into. An error is some hundred bytes, a few thousand where it
/// repeats what it was sent; what is larger is an answer.
pub(super) const MAX_LOOK: usize = 16 * 1024;

/// What the beginning of a plain JSON answer shows it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// An answer, or nothing that is known.
    Answer,
    /// An error, all of it.
    Error,
    /// That remains to be seen.
    More,
}

/// Members of the answers of every endpoint there is, one of which is in each of them: an object that has one
/// is an answer, whatever else is in it.
const OWN: &[&str] = &[
    "choices",
    "content",
    "created",
    "created_at",
    "data",
    "embeddings",
    "input_tokens",
    "output",
    "results",
    "text",
    "usage",
];

/// Why a look is over before the end of the object.
enum Halt {
    Own,
    Fault(Fault),
}

/// Looks at the names of an object's members, up to the first that tells; nothing is decoded or kept.
pub(super) fn look(bytes: &[u8]) -> Look {
    let mut has_error = false;
    let mut cursor = Cursor::new(bytes);
    let object = cursor.members(|cursor, name| {
        if OWN.iter().any(|own| own.as_bytes() == name.raw()) {
            return Err(Halt::Own);
        }
        let is_error = name.raw() == b"error";
        let kind = cursor.kind()?;
        let value = cursor.skip()?;
        has_error |= is_error
            && match kind {
                Kind::Object => true,
                // Not an empty one.
                Kind::String => value.len() > 2,
                Kind::Array | Kind::Number | Kind::Boolean | Kind::Null => false,
            };
        Ok(())
    });
    match object {
        Ok(()) if has_error => Look::Error,
        Err(Halt::Fault(fault)) if fault.at == bytes.len() && bytes.len() < MAX_LOOK => Look::More,
        Ok(()) | Err(_) => Look::Answer,
    }
}

// ===== impl Halt =====

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_and_nothing_else_is_an_error() {
        for (json, look_of_it) in [
            (r#"{"error":{"message":"no"}}"#, Look::Error),
            (
                r#" {"type":"error","error":{"type":"overloaded_error"}}"#,
                Look::Error,
            ),
            (
                r#"{"error":"model is loading","estimated_time":20.0}"#,
                Look::Error,
            ),
            (r#"{"error":null,"id":"x"}"#, Look::Answer),
            (r#"{"error":""}"#, Look::Answer),
            (r#"{"error":{"message":"late"},"choices":[]}"#, Look::Answer),
            (r#"{"id":"x","choices":[{"error":{}}]}"#, Look::Answer),
            (
                r#"{"id":"r","created_at":1,"status":"failed","error":{"code":"x"}}"#,
                Look::Answer,
            ),
            (r#"{"text":"{\"error\":{}}"}"#, Look::Answer),
            (r#"["error"]"#, Look::Answer),
            ("error", Look::Answer),
            ("{error}", Look::Answer),
            ("", Look::More),
            (r#"{"error":{"mess"#, Look::More),
        ] {
            assert_eq!(look(json.as_bytes()), look_of_it, "{json}");
        }
    }

    #[test]
    fn what_goes_on_for_too_long_is_an_answer() {
        let json = format!("{{\"error\":\"{}", "x".repeat(MAX_LOOK));
        assert_eq!(look(json.as_bytes()), Look::Answer);
    }

    #[test]
    fn every_answer_of_every_endpoint_is_known_by_its_beginning() {
        for json in [
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"#,
            r#"{"id":"cmpl-1","object":"text_completion","created":1,"#,
            r#"{"object":"list","data":["#,
            r#"{"id":"resp_1","object":"response","created_at":1,"#,
            r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":["#,
            r#"{"input_tokens":"#,
            r#"{"id":"modr-1","model":"m","results":["#,
            r#"{"id":"r","results":["#,
            r#"{"created":1,"#,
            r#"{"text":"#,
        ] {
            assert_eq!(look(json.as_bytes()), Look::Answer, "{json}");
        }
    }
}
