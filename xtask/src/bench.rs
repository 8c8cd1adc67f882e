use crate::run::{Run, Stopped};
use clap::Args;

#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn run(_run: &mut Run, _options: &Options) -> Result<(), Stopped> {
    Ok(())
}
