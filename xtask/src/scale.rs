use crate::{
    run::{Run, Stopped},
    setup,
    shell::{cargo, run as sh},
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Scenarios to run and only print, `redis`, and `--seed NUMBER`; see `cargo xtask scale -- --help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    scale: Vec<String>,
}

/// A program of its own, as the lab is, and optimized: it takes some ten million requests.
pub(crate) fn run(run: &mut Run, options: &Options) -> Result<(), Stopped> {
    run.require("set up Redis", || {
        setup::debian("redis-server", "redis-server")
    })?;
    run.require("scale", || {
        let program = [
            "run",
            "--quiet",
            "--release",
            "--package",
            "headworks-scale",
            "--",
        ];
        sh(cargo(program).args(&options.scale))
    })
}
