//! What stands for samples in a program without a tokenizer.

use headworks_config::{Config, Deployment};
use headworks_limit::Estimator;
use headworks_openai::RequestBody;
use headworks_provider::Target;
use std::{io, sync::Arc};

/// Nothing is counted.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) struct Sampling;

/// There is none.
#[derive(Debug)]
pub(in crate::gateway) enum Sampler {}

// ===== impl Sampling =====

impl Sampling {
    /// # Errors
    ///
    /// If `headworks.tokenizer` asks for one.
    pub(in crate::gateway) fn begin(config: &Config) -> io::Result<Self> {
        if config.headworks.tokenizer {
            return Err(io::Error::other(
                "this program was built without the feature `tokenizer`",
            ));
        }
        Ok(Self)
    }

    #[expect(
        clippy::unused_self,
        reason = "that of a program with a tokenizer needs it"
    )]
    pub(in crate::gateway) const fn of(&self, _: &Deployment, _: &Target) -> Option<Sampler> {
        None
    }
}

// ===== impl Sampler =====

impl Sampler {
    pub(in crate::gateway) const fn look(&self, _: &RequestBody, _: &Arc<Estimator>) {
        match *self {}
    }
}
