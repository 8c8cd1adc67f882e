use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What is found out of a scenario.
pub trait Report: Sized {
    /// The simulation's name: of `cargo xtask NAME`, of its page `docs/NAME.md` and of the folder of its pictures.
    const NAME: &'static str;

    /// The names of all scenarios there are, in the order they are told in.
    const SCENARIOS: &'static [&'static str];

    /// Runs the scenario of this name; chance begins at `seed`, if one is given, in place of where the scenario says.
    ///
    /// # Errors
    ///
    /// If there is no such scenario, or the system gives no runtime.
    fn run(name: &str, seed: Option<u64>) -> Result<Self>;

    /// What is printed of it: what it is about, and the figures.
    fn text(&self) -> String;

    /// The page that tells of all of them.
    fn page(all: &[Self]) -> String;

    /// The pictures in it, with their paths from it.
    fn pictures(all: &[Self]) -> Vec<(String, String)>;
}

/// The command line of a simulation.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The scenarios to run, and only print. By default all are run, and the page in `docs` is written.
    pub scenarios: Vec<String>,
    /// Where chance begins, in place of what the scenario says; only prints.
    #[arg(long)]
    pub seed: Option<u64>,
}

// ===== impl Options =====

impl Options {
    /// Runs what is asked for, prints what comes of it, and writes the page where everything is.
    ///
    /// # Errors
    ///
    /// If there is no such scenario, or something cannot be written.
    pub fn run<R: Report>(&self) -> Result<()> {
        let asked = self.scenarios.iter().map(String::as_str);
        let is_all = self.scenarios.is_empty();
        let names: Vec<&str> = match is_all {
            true => R::SCENARIOS.to_vec(),
            false => asked.collect(),
        };
        let mut reports = Vec::new();
        for name in names {
            let report = R::run(name, self.seed)?;
            println!("{}", report.text());
            reports.push(report);
        }
        if is_all && self.seed.is_none() {
            write(&reports)?;
        }
        Ok(())
    }
}

/// The folder of the project that the pages are in.
#[must_use]
pub fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn write<R: Report>(all: &[R]) -> Result<()> {
    let pictures = docs().join(R::NAME);
    if pictures.exists() {
        fs::remove_dir_all(&pictures).context("cannot remove the old pictures")?;
    }
    fs::create_dir_all(&pictures)?;
    let put = |path: PathBuf, text: String| {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    for (path, picture) in R::pictures(all) {
        put(docs().join(path), picture)?;
    }
    put(docs().join(R::NAME).with_extension("md"), R::page(all))
}
