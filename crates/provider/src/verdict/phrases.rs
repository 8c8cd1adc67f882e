//! What providers say in English where they have no word for it.
//!
//! A message may quote the request. A caller who writes a phrase into a prompt changes what becomes of that
//! request, no more: phrases that blame the deployment count where the provider turned down an account or a
//! quota anyway, or at the beginning of a message, where nothing is quoted.

use super::meaning::Meaning;
use headworks_core::Outcome;
use http::StatusCode;

struct Phrase {
    /// The statuses it counts at; [`IN_BAND`] is an error in a stream.
    at: &'static [u16],
    place: Place,
    /// In small letters.
    text: &'static str,
    meaning: Meaning,
}

#[derive(Clone, Copy)]
enum Place {
    Begins,
    Holds,
    Ends,
}

/// Where an error in a stream has no status of its own.
const IN_BAND: u16 = 0;

/// A request that was turned down, and the 500 of servers that turn requests down by falling over.
const REQUEST: &[u16] = &[IN_BAND, 400, 413, 422, 500];
/// The same, and a refusal on principle.
const CONTENT: &[u16] = &[IN_BAND, 400, 403, 422, 451, 500];
const QUOTA: &[u16] = &[IN_BAND, 429];
const MONEY: &[u16] = &[402, 403, 429];
const SIZE: &[u16] = &[IN_BAND, 413, 429];

const TOO_LONG: Meaning = Meaning::Is(Outcome::ContextTooLong);
const REFUSED: Meaning = Meaning::Is(Outcome::ContentRefused);
const MISCONFIGURED: Meaning = Meaning::Is(Outcome::Misconfigured);
const UNSUITABLE: Meaning = Meaning::Is(Outcome::Unsuitable);
const CAPACITY: Meaning = Meaning::Is(Outcome::Capacity);

const fn begins(at: &'static [u16], text: &'static str, meaning: Meaning) -> Phrase {
    Phrase {
        at,
        place: Place::Begins,
        text,
        meaning,
    }
}

const fn holds(at: &'static [u16], text: &'static str, meaning: Meaning) -> Phrase {
    Phrase {
        at,
        place: Place::Holds,
        text,
        meaning,
    }
}

const fn ends(at: &'static [u16], text: &'static str, meaning: Meaning) -> Phrase {
    Phrase {
        at,
        place: Place::Ends,
        text,
        meaning,
    }
}

