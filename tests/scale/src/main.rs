//! Runs the simulations of shared limits at scale; `cargo xtask scale` is this.

use anyhow::{Context, Result};
use clap::Parser;
use headworks_scale::{Scenario, Told, page, pictures, redis};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask scale",
    about = "Simulate limits that many instances share"
)]
struct Options {
    /// The scenarios to run, and only print; `redis` measures what a real server's work is instead. By default all
    /// are run, and docs/scale.md is written.
    scenarios: Vec<String>,
    /// Where chance begins, in place of what the scenario says; only prints.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.scenarios == ["redis"] {
        return measure();
    }
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

fn measure() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for kind in redis::Kind::ALL {
        let call = runtime.block_on(redis::measure(kind))?;
        println!("{call:.1?}");
    }
    Ok(())
}

fn write(all: &[Told]) -> Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let folder = docs.join("scale");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot remove the old pictures")?;
    }
    fs::create_dir_all(&folder)?;
    let put = |path: PathBuf, text: String| {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    for (path, picture) in pictures(all) {
        put(docs.join(path), picture)?;
    }
    put(docs.join("scale.md"), page(all))
}
