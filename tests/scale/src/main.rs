//! Runs the simulations of shared limits at scale; `cargo xtask scale` is this.

use anyhow::Result;
use clap::Parser;
use headworks_scale::{Told, redis};

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask scale",
    about = "Simulate limits that many instances share; as the scenario `redis`, measure what a real server's work is"
)]
struct Arguments {
    #[command(flatten)]
    options: headworks_simulation::Options,
}

fn main() -> Result<()> {
    let Arguments { options } = Arguments::parse();
    match options.scenarios.as_slice() {
        [one] if one == "redis" => measure(),
        _ => options.run::<Told>(),
    }
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
