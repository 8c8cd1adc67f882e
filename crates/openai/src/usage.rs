use crate::json::{Cursor, Fault, Kind};

/// The tokens an answer says it has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, those read from a cache or written to one included.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// Both, or what the provider says is the total.
    pub total: u64,
    /// Those of `input` that were read from the provider's cache.
    pub cached_input: u64,
}

/// The counts of one answer, under whichever names its protocol gives them.
///
/// A stream may report several times. Every protocol counts up, so the highest number stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    /// Anthropic counts what was read from a cache or written to it beside `input_tokens`, `OpenAI` within.
    cache_read: Option<u64>,
    cache_write: Option<u64>,
}

// ===== impl Counts =====

impl Counts {
    /// Reads the `usage` object ahead; any other kind of value is passed over.
    ///
    /// Sources of the names: the `OpenAI` API reference for chat completions (`prompt_tokens` …), Responses
    /// and images (`input_tokens` …), embeddings; the Anthropic API reference for messages
    /// (`cache_read_input_tokens` …); `DeepSeek`'s for `prompt_cache_hit_tokens`.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if cursor.kind()? != Kind::Object {
            return cursor.skip().map(drop);
        }
        cursor.members(|cursor, name| {
            let name = name.decode().unwrap_or_default();
            match &*name {
                b"prompt_tokens" | b"input_tokens" => raise(&mut self.input, cursor),
                b"completion_tokens" | b"output_tokens" => raise(&mut self.output, cursor),
                b"total_tokens" => raise(&mut self.total, cursor),
                b"prompt_cache_hit_tokens" => raise(&mut self.cached, cursor),
                b"cache_read_input_tokens" => raise(&mut self.cache_read, cursor),
                b"cache_creation_input_tokens" => raise(&mut self.cache_write, cursor),
                b"prompt_tokens_details" | b"input_tokens_details" => self.read_details(cursor),
                _ => cursor.skip().map(drop),
            }
        })
    }

    /// Reads the `meta` object ahead, where Cohere's rerank keeps its counts: `{"tokens": {…}}`.
    pub(crate) fn read_meta(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        cursor.members(|cursor, name| match name.decode().as_deref() {
            Some(b"tokens") => self.read(cursor),
            _ => cursor.skip().map(drop),
        })
    }

    /// Takes over the higher number of each.
    pub(crate) fn merge(&mut self, other: Self) {
        self.input = self.input.max(other.input);
        self.output = self.output.max(other.output);
        self.total = self.total.max(other.total);
        self.cached = self.cached.max(other.cached);
        self.cache_read = self.cache_read.max(other.cache_read);
        self.cache_write = self.cache_write.max(other.cache_write);
    }

    /// The usage these counts add up to; `None` if nothing was counted.
    pub(crate) fn usage(&self) -> Option<Usage> {
        if *self == Self::default() {
            return None;
        }
        let output = self.output.unwrap_or(0);
        let beside = [self.cache_read, self.cache_write]
            .into_iter()
            .flatten()
            .fold(0, u64::saturating_add);
        let input = match (self.input, self.total) {
            (None, Some(total)) => total.saturating_sub(output),
            (input, _) => input.unwrap_or(0).saturating_add(beside),
        };
        Some(Usage {
            input,
            output,
            total: self.total.unwrap_or_else(|| input.saturating_add(output)),
            cached_input: self.cached.or(self.cache_read).unwrap_or(0),
        })
    }

    fn read_details(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if cursor.kind()? != Kind::Object {
            return cursor.skip().map(drop);
        }
        cursor.members(|cursor, name| match name.decode().as_deref() {
            Some(b"cached_tokens") => raise(&mut self.cached, cursor),
            _ => cursor.skip().map(drop),
        })
    }
}

/// Raises `count` to the number ahead. Anything but a whole number from 0 up counts for nothing, except that
/// a whole number may be written with a zero fraction, as some rerankers do.
fn raise(count: &mut Option<u64>, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    if cursor.kind()? != Kind::Number {
        return cursor.skip().map(drop);
    }
    let number = cursor.number()?;
    let whole = number.split_once('.').map_or(number, |(whole, fraction)| {
        if fraction.bytes().all(|b| b == b'0') {
            whole
        } else {
            ""
        }
    });
    *count = (*count).max(whole.parse().ok());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(json: &str) -> Option<Usage> {
        let mut counts = Counts::default();
        counts.read(&mut Cursor::new(json.as_bytes())).unwrap();
        counts.usage()
    }

    #[test]
    fn each_protocol_counts_under_its_own_names() {
        let wanted = Some(Usage {
            input: 10,
            output: 5,
            total: 15,
            cached_input: 4,
        });
        for json in [
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0}}"#,
            r#"{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"total_tokens":15}"#,
            r#"{"input_tokens":3,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":5,"service_tier":"standard"}"#,
            r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":6}"#,
        ] {
            assert_eq!(usage(json), wanted, "{json}");
        }
    }

    #[test]
    fn a_total_alone_is_all_input() {
        let wanted = Usage {
            input: 7,
            output: 0,
            total: 7,
            cached_input: 0,
        };
        assert_eq!(usage(r#"{"total_tokens":7}"#), Some(wanted));
    }

    #[test]
    fn what_is_no_count_counts_for_nothing() {
        assert_eq!(usage("{}"), None);
        assert_eq!(usage("null"), None);
        assert_eq!(usage(r#"{"type":"duration","seconds":9}"#), None);
        assert_eq!(usage(r#"{"prompt_tokens":-1,"total_tokens":"x"}"#), None);
        assert_eq!(usage(r#"{"prompt_tokens":null}"#), None);
    }

    #[test]
    fn of_several_reports_the_highest_numbers_stand() {
        let mut counts = Counts::default();
        for json in [
            r#"{"input_tokens":10,"output_tokens":1}"#,
            r#"{"input_tokens":0,"output_tokens":8}"#,
        ] {
            counts.read(&mut Cursor::new(json.as_bytes())).unwrap();
        }
        let wanted = Usage {
            input: 10,
            output: 8,
            total: 18,
            cached_input: 0,
        };
        assert_eq!(counts.usage(), Some(wanted));
    }
}
