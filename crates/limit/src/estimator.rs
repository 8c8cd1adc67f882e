use crate::Tokens;
use parking_lot::Mutex;

/// Bytes a token has before anything is learned: `OpenAI`'s rule of thumb for English text is four
/// characters. Other scripts have more bytes a character and fewer characters a token; what is in the way of
/// JSON around the text costs no tokens. Both are learned.
const BYTES_PER_TOKEN: f64 = 4.0;

/// What has been learned of prompts is the mean of all there were, until they are so many; then the latest moves it
/// by one in so many.
const SETTLED: u32 = 10;

/// Tokens of an answer before anything is learned and where the request does not say: a few paragraphs.
const ANSWER: u64 = 256;

/// The share of answers that are no longer than the estimate.
const QUANTILE: f64 = 0.9;

/// How many answers are remembered. When there are as many, the older half counts for half.
const REMEMBERED: u32 = 512;

/// Buckets of answers by length, four for each doubling, up to more than a million tokens.
const BUCKETS: usize = 84;

/// Guesses how many tokens a request will cost at one deployment, and learns from what it did.
///
/// Prompts are told by their bytes, with a ratio that is learned: each deployment has its own tokenizer, and
/// its clients their own language. Answers are as long as the request allows if it says so, else as nine in
/// ten answers of this deployment have been, and never longer than [`longest`](Self::longest). Neither is ever
/// exact, nor needs to be: it is reserved, and settled afterwards.
///
/// ```
/// use headworks_limit::{Estimator, Tokens};
///
/// let estimator = Estimator::new();
/// assert_eq!(estimator.estimate(4000, Some(100)), Tokens::new(1000, 100));
///
/// // This one's prompts have twice as many tokens as was thought.
/// for _ in 0..100 {
///     estimator.learn(4000, Tokens::new(2000, 50));
/// }
/// assert_eq!(estimator.estimate(4000, Some(100)).input, 2000);
/// assert!((50..60).contains(&estimator.estimate(4000, None).output));
/// ```
#[derive(Debug, Default)]
pub struct Estimator {
    learned: Mutex<Learned>,
    longest: Option<u64>,
}

#[derive(Debug)]
struct Learned {
    bytes_per_token: f64,
    /// How many prompts it is the mean of, up to [`SETTLED`].
    prompts: u32,
    answers: [u32; BUCKETS],
    count: u32,
}

// ===== impl Estimator =====

impl Estimator {
    /// Has learned nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes no answer to be longer than so many tokens, if its request does not say: half of a limit, so that
    /// one that is half unused admits requests, however long the answers of others have been. Default: any
    /// length.
    #[must_use]
    pub const fn longest(mut self, tokens: u64) -> Self {
        self.longest = Some(tokens);
        self
    }

    /// What a request with a prompt of so many bytes will cost, and an answer of at most `max_output` tokens.
    #[must_use]
    pub fn estimate(&self, bytes: u64, max_output: Option<u64>) -> Tokens {
        let learned = self.learned.lock();
        let output = max_output.unwrap_or_else(|| {
            let usual = learned.output();
            self.longest.map_or(usual, |longest| usual.min(longest))
        });
        Tokens::new(learned.input(bytes), output)
    }

    /// A request with a prompt of so many bytes has cost this, by the provider's own count.
    pub fn learn(&self, bytes: u64, actual: Tokens) {
        let mut learned = self.learned.lock();
        learned.learn_prompt(bytes, actual.input);
        learned.learn_answer(actual.output);
    }

    /// A prompt of so many bytes has so many tokens; of the answer nothing is known.
    pub fn learn_prompt(&self, bytes: u64, tokens: u64) {
        self.learned.lock().learn_prompt(bytes, tokens);
    }

    /// An answer was so many tokens long; of the prompt nothing is known.
    pub fn learn_answer(&self, tokens: u64) {
        self.learned.lock().learn_answer(tokens);
    }
}

// ===== impl Learned =====

impl Default for Learned {
    fn default() -> Self {
        Self {
            bytes_per_token: BYTES_PER_TOKEN,
            prompts: 0,
            answers: [0; BUCKETS],
            count: 0,
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate of what is far below 2^53"
)]
impl Learned {
    fn input(&self, bytes: u64) -> u64 {
        (bytes as f64 / self.bytes_per_token).ceil() as u64
    }

