//! How many tokens a text has for `OpenAI`'s models, by their own tokenizers (feature `tokenizer`).
//!
//! For whoever wants to know before a provider has said: it teaches an [`Estimator`](crate::Estimator) what a
//! token is worth from the first request on. The vocabularies are built in, nothing is downloaded, and one is read
//! when it is first needed, which takes some 100 ms and 30 to 50 MB for good. Counting takes 0.1 ms for a thousand
//! tokens: nothing for the way of a request.
//!
//! ```
//! use headworks_limit::tokenizer::Tokenizer;
//!
//! let tokenizer = Tokenizer::of_model("gpt-4o-mini").expect("one of theirs");
//! assert_eq!(tokenizer.count("hello world"), 2);
//! assert!(Tokenizer::of_model("claude-3-5-haiku").is_none());
//! ```

use tiktoken_rs::{
    CoreBPE, cl100k_base_singleton, o200k_base_singleton,
    tokenizer::{Tokenizer as Known, get_tokenizer},
};

/// Tokens of each message of a chat beside its text, its role among them: what `OpenAI`'s cookbook ("How to count
/// tokens with tiktoken") counts, three and the role.
pub const PER_MESSAGE: u64 = 4;

/// Tokens with which the reply to a chat begins, counted with the prompt by the same.
pub const PER_REPLY: u64 = 3;

/// A longer text is counted in pieces of so many bytes, since the time for one run of letters grows with the
/// square of its length. Each cut may add a token: one in some four thousand.
const PIECE: usize = 16 * 1024;

/// What a model of `OpenAI`'s takes for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tokenizer(Vocabulary);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Vocabulary {
    O200k,
    Cl100k,
}

// ===== impl Tokenizer =====

impl Tokenizer {
    /// That of a model, by the name it has with `OpenAI`; `None` of one that is not known to be theirs, or is
    /// older than `gpt-3.5`.
    #[must_use]
    pub fn of_model(model: &str) -> Option<Self> {
        match get_tokenizer(model)? {
            Known::O200kBase | Known::O200kHarmony => Some(Self(Vocabulary::O200k)),
            Known::Cl100kBase => Some(Self(Vocabulary::Cl100k)),
            _ => None,
        }
    }

    /// How many tokens this text has. What stands for a special token in it is text.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        let vocabulary: &CoreBPE = match self.0 {
            Vocabulary::O200k => o200k_base_singleton(),
            Vocabulary::Cl100k => cl100k_base_singleton(),
        };
        pieces(text)
            .map(|piece| vocabulary.encode_ordinary(piece).len() as u64)
            .sum()
    }
}

fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let mut end = PIECE.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, rest) = text.split_at(end);
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Estimator;
    use proptest::prelude::*;

    fn of(model: &str) -> Tokenizer {
        Tokenizer::of_model(model).unwrap()
    }

    #[test]
    fn a_model_has_the_tokenizer_of_its_family() {
        let (old, new) = (Tokenizer(Vocabulary::Cl100k), Tokenizer(Vocabulary::O200k));
        for (model, tokenizer) in [
            ("gpt-4", Some(old)),
            ("gpt-3.5-turbo-0125", Some(old)),
            ("text-embedding-3-small", Some(old)),
            ("gpt-4o", Some(new)),
            ("gpt-4.1-mini", Some(new)),
            ("o3-mini", Some(new)),
            ("gpt-5-nano", Some(new)),
            ("ft:gpt-4o:acme::1", Some(new)),
            ("davinci", None),
            ("llama-3-70b", None),
            ("", None),
        ] {
            assert_eq!(Tokenizer::of_model(model), tokenizer, "{model}");
        }
    }

    #[test]
    fn known_texts_have_as_many_tokens_as_their_makers_say() {
        // The table of the cookbook's "How to count tokens with tiktoken".
        for (text, cl100k, o200k) in [
            ("antidisestablishmentarianism", 6, 6),
            ("2 + 2 = 4", 7, 7),
            ("お誕生日おめでとう", 9, 8),
            ("hello world", 2, 2),
            ("", 0, 0),
            ("<|endoftext|>", 7, 7),
        ] {
            let counts = ["gpt-4", "gpt-4o"].map(|model| of(model).count(text));
            assert_eq!(counts, [cl100k, o200k], "{text}");
        }
    }

    #[test]
    fn no_run_of_anything_takes_long_or_fails() {
        for run in ["a", " ", "^", "\n", "é", "字", "\u{0}", " \n", "'s"] {
            let text = run.repeat(200_000 / run.len()) + "x";
            for model in ["gpt-4", "gpt-4o"] {
                assert!(of(model).count(&text) > 0, "{run:?}");
            }
        }
    }

    #[test]
    fn what_it_teaches_is_what_an_estimate_comes_to() {
        let texts = [
            "The tides are a matter of patience. ",
            "Gezeiten brauchen Geduld, sagt man. ",
        ];
        let estimator = Estimator::new();
        let mut rng = fastrand::Rng::with_seed(5);
        let mut sample = || texts[rng.usize(..2)].repeat(rng.usize(1..50));
        for _ in 0..100 {
            let text = sample();
            estimator.learn_prompt(text.len() as u64, of("gpt-4o").count(&text));
        }
        for _ in 0..20 {
            let text = sample();
            let (guess, truth) = (
                estimator.estimate(text.len() as u64, Some(0)).input,
                of("gpt-4o").count(&text),
            );
            assert!(
                guess.abs_diff(truth) <= truth / 3 + 1,
                "{guess} for {truth}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_has_at_most_a_token_a_byte(text in any::<String>(), times in 1_usize..200) {
            let text = text.repeat(times);
            for model in ["gpt-4", "gpt-4o"] {
                prop_assert!(of(model).count(&text) <= text.len() as u64);
            }
        }
    }
}
