//! Several gRPC channels behind one client, least-busy first.

mod gauge;
mod stack;

use gauge::{GaugeClient, Site};
use headworks_core::BoxError;
use stack::{balance, stack};
use tonic::transport::Channel;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let mut channels = Vec::new();
    for url in std::env::args().skip(1) {
        let channel = Channel::from_shared(url.clone())?.connect_lazy();
        channels.push((url, channel));
    }

    let mut gauges = GaugeClient::new(stack(balance(channels)));
    let site = Site {
        name: "headrace".into(),
    };
    let mut levels = gauges.watch(site).await?.into_inner();
    while let Some(level) = levels.message().await? {
        println!("{} cm, says {}", level.centimetres, level.by);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
