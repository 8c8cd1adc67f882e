use crate::shell::{cargo, command, installed, read, root, run, target};
use anyhow::{Context, Result, ensure};
use std::{fs, path::PathBuf};

/// A cargo subcommand the checks need, at the version they were written for.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Bans, licences and sources of the dependencies.
pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
};

/// Builds and runs the fuzz targets.
pub(crate) const CARGO_FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    version: "0.13.2",
};

/// Runs the benches that count instructions. The library they use, of the same version, is in `Cargo.toml`.
pub(crate) const GUNGRAUN_RUNNER: Tool = Tool {
    name: "gungraun-runner",
    version: "0.20.0",
};

// ===== impl Tool =====

impl Tool {
    /// Installs the tool under `target/tools`, if it is not there yet, and returns its path.
    ///
    /// Unoptimized: the tools run for seconds, and a release build of them takes minutes longer.
    pub(crate) fn install(&self) -> Result<PathBuf> {
        let tools = target().join("tools");
        let package = format!("{}@{}", self.name, self.version);
        run(
            cargo(["install", "--quiet", "--locked", "--debug", "--root"])
                .arg(&tools)
                .arg(package),
        )?;
        Ok(tools.join("bin").join(self.name))
    }
}

/// Installs a package of the distribution unless `program`, which it brings, is there.
pub(crate) fn debian(program: &str, package: &str) -> Result<()> {
    if installed(program) {
        return Ok(());
    }
    apt_get(package).with_context(|| format!("`{program}` is missing: install `{package}`"))
}

/// Makes the Python environment of the end-to-end tests, if it is not there yet or its requirements have
/// changed, and returns its interpreter.
pub(crate) fn python() -> Result<PathBuf> {
    let venv = target().join("venv");
    let python = venv.join("bin/python");
    let requirements = root().join("tests/e2e/python/requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    // Copied into the environment as the last act of making it.
    let installed = venv.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted)
        && read(command(&python).arg("--version")).is_ok()
    {
        return Ok(python);
    }
    if read(command("python3").args(["-c", "import ensurepip, venv"])).is_err() {
        apt_get("python3-venv")?;
    }
    run(command("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&venv))?;
    run(command(&python)
        .args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--requirement"])
        .arg(&requirements))?;
    fs::write(&installed, wanted)?;
    Ok(python)
}

fn apt_get(package: &str) -> Result<()> {
    ensure!(
        installed("apt-get"),
        "`{package}` is missing and there is no apt-get to install it with"
    );
    let apt_get = || {
        let mut command = command("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            // Keeps Debian from starting the services it installs.
            .env("RUNLEVEL", "1");
        command
    };
    run(apt_get().args(["update", "-qq"]))?;
    run(apt_get()
        .args(["install", "-qq", "-y", "--no-install-recommends"])
        .arg(package))
}
