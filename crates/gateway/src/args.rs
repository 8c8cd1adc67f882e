#![expect(clippy::doc_markdown, reason = "these comments are the text of --help")]

use clap::{Parser, Subcommand, ValueEnum};
use std::{net::IpAddr, path::PathBuf};

/// A load balancer for LLM traffic. Runs a LiteLLM config.yaml; without one, a demo that needs no key.
#[derive(Debug, Parser)]
#[command(name = "headworks", version, propagate_version = true)]
pub(crate) struct Args {
    /// The configuration: LiteLLM's config.yaml
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Read the configuration, say what is wrong with it, what has no effect, how many attempts a request of
    /// each group may come to and whether limits are kept, and exit: 0 if it can be run, else 1
    #[arg(long)]
    pub(crate) check: bool,

    /// The address to listen on; anything but loopback needs a master_key in the configuration
    #[arg(long, value_name = "H", default_value = "127.0.0.1", global = true)]
    pub(crate) host: IpAddr,

    /// The port to listen on; 0 takes a free one
    #[arg(long, short, value_name = "P", default_value_t = 4000, global = true)]
    pub(crate) port: u16,

    /// How to write the log, on standard error; RUST_LOG sets what is written
    #[arg(long, value_enum, default_value_t = LogFormat::Human, global = true)]
    pub(crate) log: LogFormat,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the demo: three simulated deployments of one model, one slow, one flaky, one rate-limited
    Demo,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Human,
    /// One JSON object a line
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_loopback_and_port_4000() {
        let args = Args::parse_from(["headworks"]);
        assert!(args.host.is_loopback());
        assert_eq!(args.port, 4000);
        assert!(args.config.is_none() && args.command.is_none());
        let args = Args::parse_from(["headworks", "demo", "--port", "0"]);
        assert_eq!(args.port, 0);
    }
}
