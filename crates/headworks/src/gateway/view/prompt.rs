use headworks_openai::RequestBody;
use headworks_provider::Endpoint;

/// How long a prompt is, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Estimate {
    /// What it is thought to be.
    pub(super) thought: u64,
    /// What it is at the least.
    pub(super) least: u64,
}

/// `OpenAI`'s rule of thumb for English ("What are tokens and how to count them?"). Code and other languages
/// have more tokens for as many bytes, so a prompt is rarely shorter than that by much.
const BYTES_PER_TOKEN: u64 = 4;

/// Twice as many: no text that people write comes near, long runs of blanks apart. What is too long by this is
/// too long.
const MOST_BYTES_PER_TOKEN: u64 = 8;

/// An estimate by the bytes of text in a prompt, without a tokenizer; `None` where a prompt fits into the
/// `shortest` window anyway, or what comes is no prompt: of many texts to embed each has the whole window.
///
/// `LiteLLM` runs a tokenizer, one model's for many, over every prompt.
pub(super) fn estimate(endpoint: Endpoint, body: &RequestBody, shortest: u64) -> Option<Estimate> {
    let has_prompt = matches!(
        endpoint,
        Endpoint::ChatCompletions
            | Endpoint::Completions
            | Endpoint::Responses
            | Endpoint::Messages
    );
    // There is less text in a body than there are bytes: nearly all are done with here.
    if !has_prompt || body.len() as u64 / BYTES_PER_TOKEN <= shortest {
        return None;
    }
    let bytes = body.prompt_len();
    Some(Estimate {
        thought: bytes / BYTES_PER_TOKEN,
        least: bytes / MOST_BYTES_PER_TOKEN,
    })
}
