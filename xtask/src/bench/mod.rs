//! `cargo xtask bench`: the crates' own benches, then the gateway beside nginx and beside no proxy at all, then
//! beside itself with limits that it shares over a Redis.
//!
//! The comparison drives one upstream, nginx with a fixed answer, through each contender in turn, in rounds, on the
//! same machine in the same run. Everything competes for the same cores, the load generator too, so that
//! requests per second say less than the CPU time a request costs; the ratios of one run are what to quote.

mod contender;
mod gateway;
mod limits;
mod load;
mod nginx;
mod redis;
mod report;
mod steady;

use crate::{
    run::{Run, Stopped},
    setup,
    shell::{cargo, packages, run as sh, target},
};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use contender::Contender;
use gateway::Gateway;
use load::{Load, Shape};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

#[derive(Args)]
pub(crate) struct Options {
    /// How long each contender is driven in each round, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// How often each contender gets its turn; what is printed is the median
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Only this part, and not all of them; may be said several times
    #[arg(long)]
    part: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The crates' own benches
    Crates,
    /// Cold start and idle memory
    Start,
    /// The gateway beside nginx
    Nginx,
    /// The gateway beside itself, with limits that are shared over a Redis
    Limits,
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
    let wanted = |part| options.part.is_empty() || options.part.contains(&part);
    if wanted(Part::Crates) {
        run.check("benches of the crates", crate_benches);
    }
    if options.part == [Part::Crates] {
        return Ok(());
    }
    run.require("set up nginx, wrk and redis-server", || {
        setup::debian("nginx", "nginx-light")?;
        setup::debian("wrk", "wrk")?;
        setup::debian("redis-server", "redis-server")
    })?;
    run.require("build the program, optimized", || {
        sh(&mut cargo([
            "build",
            "--release",
            "--package",
            "headworks-gateway",
        ]))
    })?;
    if wanted(Part::Start) {
        run.check("cold start and idle memory", cold_start);
    }
    if wanted(Part::Nginx) {
        run.check("gateway beside nginx", || compare(options));
    }
    if wanted(Part::Limits) {
        run.check("limits, alone and over Redis", || limits::cost(options));
        run.check("limits, whatever becomes of Redis", || {
            limits::disturbed(options)
        });
    }
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
        let gateway = gateway(&upstream.ports)?;
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
        gateway(&upstream.ports)?,
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
            rows[0].drive(&load, upstream.ports[0])?;
            for (row, contender) in rows[1..].iter_mut().zip(&contenders) {
                row.drive_contender(&load, contender)?;
            }
        }
        report::print(shape, options.rounds, options.seconds, &rows);
    }
    Ok(())
}

/// The gateway in front of these, as it is without having been told anything.
fn gateway(upstreams: &[u16]) -> Result<Contender> {
    let gateway = Gateway {
        name: "headworks",
        upstreams,
        params: &[],
        sections: "",
    };
    gateway.start()
}

/// A folder for what a contender needs and writes.
fn folder(name: &str) -> Result<PathBuf> {
    let folder = target().join("bench").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// The middle one, the upper of two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Lets the thread stand still.
#[allow(
    clippy::disallowed_methods,
    reason = "there is no runtime here to block"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
