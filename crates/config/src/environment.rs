//! `os.environ/NAME`: what stands outside of the file.

use crate::{
    load::LookUp,
    quote,
    report::Report,
    yaml::{Map, Node, Origin, Scalar, Value},
};
use headworks_core::Secret;

/// The variables a configuration is read with.
pub(crate) struct Environment<'a> {
    /// Those of the file's `environment_variables`, in the order of the file.
    own: Vec<(String, Secret)>,
    process: &'a LookUp,
}

const PREFIX: &str = "os.environ/";

/// True if showing `os.environ/…` shows nothing but the name of a variable.
pub(crate) fn is_reference(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(is_name)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

// ===== impl Environment =====

impl<'a> Environment<'a> {
    pub(crate) fn new(process: &'a LookUp) -> Self {
        Self {
            own: Vec::new(),
            process,
        }
    }

    /// The file's own variables come first: `LiteLLM` writes them over those of its process.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let own = self.own.iter().rev().find(|(own, _)| own == name);
        own.map(|(_, value)| value.expose().to_owned())
            .or_else(|| (self.process)(name))
    }

    pub(crate) fn into_own(self) -> Vec<(String, Secret)> {
        self.own
    }

    /// Resolves every reference below the root, `environment_variables` first and in their order, so that
    /// one of them may refer to those above it.
    pub(crate) fn resolve(&mut self, root: &mut Map, report: &mut Report) {
        if let Some(entry) = root.entry_mut("environment_variables")
            && !entry.value.is_null()
        {
            self.declare(&mut entry.value, report);
        }
        for entry in &mut root.entries {
            if entry.key != "environment_variables" {
                self.walk(&mut entry.value, &entry.key, report);
            }
        }
    }

    fn declare(&mut self, node: &mut Node, report: &mut Report) {
        let Value::Map(map) = &mut node.value else {
            let message = "`environment_variables` must be a mapping of names to values";
            report.problem(node.mark, message, "write `NAME: value`");
            return;
        };
        for entry in &mut map.entries {
            let path = format!("environment_variables.{}", entry.key);
            self.walk(&mut entry.value, &path, report);
            match &entry.value.value {
                Value::Scalar(scalar) if *scalar.origin() == Origin::Unset => {}
                Value::Scalar(scalar) => {
                    let value = Secret::from(scalar.text());
                    self.own.push((entry.key.clone(), value));
                }
                Value::List(_) | Value::Map(_) => {
                    let message = format!(
                        "the variable {} must be text or a number",
                        quote(&entry.key)
                    );
                    report.problem(entry.value.mark, message, "");
                }
            }
        }
    }

    fn walk(&self, node: &mut Node, path: &str, report: &mut Report) {
        match &mut node.value {
            Value::Map(map) => {
                for entry in &mut map.entries {
                    self.walk(&mut entry.value, &format!("{path}.{}", entry.key), report);
                }
            }
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.walk(item, &format!("{path}[{index}]"), report);
                }
            }
            Value::Scalar(scalar) => {
                if let Err(message) = self.look_up(scalar, path) {
                    report.problem(node.mark, message, "");
                }
            }
        }
    }

    fn look_up(&self, scalar: &mut Scalar, path: &str) -> Result<(), String> {
        let Some(name) = scalar.text().strip_prefix(PREFIX) else {
            return Ok(());
        };
        if !is_name(name) {
            scalar.resolve("", None);
            return Err(format!(
                "{} wants a variable, and what follows `{PREFIX}` is not the name of one: \
                 letters, digits, underscores",
                quote(path)
            ));
        }
        let name = name.to_owned();
        let value = self.get(&name);
        let unset = value.is_none();
        scalar.resolve(&name, value);
        if unset {
            return Err(format!(
                "{} wants the environment variable `{name}`, which is not set",
                quote(path)
            ));
        }
        Ok(())
    }
}
