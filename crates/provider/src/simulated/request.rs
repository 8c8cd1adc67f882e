use super::failure::Told;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::Value;

/// How the request's body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Multipart,
}

/// What a request asks for, of what a simulated answer depends on.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub(super) model: String,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<usize>,
    #[serde(default)]
    max_completion_tokens: Option<usize>,
    #[serde(default)]
    max_output_tokens: Option<usize>,
    #[serde(default)]
    input: Option<Value>,
    #[serde(default)]
    documents: Option<Vec<Value>>,
    #[serde(default)]
    top_n: Option<usize>,
    #[serde(default)]
    encoding_format: Option<String>,
    #[serde(default)]
    dimensions: Option<usize>,
    #[serde(default)]
    n: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

/// As long as the vectors of `text-embedding-3-small`.
const DIMENSIONS: usize = 1536;

/// Nothing asked for is made longer than this: no request may make a simulation costly.
const MOST: usize = 4096;

// ===== impl Form =====

impl Form {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE);
        match content_type.map(|value| value.as_bytes().starts_with(b"multipart/")) {
            Some(true) => Self::Multipart,
            Some(false) | None => Self::Json,
        }
    }
}

// ===== impl Asked =====

impl Asked {
    pub(super) fn parse(form: Form, read: &[u8]) -> Result<Self, Told> {
        let asked = match form {
            Form::Json => serde_json::from_slice(read).map_err(|_| {
                Told::bad_request(
                    "invalid_json",
                    "The body is not the JSON this endpoint takes.",
                )
            })?,
            Form::Multipart => Self {
                model: model_field(read).unwrap_or_default(),
                ..Self::default()
            },
        };
        if asked.model.is_empty() {
            return Err(Told::bad_request(
                "missing_required_parameter",
                "You must provide a model parameter.",
            ));
        }
        Ok(asked)
    }

    pub(super) fn stream(&self) -> bool {
        self.stream == Some(true)
    }

    pub(super) fn include_usage(&self) -> bool {
        let options = self.stream_options.as_ref();
        options.and_then(|options| options.include_usage) == Some(true)
    }

    /// The most tokens the answer may have, if the request says.
    pub(super) fn limit(&self) -> Option<usize> {
        self.max_completion_tokens
            .or(self.max_output_tokens)
            .or(self.max_tokens)
    }

    /// The texts to embed or to judge; token arrays count as one text, arrays of them as many.
    pub(super) fn inputs(&self) -> Vec<String> {
        let texts = match &self.input {
            Some(Value::Array(inputs)) if !inputs.iter().all(Value::is_number) => inputs.as_slice(),
            Some(input) => std::slice::from_ref(input),
            None => &[],
        };
        texts.iter().map(ToString::to_string).collect()
    }

    pub(super) fn wants_base64(&self) -> bool {
        self.encoding_format.as_deref() == Some("base64")
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions.unwrap_or(DIMENSIONS).min(MOST)
    }

    /// The documents to rank, and how many of them to name.
    pub(super) fn documents(&self) -> (&[Value], usize) {
        let documents = self.documents.as_deref().unwrap_or_default();
        (documents, self.top_n.unwrap_or(documents.len()))
    }

    pub(super) fn images(&self) -> usize {
        self.n.unwrap_or(1).min(10)
    }
}

/// The value of the form field `model`, wherever it stands.
fn model_field(form: &[u8]) -> Option<String> {
    let find = |from: usize, wanted: &[u8]| {
        let windows = form.get(from..)?.windows(wanted.len());
        let found = windows.into_iter().position(|window| window == wanted)?;
        Some(from + found + wanted.len())
    };
    let name = find(0, b"name=\"model\"")?;
    let begin = find(name, b"\r\n\r\n")?;
    let end = find(begin, b"\r\n")? - 2;
    String::from_utf8(form[begin..end].to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_form_is_too_odd_to_look_through(
            parts in proptest::collection::vec(
                prop_oneof![Just("name=\"model\""), Just("\r\n\r\n"), Just("\r\n"), Just("m")],
                0..12,
            ),
        ) {
            let form = parts.concat();
            let found = model_field(form.as_bytes());
            prop_assert!(found.is_none_or(|model| !model.contains("\r\n") && form.contains(&model)));
        }
    }

    #[test]
    fn the_model_of_a_form_is_found() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b--\r\n";
        assert_eq!(model_field(form.as_bytes()).as_deref(), Some("whisper-1"));
        assert_eq!(model_field(b"--b--"), None);
    }

    #[test]
    fn token_arrays_are_one_text_and_arrays_of_texts_are_many() {
        let inputs = |json: &str| {
            let json = format!("{{\"model\":\"m\",\"input\":{json}}}");
            Asked::parse(Form::Json, json.as_bytes())
                .unwrap()
                .inputs()
                .len()
        };
        assert_eq!(inputs("\"a\""), 1);
        assert_eq!(inputs("[\"a\",\"b\"]"), 2);
        assert_eq!(inputs("[1,2,3]"), 1);
        assert_eq!(inputs("[[1,2],[3]]"), 2);
    }
}
