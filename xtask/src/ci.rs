use crate::{
    run::{Run, Stopped},
    setup::CARGO_DENY,
    shell::{cargo, command, packages, root, run as sh},
    test,
};
use anyhow::{Context, Result};
use std::path::Path;

/// Everything a change must pass.
pub(crate) fn run(run: &mut Run) -> Result<(), Stopped> {
    // Once the lockfile is known to be complete, no later step has a reason to change it.
    run.require("fetch dependencies, as locked", || {
        sh(&mut cargo(["fetch", "--quiet", "--locked"]))
    })?;
    run.check("format", || sh(&mut cargo(["fmt", "--all", "--check"])));
    run.check("lints", || {
        sh(cargo(["clippy", "--workspace"])
            .args(["--all-targets", "--all-features"])
            .args(["--", "--deny", "warnings"]))
    });
    run.check("docs", || {
        sh(cargo(["doc", "--workspace", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "--deny warnings"))
    });
    run.check("each crate alone, each feature alone", each_alone);
    // The advisories are left out: they need a database that is not always within reach, and a new one
    // would fail a change that has nothing to do with it.
    run.check("bans, licences, sources of dependencies", || {
        let cargo_deny = CARGO_DENY.install()?;
        sh(command(cargo_deny).args(["check", "bans", "licenses", "sources"]))
    });
    test::run(run)
}

/// Compiles every crate under `crates/` by itself, without its tests, once per feature it has: what a user of
/// that one crate compiles. In a build of the whole workspace a feature that one crate forgot to ask for may be
/// there by another's grace.
fn each_alone() -> Result<()> {
    let crates = root().join("crates");
    for package in packages()? {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        if !Path::new(manifest).starts_with(&crates) {
            continue;
        }
        let name = package["name"]
            .as_str()
            .context("`cargo metadata` lists a package without a name")?;
        let mut selections = vec![vec!["--no-default-features"]];
        for feature in package["features"].as_object().into_iter().flatten() {
            selections.push(vec!["--no-default-features", "--features", feature.0]);
        }
        for selection in selections {
            sh(cargo(["clippy", "--quiet", "--package", name])
                .args(selection)
                .args(["--", "--deny", "warnings"]))?;
        }
    }
    Ok(())
}
