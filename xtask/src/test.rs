use crate::{
    run::{Run, Stopped},
    setup,
    shell::{cargo, command, read, root, run as sh, run_seeing},
};
use std::{fs, path::Path};

/// How many inputs each fuzz target is given: enough to see that it builds, starts and finds nothing near by,
/// in a few seconds. Longer hunts are for their own time (`fuzz/README.md`).
const FUZZ_RUNS: u32 = 300_000;

/// Where the fuzzer's chance begins. Always the same, so that what fails a change is the change.
const FUZZ_SEED: u32 = 1;

/// All set-up and all tests.
pub(crate) fn run(run: &mut Run) -> Result<(), Stopped> {
    let python = run.require("set up Python and the SDKs", setup::python)?;
    let cargo_fuzz = run.require("set up cargo-fuzz", || {
        setup::debian("c++", "g++")?;
        setup::CARGO_FUZZ.install()
    })?;
    run.require("set up Redis", || {
        setup::debian("redis-server", "redis-server")
    })?;
    // The end-to-end tests start the program itself, as a user does, and would build it in mid-test.
    run.require("build the program", || {
        sh(&mut cargo(["build", "--package", "headworks-gateway"]))
    })?;
    run.tests("tests of the workspace", |tally| {
        let mut test = cargo(["test", "--workspace", "--all-features", "--no-fail-fast"]);
        test.env("HEADWORKS_PYTHON", python);
        run_seeing(&mut test, |line| tally.read(line))
    });
    fuzz(run, &cargo_fuzz)
}

/// Runs every fuzz target for a short while; each counts as one test.
fn fuzz(run: &mut Run, cargo_fuzz: &Path) -> Result<(), Stopped> {
    let targets = run.require("list the fuzz targets", || {
        read(command(cargo_fuzz).args(["fuzz", "list"]))
    })?;
    for target in targets.lines() {
        run.tests(&format!("fuzz {target}"), |tally| {
            // What it finds goes to the first folder; the second, in the repository, is where it starts.
            let corpus = root().join("fuzz/corpus").join(target);
            fs::create_dir_all(&corpus)?;
            // No sanitizer: those need a nightly compiler, and no code of ours is unsafe.
            sh(command(cargo_fuzz)
                .args(["fuzz", "run", "--sanitizer", "none", target])
                .arg(corpus)
                .arg(root().join("fuzz/seeds").join(target))
                .arg("--")
                .arg(format!("-runs={FUZZ_RUNS}"))
                .arg(format!("-seed={FUZZ_SEED}"))
                .args(["-max_len=4096", "-verbosity=0"]))?;
            tally.passed += 1;
            Ok(())
        });
    }
    Ok(())
}
