use headworks_core::Verdict;
use std::{fmt, sync::Arc, time::Duration};

/// After which answers a quota rests, for everybody who shares it, and for how long.
#[derive(Clone, Default)]
pub(crate) enum Rests {
    /// For as long as the provider has said, if the deployment is to blame.
    #[default]
    Hinted,
    Never,
    By(Arc<Rule>),
}

type Rule = dyn Fn(Verdict) -> Option<Duration> + Send + Sync;

// ===== impl Rests =====

impl Rests {
    pub(crate) fn after(&self, verdict: Verdict) -> Option<Duration> {
        match self {
            Self::Hinted => {
                let hint = verdict.hint?;
                verdict.outcome.blames_the_deployment().then(|| hint.wait())
            }
            Self::Never => None,
            Self::By(rule) => rule(verdict),
        }
    }
}

impl fmt::Debug for Rests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hinted => "Hinted",
            Self::Never => "Never",
            Self::By(_) => "By",
        })
    }
}
