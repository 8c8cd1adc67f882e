//! `headworks`: a gateway for LLM traffic that runs a `LiteLLM` `config.yaml` unchanged.
//!
//! The binary is a listener around [`headworks::Gateway`]: arguments, logs, metrics, signals. Everything a
//! request meets is in the library, where others can use it too.

mod args;
mod demo;
mod listen;
mod log;
mod stall;
mod start;
mod unread;

use args::Args;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    log::init(args.log);
    match start::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through the log: a person reads this, several lines of it perhaps.
            eprintln!("headworks: {error}");
            // Who checks wants to know whether it can be run, and no more.
            if args.check {
                ExitCode::FAILURE
            } else {
                error.exit_code()
            }
        }
    }
}
