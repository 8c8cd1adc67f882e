//! `cargo xtask bench`: the crates' own benches, then the gateway beside nginx and beside no proxy at all.
//!
//! The comparison drives one upstream, nginx with a fixed answer, through each contender in turn, in rounds, on the
//! same machine in the same run. Everything competes for the same cores, the load generator too, so that
//! requests per second say less than the CPU time a request costs; the ratios of one run are what to quote.

mod contender;
mod load;
mod nginx;
mod report;

use crate::{
    run::{Run, Stopped},
    setup,
    shell::{cargo, packages, run as sh, target},
};
use anyhow::{Context, Result};
use clap::Args;
use contender::Contender;
use load::{Load, Shape};
use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

#[derive(Args)]
pub(crate) struct Options {
    /// How long each contender is driven in each round, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often each contender gets its turn; what is printed is the median
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Leave out the crates' own benches
    #[arg(long)]
    gateway_only: bool,
}

/// A chat completion as small as they come, and a long conversation.
const SHAPES: [Shape; 3] = [
    Shape {
        connections: 1,
        body: 1_000,
    },
    Shape {
        connections: 64,
        body: 1_000,
    },
    Shape {
        connections: 64,
        body: 100_000,
    },
];

/// How many deployments the one upstream is configured as, in the gateway as in nginx.
const DEPLOYMENTS: usize = 3;

/// How often the program is started to find how long that takes.
const STARTS: usize = 20;

/// The crates' benches, then the comparison.
pub(crate) fn run(run: &mut Run, options: &Options) -> Result<(), Stopped> {
    if !options.gateway_only {
        run.check("benches of the crates", crate_benches);
    }
    run.require("set up nginx and wrk", || {
        setup::debian("nginx", "nginx-light")?;
        setup::debian("wrk", "wrk")
    })?;
    run.require("build the program, optimized", || {
        sh(&mut cargo([
            "build",
            "--release",
            "--package",
            "headworks-gateway",
        ]))
    })?;
    run.check("cold start and idle memory", cold_start);
    run.check("gateway beside nginx", || compare(options));
    Ok(())
}

/// Runs the benches of every package that has some, those under valgrind included.
fn crate_benches() -> Result<()> {
    setup::debian("valgrind", "valgrind")?;
    let runner = setup::GUNGRAUN_RUNNER.install()?;
    for package in packages()? {
        let benches = package["targets"]
            .as_array()
            .is_some_and(|targets| targets.iter().any(|target| target["kind"][0] == "bench"));
        if let (true, Some(name)) = (benches, package["name"].as_str()) {
            // Not `--benches`, which would run the unit tests as benches too.
            sh(cargo(["bench", "--package", name, "--bench", "*"]).env("GUNGRAUN_RUNNER", &runner))?;
        }
    }
    Ok(())
}

/// Starts the program many times over: how long until it has answered a request, how much memory it then
/// holds before it has seen any traffic.
fn cold_start() -> Result<()> {
    let upstream = nginx::upstream(&folder("upstream")?, DEPLOYMENTS)?;
    let mut times = Vec::new();
    let mut memory = 0;
    for _ in 0..STARTS {
        let started = Instant::now();
        let gateway = headworks(&upstream.ports)?;
        times.push(started.elapsed());
        memory = memory.max(gateway.memory()?);
    }
    times.sort_unstable();
    println!(
        "from start to the first answer (GET /health/liveliness): median {:.1} ms, slowest {:.1} ms of {STARTS}",
        millis(times[STARTS / 2]),
        millis(times[STARTS - 1]),
    );
    println!(
        "resident memory then: {:.1} MB at most",
        memory as f64 / 1e6
    );
    Ok(())
}

/// Drives the upstream directly, through nginx and through the gateway, and prints a table for each shape.
fn compare(options: &Options) -> Result<()> {
    let upstream = nginx::upstream(&folder("upstream")?, DEPLOYMENTS)?;
    let contenders = [
        nginx::proxy(&folder("proxy")?, &upstream.ports)?,
        headworks(&upstream.ports)?,
    ];
    for shape in SHAPES {
        let load = Load::new(
            &folder("load")?,
            shape,
            Duration::from_secs(options.seconds),
        )?;
        let mut rows = vec![report::Row::new("direct")];
        rows.extend(contenders.iter().map(|of| report::Row::new(of.name)));
        for _ in 0..options.rounds {
            rows[0].push(load.drive(upstream.ports[0])?, None);
            for (row, contender) in rows[1..].iter_mut().zip(&contenders) {
                let before = contender.cpu()?;
                let driven = load.drive(contender.ports[0])?;
                row.push(
                    driven,
                    Some((contender.cpu()? - before, contender.memory()?)),
                );
            }
        }
        report::print(shape, options.rounds, options.seconds, &rows);
    }
    Ok(())
}

/// The gateway on a configuration of so many deployments of one group, ready to answer.
fn headworks(upstreams: &[u16]) -> Result<Contender> {
    let folder = folder("headworks")?;
    let mut config = String::from("model_list:\n");
    for port in upstreams {
        config.push_str(&format!(
            "  - model_name: {group}\n    \
                 litellm_params:\n      \
                     model: openai/{group}\n      \
                     api_base: http://127.0.0.1:{port}/v1\n      \
                     api_key: sk-bench\n",
            group = load::GROUP,
        ));
    }
    let path = folder.join("config.yaml");
    fs::write(&path, config)?;
    let port = contender::free_port()?;
    Contender::start(
        "headworks",
        Command::new(target().join("release/headworks"))
            .arg("--config")
            .arg(path)
            .args(["--port", &port.to_string()]),
        &folder,
        vec![port],
        "/health/liveliness",
    )
}

/// A folder for what a contender needs and writes.
fn folder(name: &str) -> Result<PathBuf> {
    let folder = target().join("bench").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
