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

/// A steady load while Redis stands still, goes on, is killed and comes back, beside the same load while nothing
/// happens to it.
pub(crate) fn disturbed(options: &Options) -> Result<()> {
    let upstream = nginx::upstream(&folder("upstream")?, DEPLOYMENTS)?;
    let mut redis = Redis::start(&folder("redis")?)?;
    let gateway = gateway("shared", &upstream.ports, Some(&redis))?;
    let part = Duration::from_secs(options.seconds);
    let steady = |time| steady(&gateway, time);
    steady(WARM_UP).drive()?;
    let (mut floor, mut effect) = (Vec::new(), Vec::new());
    println!(
        "{PER_SECOND} requests/s for {} s at a time; of the disturbed ones Redis is stopped for the first quarter \
         and dead for the third",
        4 * options.seconds
    );
    println!(
        "{:18}{:>12}{:>12}{:>12}{:>12}",
        "", "requests", "p50 µs", "p99 µs", "scripts/s"
    );
    for _ in 0..options.rounds {
        let calm = || {
            let before = redis.scripts()?;
            let came = steady(4 * part).drive()?;
            let scripts = redis.scripts()? - before;
            print("calm", &came, Some(scripts / (4 * options.seconds)));
            anyhow::Ok(came)
        };
        let calm = [calm()?, calm()?];
        let disturbed = thread::scope(|scope| {
            let load = scope.spawn(|| steady(4 * part).drive());
            redis.stop()?;
            pause(part);
            redis.go_on()?;
            pause(part);
            redis.kill()?;
            pause(part);
            redis.start_again()?;
            joined(load)
        })?;
        print("disturbed", &disturbed, None);
        let [first, second, disturbed] =
            [&calm[0], &calm[1], &disturbed].map(|came| came.percentile(99).as_secs_f64());
        floor.push(second / first);
        effect.push(disturbed / second);
    }
    let (floor, effect) = (median(floor), median(effect));
    println!(
        "p99, median of {} rounds: disturbed/calm {effect:.2}, calm/calm {floor:.2}",
        options.rounds
    );
    let missed = gateway.said()?.matches("Redis does not answer").count();
    ensure!(
        missed as u64 >= 2 * options.rounds,
        "Redis was missed {missed} times: nothing has happened to it"
    );
    Ok(())
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

fn print(name: &str, came: &Came, scripts: Option<u64>) {
    let [p50, p99] = [50, 99].map(|part| came.percentile(part).as_micros());
    let scripts = scripts.map_or_else(|| "-".to_owned(), |scripts| scripts.to_string());
    println!(
        "{name:18}{:>12}{p50:>12}{p99:>12}{scripts:>12}",
        came.count()
    );
}
