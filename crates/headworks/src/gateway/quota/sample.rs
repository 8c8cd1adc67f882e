//! Prompts of which some are counted by a tokenizer, beside the way of requests.

use headworks_config::{Config, Deployment};
use headworks_limit::{
    Estimator,
    tokenizer::{PER_MESSAGE, PER_REPLY, Tokenizer},
};
use headworks_openai::RequestBody;
use headworks_provider::Target;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

/// Where samples are counted, if that is asked for: a thread of its own, that ends with the last who send to it.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) struct Sampling {
    thread: Option<SyncSender<Sample>>,
}

/// Takes samples of the prompts of one deployment.
#[derive(Debug)]
pub(in crate::gateway) struct Sampler {
    thread: SyncSender<Sample>,
    tokenizer: Tokenizer,
    asked: AtomicU32,
}

/// A prompt to be counted, and who is to learn from it.
#[derive(Debug)]
struct Sample {
    tokenizer: Tokenizer,
    estimator: Arc<Estimator>,
    body: RequestBody,
}

/// Samples that wait at most. Of what is more nothing is learned: there will be others.
const WAITING: usize = 16;

/// So many requests are all looked at,
const FIRST: u32 = 16;

/// and then one of so many.
const EVERY: u32 = 32;

/// A longer body is no sample: it would be held for as long as it waits.
const LONGEST: usize = 256 * 1024;

// ===== impl Sampling =====

impl Sampling {
    /// Begins to count, if `headworks.tokenizer` asks for it.
    ///
    /// # Errors
    ///
    /// If there is no thread to be had.
    pub(in crate::gateway) fn begin(config: &Config) -> io::Result<Self> {
        if !config.headworks.tokenizer {
            return Ok(Self::default());
        }
        let (sender, samples) = sync_channel::<Sample>(WAITING);
        let thread = thread::Builder::new().name("headworks-tokenizer".into());
        thread.spawn(move || samples.iter().for_each(Sample::count))?;
        Ok(Self {
            thread: Some(sender),
        })
    }

    /// For one deployment, if its model's tokenizer is known.
    pub(in crate::gateway) fn of(
        &self,
        deployment: &Deployment,
        target: &Target,
    ) -> Option<Sampler> {
        let thread = self.thread.clone()?;
        // Behind Azure a model has any name.
        let base = deployment.info.base_model.as_deref();
        let model = base.map_or_else(
            || target.model(),
            |base| base.rsplit('/').next().unwrap_or(base),
        );
        Some(Sampler {
            thread,
            tokenizer: Tokenizer::of_model(model)?,
            asked: AtomicU32::new(0),
        })
    }
}

// ===== impl Sampler =====

impl Sampler {
    /// Has the prompt counted, if it is its turn.
    pub(in crate::gateway) fn look(&self, body: &RequestBody, estimator: &Arc<Estimator>) {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if (asked < FIRST || asked.is_multiple_of(EVERY)) && body.len() <= LONGEST {
            let sample = Sample {
                tokenizer: self.tokenizer,
                estimator: estimator.clone(),
                body: body.clone(),
            };
            // Full, or gone: either is no reason to hold up a request.
            drop(self.thread.try_send(sample));
        }
    }
}

// ===== impl Sample =====

impl Sample {
    fn count(self) {
        let (mut bytes, mut tokens) = (0, 0);
        let messages = self.body.prompt_texts(&mut |text| {
            bytes += text.len() as u64;
            tokens += self.tokenizer.count(&String::from_utf8_lossy(text));
        });
        if messages > 0 {
            tokens += PER_MESSAGE * messages + PER_REPLY;
        }
        self.estimator.learn_prompt(bytes, tokens);
    }
}
