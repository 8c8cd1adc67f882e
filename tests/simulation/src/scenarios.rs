use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use std::{fs, marker::PhantomData, path::Path};

/// The scenarios of a simulation, each an `S`: files of TOML in one folder.
#[derive(Debug)]
pub struct Scenarios<S> {
    folder: &'static str,
    names: &'static [&'static str],
    of: PhantomData<fn() -> S>,
}

// ===== impl Scenarios =====

impl<S: DeserializeOwned> Scenarios<S> {
    /// Those in the folder, by the names of their files without `.toml`, in the order they are told in.
    #[must_use]
    pub const fn new(folder: &'static str, names: &'static [&'static str]) -> Self {
        let of = PhantomData;
        Self { folder, names, of }
    }

    /// Their names, in the order they are told in.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        self.names
    }

    /// Reads the one of this name.
    ///
    /// # Errors
    ///
    /// If there is no such file or it is no scenario.
    pub fn read(&self, name: &str) -> Result<S> {
        let path = Path::new(self.folder).join(name).with_extension("toml");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("no scenario {name:?}: cannot read {}", path.display()))?;
        Self::parse(name, &text)
    }

    /// Reads what such a file holds. The name of the file is the scenario's `name`.
    ///
    /// # Errors
    ///
    /// If it is no scenario.
    pub fn parse(name: &str, text: &str) -> Result<S> {
        let scenario = || {
            let mut scenario: toml::Table = text.parse()?;
            scenario.insert("name".to_owned(), name.into());
            scenario.try_into()
        };
        scenario().with_context(|| format!("scenario {name:?}"))
    }

    /// The names of all that the folder holds, sorted.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn in_folder(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for file in fs::read_dir(self.folder)? {
            let file = file?.path();
            let name = file.file_stem().unwrap_or_default();
            names.push(name.to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Scenario {
        name: String,
        seed: u64,
    }

    #[test]
    fn a_scenario_is_called_as_its_file_and_says_nothing_that_is_not_known() {
        let name = "a".to_owned();
        let read = |text| Scenarios::<Scenario>::parse("a", text);
        assert_eq!(read("seed = 1").unwrap(), Scenario { name, seed: 1 });
        for wrong in ["", "seed = 1\nsed = 2", "seed = -1", "seed"] {
            let error = read(wrong).unwrap_err().to_string();
            assert_eq!(error, "scenario \"a\"", "{wrong}");
        }
    }
}
