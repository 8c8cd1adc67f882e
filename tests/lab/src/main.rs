//! Runs the strategy lab; `cargo xtask lab` is this.

use anyhow::{Context, Result};
use clap::Parser;
use headworks_lab::{Scenario, Told, page};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask lab",
    about = "Try the strategies in simulation"
)]
struct Options {
    /// The scenarios to run, and only print. By default all are run, and docs/lab.md is written.
    scenarios: Vec<String>,
    /// Where chance begins, in place of what the scenario says; only prints.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let names: Vec<&str> = if options.scenarios.is_empty() {
        Scenario::NAMES.to_vec()
    } else {
        options.scenarios.iter().map(String::as_str).collect()
    };
    let mut all = Vec::new();
    for name in names {
        let mut scenario = Scenario::named(name)?;
        scenario.seed = options.seed.unwrap_or(scenario.seed);
        println!("\n{}: {} (seed {})\n", name, scenario.title, scenario.seed);
        let told = Told::new(scenario)?;
        print!("{}", told.table());
        all.push(told);
    }
    if options.scenarios.is_empty() && options.seed.is_none() {
        write(&all)?;
    }
    Ok(())
}

fn write(all: &[Told]) -> Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let pictures = docs.join("lab");
    if pictures.exists() {
        fs::remove_dir_all(&pictures).context("cannot remove the old pictures")?;
    }
    fs::create_dir_all(&pictures)?;
    let put = |path: PathBuf, text: String| {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    for told in all {
        for (path, picture) in told.pictures() {
            put(docs.join(path), picture)?;
        }
    }
    put(docs.join("lab.md"), page(all))
}