/// The first that fits counts.
const PHRASES: [Phrase; 60] = [
    // --- A prompt too long ---
    // OpenAI, vLLM, Groq, Together, Mistral ("… too large for model with 32768 maximum context length")
    holds(REQUEST, "maximum context length", TOO_LONG),
    // OpenAI's responses
    holds(REQUEST, "exceeds the context window", TOO_LONG),
    holds(
        REQUEST,
        "string too long. expected a string with maximum length",
        TOO_LONG,
    ),
    // Anthropic
    holds(REQUEST, "prompt is too long", TOO_LONG),
    holds(REQUEST, "exceed context limit", TOO_LONG),
    // LiteLLM 1.109, exception_mapping_utils: what it looks for besides
    holds(REQUEST, "maximum context limit", TOO_LONG),
    holds(REQUEST, "longer than the model's context length", TOO_LONG),
    holds(REQUEST, "exceeds the available context size", TOO_LONG),
    holds(REQUEST, "maximum input length is", TOO_LONG),
    holds(REQUEST, "input too long", TOO_LONG),
    holds(REQUEST, "contextwindowexceedederror", TOO_LONG),
    // Gemini: "The input token count (…) exceeds the maximum number of tokens allowed (…)."
    holds(
        REQUEST,
        "exceeds the maximum number of tokens allowed",
        TOO_LONG,
    ),
    // xAI: "This model's maximum prompt length is …"
    holds(REQUEST, "maximum prompt length is", TOO_LONG),
    // Bedrock: "Input is too long for requested model."
    holds(REQUEST, "input is too long for requested model", TOO_LONG),
    // Groq, Cerebras
    holds(REQUEST, "reduce the length of the messages", TOO_LONG),
    // vLLM: "… is longer than the maximum model length of …"
    holds(REQUEST, "longer than the maximum model length", TOO_LONG),
    // Text Generation Inference: "`inputs` tokens + `max_new_tokens` must be <= …"
    holds(REQUEST, "tokens + `max_new_tokens` must be <=", TOO_LONG),
    // Ollama: "the input length exceeds the context length"; LM Studio
    holds(REQUEST, "exceeds the context length", TOO_LONG),
    holds(REQUEST, "greater than the context length", TOO_LONG),
    // Cohere: "too many tokens: …"
    begins(REQUEST, "too many tokens", TOO_LONG),
    // --- A refusal ---
    // OpenAI
    holds(
        CONTENT,
        "rejected as a result of the safety system",
        REFUSED,
    ),
    holds(
        CONTENT,
        "rejected as a result of our safety system",
        REFUSED,
    ),
    holds(CONTENT, "rejected by the safety system", REFUSED),
    holds(CONTENT, "violating our usage policy", REFUSED),
    // Azure
    holds(CONTENT, "content management policy", REFUSED),
    // Anthropic: "Output blocked by content filtering policy"
    holds(CONTENT, "blocked by content filtering policy", REFUSED),
    // OpenRouter, "Errors": 403
    holds(CONTENT, "requires moderation", REFUSED),
    // xAI: 403
    holds(CONTENT, "content violates usage guidelines", REFUSED),
    // DeepSeek
    begins(CONTENT, "content exists risk", REFUSED),
    // DashScope
    holds(CONTENT, "data may contain inappropriate content", REFUSED),
    holds(CONTENT, "contentpolicyviolationerror", REFUSED),
    // --- Larger than what is left here ---
    // OpenAI (429), Groq (413): "Request too large for model … on tokens per minute (TPM): Limit …"
    begins(SIZE, "request too large", UNSUITABLE),
    // OpenRouter, 402: "… or fewer max_tokens. You requested up to 65536 tokens, but can only afford 30104."
    holds(&[402], "can only afford 0.", Meaning::Spent),
    holds(&[402], "can only afford", UNSUITABLE),
    holds(&[402], "prompt tokens limit exceeded", UNSUITABLE),
    // --- Money ---
    // Anthropic: 400, and 403
    begins(
        &[IN_BAND, 400],
        "your credit balance is too low",
        Meaning::Spent,
    ),
    holds(MONEY, "credit balance is too low", Meaning::Spent),
    // Anthropic: "This request would exceed your account's monthly spend limit."
    holds(MONEY, "spend limit", Meaning::Spent),
    // xAI: "… has either used all available credits or reached its monthly spending limit."
    holds(MONEY, "spending limit", Meaning::Spent),
    holds(MONEY, "run out of credits", Meaning::Spent),
    holds(MONEY, "doesn't have any credits", Meaning::Spent),
    // DeepSeek (402), Z.ai (429)
    holds(MONEY, "insufficient balance", Meaning::Spent),
    holds(MONEY, "insufficient credits", Meaning::Spent),
    holds(MONEY, "insufficient account balance", Meaning::Spent),
    // --- A quota of a day ---
    // OpenAI, Groq: "… on requests per day (RPD): Limit …", "… on tokens per day (TPD): …"
    holds(QUOTA, "per day (", Meaning::Daily),
    // OpenRouter: "Rate limit exceeded: free-models-per-day"
    holds(QUOTA, "-per-day", Meaning::Daily),
    // GitHub Models: "Rate limit of … per 86400s exceeded for UserByModelByDay."
    holds(QUOTA, "per 86400s", Meaning::Daily),
    // --- No room ---
    // Mistral, code 3505, with a type of invalid_request_error
    begins(&[429], "service tier capacity exceeded", CAPACITY),
    // cloud.google.com, Vertex AI, "Error code 429": the shared pool, not a quota
    begins(&[429], "resource exhausted", CAPACITY),
    // OpenAI: "The engine is currently overloaded, please try again later"
    holds(&[IN_BAND, 429, 500], "currently overloaded", CAPACITY),
    // --- A model that is not there ---
    // OpenRouter, 404: no endpoint for this kind of request, or none at all
    begins(&[404], "no endpoints found that", UNSUITABLE),
    begins(&[404], "no endpoints found", MISCONFIGURED),
    // OpenAI, vLLM: "The model `…` does not exist"; Ollama: "model \"…\" not found"; Anthropic: "model: …"
    begins(&[404], "the model", MISCONFIGURED),
    begins(&[404], "model", MISCONFIGURED),
    // Gemini: "models/… is not found for API version v1beta"; Vertex: "Publisher Model … was not found"
    begins(&[404], "publisher model", MISCONFIGURED),
    // Azure
    begins(
        &[404],
        "the api deployment for this resource does not exist",
        MISCONFIGURED,
    ),
    // DeepSeek; Mistral, "Invalid model: …"; OpenRouter, "… is not a valid model ID"
    begins(&[400], "model not exist", MISCONFIGURED),
    begins(&[400], "invalid model: ", MISCONFIGURED),
    ends(&[400], "is not a valid model id", MISCONFIGURED),
    // Gemini: from here, nobody may use it
    begins(&[400], "user location is not supported", MISCONFIGURED),
];

/// What the messages, in small letters, mean at this status.
pub(super) fn find(status: Option<StatusCode>, messages: &[String]) -> Option<Meaning> {
    let status = status.map_or(IN_BAND, |status| status.as_u16());
    let mut counting = PHRASES.iter().filter(|phrase| phrase.at.contains(&status));
    let phrase = counting.find(|phrase| messages.iter().any(|message| phrase.fits(message)))?;
    Some(phrase.meaning)
}

// ===== impl Phrase =====

impl Phrase {
    fn fits(&self, message: &str) -> bool {
        match self.place {
            Place::Begins => message.starts_with(self.text),
            Place::Holds => message.contains(self.text),
            Place::Ends => message.trim_end_matches('.').ends_with(self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_in_small_letters_as_messages_are() {
        for phrase in &PHRASES {
            assert_eq!(phrase.text, phrase.text.to_ascii_lowercase());
        }
    }

    #[test]
    fn what_blames_the_deployment_cannot_be_quoted_into_a_bad_request() {
        let blames = |phrase: &&Phrase| phrase.meaning.outcome(None).blames_the_deployment();
        for phrase in PHRASES.iter().filter(blames) {
            let quoted = matches!(phrase.place, Place::Holds);
            assert!(!(quoted && phrase.at.contains(&400)), "{}", phrase.text);
        }
    }
}
