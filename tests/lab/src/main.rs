//! Runs the strategy lab; `cargo xtask lab` is this.

use clap::Parser;
use headworks_lab::Told;

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask lab",
    about = "Try the strategies in simulation"
)]
struct Arguments {
    #[command(flatten)]
    options: headworks_simulation::Options,
}

fn main() -> anyhow::Result<()> {
    Arguments::parse().options.run::<Told>()
}
