use crate::{
    Config, Error, Loaded, Problem,
    environment::Environment,
    location::Mark,
    quote,
    report::Report,
    source::Source,
    visible::visible,
    yaml::{self, Entry, Map, Node, Value},
};
use std::{
    collections::HashSet,
    fmt, fs,
    path::{Path, PathBuf},
};

/// Reads configurations with an environment of the caller's choice.
///
/// ```
/// use headworks_config::Loader;
///
/// let text = "
/// model_list:
///   - model_name: gpt-4o
///     litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}
/// ";
/// let config = Loader::new()
///     .environment(|name| (name == "OPENAI_API_KEY").then(|| "sk-…".to_owned()))
///     .parse(text, "config.yaml")?
///     .config;
/// assert!(config.deployments[0].api_key.as_ref().is_some_and(|key| key.matches("sk-…".as_bytes())));
/// # Ok::<(), headworks_config::Error>(())
/// ```
pub struct Loader {
    environment: Box<LookUp>,
}

/// How the value of a variable is found.
pub(crate) type LookUp = dyn Fn(&str) -> Option<String>;

/// The files of one configuration while they are joined.
struct Files<'a> {
    report: &'a mut Report,
    seen: HashSet<PathBuf>,
}

// ===== impl Loader =====

impl Loader {
    /// A loader that looks variables up in the environment of the process. One whose value is not UTF-8
    /// counts as not set.
    #[must_use]
    pub fn new() -> Self {
        Self {
            environment: Box::new(|name| std::env::var(name).ok()),
        }
    }

    /// Looks variables up here instead. Those that the file itself sets in `environment_variables` still
    /// come first.
    #[must_use]
    pub fn environment(mut self, look_up: impl Fn(&str) -> Option<String> + 'static) -> Self {
        self.environment = Box::new(look_up);
        self
    }

    /// Reads a file and those it includes.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, at once.
    pub fn load(&self, path: &Path) -> Result<Loaded, Error> {
        let text = fs::read_to_string(path)
            .map_err(|error| Problem::nowhere(cannot_read(&path.to_string_lossy(), &error)))?;
        self.read(&text, path)
    }

    /// Reads a text as if it stood in a file called `name`; what it includes is looked for beside that.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, at once.
    pub fn parse(&self, text: &str, name: &str) -> Result<Loaded, Error> {
        self.read(text, Path::new(name))
    }

    fn read(&self, text: &str, path: &Path) -> Result<Loaded, Error> {
        let mut report = Report::default();
        let mut files = Files {
            report: &mut report,
            seen: HashSet::from([identity(path)]),
        };
        let mut root = files.join(text, path);
        // What did not parse would be reported once more as missing.
        let mut report = report.check()?;
        let mut environment = Environment::new(&*self.environment);
        environment.resolve(&mut root, &mut report);
        let config = Config::build(&root, environment, &mut report);
        let notices = report.finish()?;
        Ok(Loaded { config, notices })
    }
}

impl Default for Loader {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").finish_non_exhaustive()
    }
}

// ===== impl Files =====

impl Files<'_> {
    /// The top level of a file joined with those it includes.
    fn join(&mut self, text: &str, path: &Path) -> Map {
        let mut map = self.parse(text, path);
        let position = map.entries.iter().position(|entry| entry.key == "include");
        let Some(include) = position.map(|position| map.entries.remove(position)) else {
            return map;
        };
        for (name, mark) in self.names(&include) {
            let beside = path.parent().unwrap_or(Path::new("")).join(&name);
            if !self.seen.insert(identity(&beside)) {
                continue;
            }
            match fs::read_to_string(&beside) {
                Ok(text) => {
                    let included = self.join(&text, &beside);
                    self.absorb(&mut map, included);
                }
                Err(error) => {
                    let message = cannot_read(&name, &error);
                    let help = "files to include are looked for beside the file that names them";
                    self.report.problem(mark, message, help);
                }
            }
        }
        map
    }

    fn parse(&mut self, text: &str, path: &Path) -> Map {
        // A byte order mark is no column.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document = yaml::parse(text, self.report.next_file());
        let scalars = document.complete.then(|| {
            let mut scalars = Vec::new();
            if let Some(root) = &document.root {
                visible(root, "", false, &mut scalars);
            }
            scalars
        });
        let name = path.to_string_lossy();
        let source = Source::new(name.as_ref().into(), text, scalars);
        let start = Mark {
            file: self.report.next_file(),
            ..Mark::default()
        };
        self.report.add_source(source);
        for fault in document.faults {
            self.report.problem(fault.mark, fault.message, fault.help);
        }
        match document.root {
            Some(Node {
                value: Value::Map(map),
                ..
            }) => map,
            Some(node) => {
                let message = "a configuration must be a mapping with `model_list` in it";
                self.report.problem(node.mark, message, "");
                Map::default()
            }
            None => {
                if document.complete {
                    let help = "a configuration needs at least `model_list`";
                    self.report.problem(start, "the file is empty", help);
                }
                Map::default()
            }
        }
    }

    fn names(&mut self, include: &Entry) -> Vec<(String, Mark)> {
        let mut names = Vec::new();
        let items = match &include.value.value {
            Value::List(items) => items.as_slice(),
            Value::Scalar(_) if include.value.is_null() => &[],
            Value::Scalar(_) | Value::Map(_) => std::slice::from_ref(&include.value),
        };
        let is_list = matches!(include.value.value, Value::List(_));
        for item in items {
            match item.as_scalar().filter(|_| is_list) {
                Some(scalar) if !scalar.text().is_empty() => {
                    names.push((scalar.text().to_owned(), item.mark));
                }
                _ => self.report.problem(
                    item.mark,
                    "`include` must be a list of file names",
                    "write `include: [models.yaml]`",
                ),
            }
        }
        names
    }

    /// `LiteLLM`'s rule: lists are joined, any other value is replaced by the included file's.
    fn absorb(&mut self, map: &mut Map, included: Map) {
        for entry in included.entries {
            let Some(before) = map.entry_mut(&entry.key) else {
                map.entries.push(entry);
                continue;
            };
            match (&mut before.value.value, entry.value.value) {
                (Value::List(items), Value::List(more)) => items.extend(more),
                (_, value) => {
                    let replaced = self.report.location(before.key_mark);
                    self.report.advise(
                        entry.key_mark,
                        format!(
                            "{} here replaces all of that at {replaced}",
                            quote(&entry.key)
                        ),
                    );
                    before.key_mark = entry.key_mark;
                    before.value = Node {
                        mark: entry.value.mark,
                        value,
                    };
                }
            }
        }
    }
}

/// One file is one file, whatever way leads to it.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn cannot_read(name: &str, error: &std::io::Error) -> String {
    format!("cannot read {}: {error}", quote(name))
}
