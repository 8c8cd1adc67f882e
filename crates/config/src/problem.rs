use crate::{Location, Notice};
use std::fmt;

/// One thing that is wrong with a configuration: where, what was found, what is accepted, what to do.
///
/// Displays like a compiler's error, over several lines. Also built by whoever finds something wrong later,
/// from the [`Location`] that the configuration carries along:
///
/// ```
/// use headworks_config::{Config, Problem};
///
/// let text = "model_list: [{model_name: m, litellm_params: {model: opnai/gpt-4o}}]";
/// let config = Config::parse(text, "config.yaml")?.config;
///
/// let problem = Problem::new(&config.deployments[0].at, "unknown provider `opnai`")
///     .help("did you mean `openai`?");
/// assert_eq!(problem.to_string(), "\
/// error: unknown provider `opnai`
///  --> config.yaml:1:54
///   |
/// 1 | model_list: [{model_name: m, litellm_params: {model: opnai/gpt-4o}}]
///   |                                                      ^^^^^^^^^^^^
///   = help: did you mean `openai`?");
/// # Ok::<(), headworks_config::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    at: Option<Location>,
    message: String,
    help: Option<String>,
}

/// Why a configuration was refused: every [`Problem`] found, in the order of the files.
#[derive(Clone, Debug)]
pub struct Error {
    problems: Vec<Problem>,
    /// Keys nobody knows, of which one may be what a problem is about.
    unknown: Vec<Notice>,
}

/// More problems than this are counted, not shown.
const SHOWN: usize = 50;

// ===== impl Problem =====

impl Problem {
    /// A problem with what stands at `at`.
    pub fn new(at: &Location, message: impl Into<String>) -> Self {
        Self {
            at: Some(at.clone()),
            message: message.into(),
            help: None,
        }
    }

    /// A problem with a file as a whole, such as one that cannot be opened.
    pub(crate) fn nowhere(message: impl Into<String>) -> Self {
        Self {
            at: None,
            message: message.into(),
            help: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Where it stands; `None` if the file could not be read at all.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.at.as_ref()
    }

    /// What was found and what is accepted.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        let mut margin = 1;
        if let Some(at) = &self.at {
            margin = at.line().to_string().len();
            write!(f, "\n{:margin$}--> {at}", "")?;
            if let Some(excerpt) = at.source().excerpt(at.mark()) {
                write!(f, "\n{:margin$} |\n{} | {}", "", at.line(), excerpt.text)?;
                let caret = "^".repeat(excerpt.width);
                write!(f, "\n{:margin$} | {:2$}{caret}", "", "", excerpt.column)?;
            }
        }
        if let Some(help) = &self.help {
            write!(f, "\n{:margin$} = help: {help}", "")?;
        }
        Ok(())
    }
}

// ===== impl Error =====

impl Error {
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.at.as_ref().map(Location::mark));
        Self {
            problems,
            unknown: Vec::new(),
        }
    }

    pub(crate) fn beside(mut self, unknown: Vec<Notice>) -> Self {
        self.unknown = unknown;
        self
    }

    /// What is wrong, in the order of the files. Never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

impl FromIterator<Problem> for Error {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self::new(problems.into_iter().collect())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.problems.iter().take(SHOWN) {
            write!(f, "{problem}\n\n")?;
        }
        for notice in self.unknown.iter().take(SHOWN) {
            write!(f, "note: {notice}\n\n")?;
        }
        match self.problems.len() {
            1 => f.write_str("the configuration was refused: 1 problem"),
            many if many > SHOWN => write!(
                f,
                "the configuration was refused: {many} problems, the first {SHOWN} are shown"
            ),
            many => write!(f, "the configuration was refused: {many} problems"),
        }
    }
}

impl std::error::Error for Error {}
