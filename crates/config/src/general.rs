use crate::{check, environment::Environment, read::Section, report::Report};
use headworks_core::Secret;

/// `general_settings`: the server.
#[derive(Clone, Debug, Default)]
pub struct GeneralSettings {
    /// The key that clients must send; without one everybody may call. Not in the file, it is taken from the
    /// variable `LITELLM_MASTER_KEY`, as `LiteLLM` does.
    pub master_key: Option<Secret>,
    /// The largest request body, in megabytes. Default: 100, see
    /// [`Config::max_request_size`](crate::Config::max_request_size).
    pub max_request_size_mb: Option<f64>,
    /// Requests may ask for failures with `mock_testing_…`. Default: false.
    pub dangerously_allow_mock_testing_request_params: bool,
    /// Whether a provider is asked for the tokens that a stream uses where the client does not ask. Default: see
    /// [`Config::asks_stream_usage`](crate::Config::asks_stream_usage).
    pub always_include_stream_usage: Option<bool>,
    /// Nothing is said about a master key that is easily guessed. Default: false.
    pub dangerously_permit_weak_or_unset_master_key: bool,
}

/// Shorter keys are guessed: 16 characters of hexadecimal digits are 64 bits.
const SHORTEST_MASTER_KEY: usize = 16;

// ===== impl GeneralSettings =====

impl GeneralSettings {
    pub(crate) fn read(
        section: &Section<'_>,
        environment: &Environment<'_>,
        report: &mut Report,
    ) -> Self {
        let said = |name, report: &mut Report| {
            let field = section.get(name);
            field.and_then(|field| field.truth(report))
        };
        let flag = |name, report: &mut Report| said(name, report).unwrap_or(false);
        let mut settings = Self {
            master_key: None,
            max_request_size_mb: section.get("max_request_size_mb").and_then(|field| {
                field.number(report, "a number of megabytes above 0", |size| size > 0.0)
            }),
            dangerously_allow_mock_testing_request_params: flag(
                "dangerously_allow_mock_testing_request_params",
                report,
            ),
            always_include_stream_usage: said("always_include_stream_usage", report),
            dangerously_permit_weak_or_unset_master_key: flag(
                "dangerously_permit_weak_or_unset_master_key",
                report,
            ),
        };
        if let Some(field) = section.get("master_key") {
            settings.master_key = field
                .name(report)
                .filter(|text| !check::refuse_placeholder(&field, text, report))
                .map(Secret::from);
            if settings.has_weak_master_key()
                && !settings.dangerously_permit_weak_or_unset_master_key
            {
                report.advise(
                    field.key_mark,
                    "`general_settings.master_key` is easily guessed: make one with `openssl rand -hex 24`",
                );
            }
        } else {
            settings.master_key = environment
                .get("LITELLM_MASTER_KEY")
                .filter(|key| !key.is_empty())
                .map(Secret::from);
        }
        settings
    }

    /// True for a master key that is short or one letter repeated, such as the `sk-1234` of the tutorials.
    /// False without a master key.
    #[must_use]
    pub fn has_weak_master_key(&self) -> bool {
        self.master_key.as_ref().is_some_and(|key| {
            let key = key.expose().trim_start_matches("sk-");
            let mut letters: Vec<char> = key.chars().collect();
            letters.sort_unstable();
            letters.dedup();
            key.len() < SHORTEST_MASTER_KEY || letters.len() < 4
        })
    }
}
