//! Limits that are kept, alone and shared over a Redis: what that adds to a request, and whether a client can tell
//! what becomes of the Redis.

use super::{
    DEPLOYMENTS, Options,
    contender::Contender,
    folder,
    gateway::Gateway,
    median, nginx, pause,
    redis::Redis,
    steady::{Came, Steady, joined},
};
use anyhow::{Result, ensure};
use std::{thread, time::Duration};

/// Limits that no load here comes near: what is measured is keeping them, not refusing.
const PARAMS: [&str; 2] = ["rpm: 1000000", "tpm: 1000000000"];

/// Far below what the gateway can do, so that what is seen is how long an answer takes, and not a queue.
const PER_SECOND: u32 = 400;

/// How long it is under that load before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// The CPU time of a request with the limits kept alone, and shared over a Redis. Two that keep them alone tell how
/// much of the difference is nobody's; all are asked at once, so that whatever else the machine does falls on each.
pub(crate) fn cost(options: &Options) -> Result<()> {
    let upstream = nginx::upstream(&folder("upstream")?, DEPLOYMENTS)?;
    let redis = Redis::start(&folder("redis")?)?;
    let gateways = [
        gateway("alone", &upstream.ports, None)?,
        gateway("alone too", &upstream.ports, None)?,
        gateway("shared", &upstream.ports, Some(&redis))?,
    ];
    let time = 4 * Duration::from_secs(options.seconds);
    for gateway in &gateways {
        steady(gateway, WARM_UP).drive()?;
    }
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        let round = thread::scope(|scope| {
            let cost = |of| scope.spawn(move || cpu_per_request(of, time));
            let threads = gateways.each_ref().map(cost);
            let [alone, too, shared] = threads.map(joined);
            anyhow::Ok([alone?, too?, shared?])
        })?;
        rounds.push(round);
    }
    println!(
        "{PER_SECOND} requests/s for {} s to each at once; medians of {} rounds",
        time.as_secs(),
        options.rounds
    );
    println!("{:18}{:>16}{:>12}", "", "CPU µs/request", "of alone");
    for (at, gateway) in gateways.iter().enumerate() {
        let cost = median(rounds.iter().map(|round| round[at]).collect());
        let ratio = median(rounds.iter().map(|round| round[at] / round[0]).collect());
        println!("{:18}{cost:>16.1}{ratio:>12.3}", gateway.name);
    }
    Ok(())
}

/// In microseconds, under the steady load.
fn cpu_per_request(gateway: &Contender, time: Duration) -> Result<f64> {
    let before = gateway.cpu()?;
    let came = steady(gateway, time).drive()?;
    let used = gateway.cpu()? - before;
    Ok(used.as_secs_f64() * 1e6 / came.count() as f64)
}

/// A steady load while nothing happens to Redis, and while it is stopped, goes on, is killed and comes back. A gateway
/// that knows of no Redis is asked at the same times: what differs there is the machine's doing.
pub(crate) fn disturbed(options: &Options) -> Result<()> {
    let upstream = nginx::upstream(&folder("upstream")?, DEPLOYMENTS)?;
    let mut redis = Redis::start(&folder("redis")?)?;
    let gateways = [
        gateway("alone", &upstream.ports, None)?,
        gateway("shared", &upstream.ports, Some(&redis))?,
    ];
    for gateway in &gateways {
        steady(gateway, WARM_UP).drive()?;
    }
    let part = Duration::from_secs(options.seconds);
    println!(
        "{PER_SECOND} requests/s to each at once for {} s; where it is disturbed, Redis is stopped for the first \
         quarter and dead for the third",
        4 * options.seconds
    );
    println!(
        "{:18}{:>14}{:>14}{:>14}{:>14}{:>12}",
        "", "alone p50 µs", "shared p50", "alone p99", "shared p99", "scripts/s"
    );
    let mut ratios = [Vec::new(), Vec::new()];
    for _ in 0..options.rounds {
        let before = redis.scripts()?;
        let calm = both(&gateways, 4 * part, || {
            pause(4 * part);
            Ok(())
        })?;
        let scripts = (redis.scripts()? - before) / (4 * options.seconds);
        print("calm", &calm, &scripts.to_string());
        let disturbed = both(&gateways, 4 * part, || {
            redis.stop()?;
            pause(part);
            redis.go_on()?;
            pause(part);
            redis.kill()?;
            pause(part);
            redis.start_again()?;
            pause(part);
            Ok(())
        })?;
        print("disturbed", &disturbed, "-");
        for (ratios, (calm, disturbed)) in ratios.iter_mut().zip(calm.iter().zip(&disturbed)) {
            let [calm, disturbed] = [calm, disturbed].map(|came| came.percentile(99).as_secs_f64());
            ratios.push(disturbed / calm);
        }
    }
    let [alone, shared] = ratios.map(median);
    println!(
        "p99 of disturbed by calm, median of {} rounds: {shared:.2} shared, {alone:.2} alone; no request failed",
        options.rounds
    );
    let missed = gateways[1].said()?.matches("Redis does not answer").count();
    ensure!(
        missed as u64 >= 2 * options.rounds,
        "Redis was missed {missed} times: nothing has happened to it"
    );
    Ok(())
}

/// Both under the steady load at once, while this `happens`.
fn both(
    gateways: &[Contender; 2],
    time: Duration,
    happens: impl FnOnce() -> Result<()>,
) -> Result<[Came; 2]> {
    thread::scope(|scope| {
        let drive = |gateway| scope.spawn(move || steady(gateway, time).drive());
        let loads = gateways.each_ref().map(drive);
        happens()?;
        let [alone, shared] = loads.map(joined);
        Ok([alone?, shared?])
    })
}

/// The gateway with limits that are kept, over this Redis if there is one.
fn gateway(name: &'static str, upstreams: &[u16], redis: Option<&Redis>) -> Result<Contender> {
    // No retries: what a client is not to see is not to be hidden either.
    let shared = redis.map_or_else(String::new, |redis| {
        format!(", redis_url: \"{}\"", redis.url())
    });
    let gateway = Gateway {
        name,
        upstreams,
        params: &PARAMS,
        sections: &format!(
            "router_settings: {{ num_retries: 0{shared} }}\nheadworks: {{ limits: enforce }}\n"
        ),
    };
    let gateway = gateway.start()?;
    if redis.is_some() {
        gateway.until_it_says("limits and rests are shared over Redis")?;
    }
    Ok(gateway)
}

fn steady(gateway: &Contender, time: Duration) -> Steady {
    Steady {
        port: gateway.ports[0],
        per_second: PER_SECOND,
        time,
    }
}

fn print(name: &str, [alone, shared]: &[Came; 2], scripts: &str) {
    let [a50, s50, a99, s99] = [(alone, 50), (shared, 50), (alone, 99), (shared, 99)]
        .map(|(came, part)| came.percentile(part).as_micros());
    println!("{name:18}{a50:>14}{s50:>14}{a99:>14}{s99:>14}{scripts:>12}");
}