    fn output(&self) -> u64 {
        if self.count == 0 {
            return ANSWER;
        }
        let wanted = (f64::from(self.count) * QUANTILE).ceil() as u32;
        let mut seen = 0;
        let reaches = |count: &u32| {
            seen += count;
            seen >= wanted
        };
        self.answers
            .iter()
            .position(reaches)
            .map_or(ANSWER, longest_of)
    }

    fn learn_prompt(&mut self, bytes: u64, tokens: u64) {
        if tokens > 0 && bytes > 0 {
            let ratio = bytes as f64 / tokens as f64;
            // In the logarithm, so that twice too much and twice too little weigh alike.
            let off = (ratio / self.bytes_per_token).ln();
            self.prompts = SETTLED.min(self.prompts + 1);
            self.bytes_per_token *= (off / f64::from(self.prompts)).exp();
        }
    }

    fn learn_answer(&mut self, tokens: u64) {
        if self.count >= REMEMBERED {
            self.answers.iter_mut().for_each(|count| *count /= 2);
            self.count = self.answers.iter().sum();
        }
        self.answers[bucket_of(tokens)] += 1;
        self.count += 1;
    }
}

/// Which answers of `tokens` are counted together.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a logarithm is small and not negative"
)]
fn bucket_of(tokens: u64) -> usize {
    let bucket = (4.0 * (tokens.max(1) as f64).log2()).ceil() as usize;
    bucket.min(BUCKETS - 1)
}

/// The most tokens an answer of this bucket has.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "2^21 at most"
)]
fn longest_of(bucket: usize) -> u64 {
    (bucket as f64 / 4.0).exp2().ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_request_allows_is_what_it_may_cost() {
        let estimator = Estimator::new();
        assert_eq!(estimator.estimate(0, None), Tokens::new(0, ANSWER));
        assert_eq!(estimator.estimate(1, Some(7)), Tokens::new(1, 7));
        estimator.learn(4, Tokens::new(1, 1000));
        assert_eq!(estimator.estimate(1, Some(7)), Tokens::new(1, 7));
    }

    #[test]
    fn nine_in_ten_answers_are_no_longer_than_the_estimate() {
        let estimator = Estimator::new();
        let mut rng = fastrand::Rng::with_seed(7);
        let answers: Vec<_> = (0..2000).map(|_| rng.u64(1..1000)).collect();
        for output in &answers {
            estimator.learn(0, Tokens::new(0, *output));
        }
        let guess = estimator.estimate(0, None).output;
        let within = answers.iter().filter(|output| **output <= guess).count();
        assert!((1700..=2000).contains(&within), "{guess}: {within}");
        assert!(
            guess <= 1100,
            "no longer than a fifth more than the longest: {guess}"
        );
    }

    #[test]
    fn an_answer_of_unsaid_length_is_no_longer_than_it_may_be() {
        let estimator = Estimator::new().longest(50);
        assert_eq!(estimator.estimate(4, None), Tokens::new(1, 50));
        assert_eq!(estimator.estimate(4, Some(70)), Tokens::new(1, 70));
        estimator.learn_answer(1000);
        assert_eq!(estimator.estimate(4, None), Tokens::new(1, 50));
        for _ in 0..20 {
            estimator.learn_answer(8);
        }
        assert_eq!(estimator.estimate(4, None), Tokens::new(1, 8));
        estimator.learn_prompt(4, 2);
        assert!(estimator.estimate(400, Some(0)).input > 100);
    }

    #[test]
    fn it_follows_a_change() {
        let estimator = Estimator::new();
        for _ in 0..5000 {
            estimator.learn(4000, Tokens::new(1000, 4000));
        }
        for _ in 0..2000 {
            estimator.learn(1000, Tokens::new(1000, 40));
        }
        let estimate = estimator.estimate(1000, None);
        assert!((990..=1010).contains(&estimate.input), "{estimate:?}");
        assert!(estimate.output < 60, "{estimate:?}");
    }

    #[test]
    fn an_answer_without_a_count_of_its_prompt_teaches_nothing_of_prompts() {
        let estimator = Estimator::new();
        estimator.learn(4000, Tokens::NONE);
        estimator.learn(0, Tokens::new(1000, 0));
        assert_eq!(estimator.estimate(4000, Some(0)).input, 1000);
    }

    #[test]
    fn no_length_is_out_of_bounds() {
        for tokens in [0, 1, 2, 3, 1 << 20, u64::MAX] {
            let longest = longest_of(bucket_of(tokens));
            assert!(longest >= tokens.min(1 << 20), "{tokens}");
        }
    }
}
