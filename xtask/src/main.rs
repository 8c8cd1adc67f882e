//! The project's own commands.
//!
//! | command | what it does |
//! |---|---|
//! | `cargo xtask test` | sets up what the tests need, then runs every test there is |
//! | `cargo xtask ci` | what a change must pass: format, lints, docs, each crate alone, licences, `test` |
//! | `cargo xtask bench` | the crates' benches, the gateway measured beside nginx, and its limits alone and over a Redis |
//! | `cargo xtask matrix` | writes `docs/fault-matrix.md` anew from its table |
//! | `cargo xtask lab` | the strategies, tried in simulation: writes `docs/lab.md` |
//! | `cargo xtask scale` | limits that hundreds of instances share, in simulation: writes `docs/scale.md` |
//!
//! All of them work on a bare Debian 12 with Rust and Python as root, keep what they install under `target/`
//! (packages of the distribution aside), and are quick when everything is there already.
//!
//! Wall-clock time is what a task reports, and there is no runtime here whose time could be paused.
#![allow(clippy::disallowed_types)]

mod bench;
mod ci;
mod lab;
mod run;
mod scale;
mod setup;
mod shell;
mod tally;
mod test;

use clap::Parser;
use run::Run;
use shell::{cargo, run as sh};
use std::process::ExitCode;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "The project's own commands")]
enum Task {
    /// Set up what the tests need, then run every test there is.
    Test,
    /// Run what a change must pass: format, lints, docs, each crate alone, licences, tests.
    Ci,
    /// Run the crates' benches, and measure the gateway beside nginx and its limits over a Redis.
    Bench(bench::Options),
    /// Write `docs/fault-matrix.md` anew from its table.
    Matrix,
    /// Try the strategies in simulation, and write docs/lab.md.
    Lab(lab::Options),
    /// Simulate limits that hundreds of instances share, and write docs/scale.md.
    Scale(scale::Options),
}

fn main() -> ExitCode {
    let mut run = Run::start();
    // A step that was required has failed and been noted; the summary is still owed.
    let _stopped = match Task::parse() {
        Task::Test => test::run(&mut run),
        Task::Ci => ci::run(&mut run),
        Task::Bench(options) => bench::run(&mut run, &options),
        Task::Matrix => run.require("write the fault matrix", matrix),
        Task::Lab(options) => lab::run(&mut run, &options),
        Task::Scale(options) => scale::run(&mut run, &options),
    };
    run.finish()
}

/// The table knows how it is written down; the test of the page does it.
fn matrix() -> anyhow::Result<()> {
    let mut test = cargo(["test", "--quiet", "--package", "headworks-matrix"]);
    sh(test
        .args(["--test", "matrix", "the_page_is_what_the_table_says"])
        .env("HEADWORKS_MATRIX_WRITE", "1"))
}
