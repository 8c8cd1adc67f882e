use crate::{
    run::{Run, Stopped},
    shell::{cargo, run as sh},
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Scenarios to run and only print, and `--seed NUMBER`; see `cargo xtask lab -- --help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    lab: Vec<String>,
}

/// The lab is a program of its own, so that the other tasks need not be compiled with the layers.
pub(crate) fn run(run: &mut Run, options: &Options) -> Result<(), Stopped> {
    run.require("lab", || {
        sh(cargo(["run", "--quiet", "--package", "headworks-lab", "--"]).args(&options.lab))
    })
}
