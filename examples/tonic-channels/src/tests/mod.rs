mod server;

use crate::{
    gauge::{GaugeClient, Level, Site},
    stack::{Channels, balance, stack},
};
use server::{Fate, Gauge};
use std::time::Duration;
use tokio::{net::TcpListener, time::timeout};
use tonic::{Code, Status, Streaming, transport::Channel};

/// A stream that is open, and its first message.
type Open = (Level, Streaming<Level>);

async fn start<const N: usize>(fates: [Fate; N]) -> Vec<Gauge> {
    let mut gauges = Vec::new();
    for fate in fates {
        gauges.push(Gauge::start(fate).await);
    }
    gauges
}

fn over<'a>(urls: impl IntoIterator<Item = &'a str>) -> Channels {
    balance(urls.into_iter().map(|url| {
        let channel = Channel::from_shared(url.to_owned()).unwrap();
        (url.to_owned(), channel.connect_lazy())
    }))
}

/// Calls, and waits for the first message.
async fn open(channels: &Channels) -> Result<Open, Status> {
    let answer = async {
        let mut client = GaugeClient::new(stack(channels.clone()));
        let mut levels = client.watch(Site::default()).await?.into_inner();
        let first = levels.message().await?;
        Ok((first.expect("a level before the end"), levels))
    };
    let answer = timeout(Duration::from_secs(30), answer).await;
    answer.expect("an answer comes in time")
}

/// What is in flight at each channel.
fn loads(channels: &Channels) -> Vec<usize> {
    let snapshot = channels.registry().snapshot();
    let members = snapshot.members().iter();
    members.map(|member| member.state().in_flight()).collect()
}

#[tokio::test]
async fn a_call_is_a_load_until_the_last_message_of_its_stream() {
    let gauges = start([Fate::Watch; 3]).await;
    let channels = over(gauges.iter().map(Gauge::url));

    let (level, mut levels) = open(&channels).await.unwrap();
    for (gauge, load) in gauges.iter().zip(loads(&channels)) {
        assert_eq!(load, usize::from(gauge.url() == level.by));
    }
    gauges.iter().for_each(Gauge::end_streams);
    assert_eq!(levels.message().await.unwrap(), None);
    assert_eq!(loads(&channels), [0, 0, 0]);

    let (_, left_open) = open(&channels).await.unwrap();
    assert_eq!(loads(&channels).iter().sum::<usize>(), 1);
    drop(left_open);
    assert_eq!(loads(&channels), [0, 0, 0]);
}

#[tokio::test]
async fn a_call_never_goes_to_the_busiest() {
    let gauges = start([Fate::Watch; 3]).await;
    let channels = over(gauges.iter().map(Gauge::url));

    let mut streams = Vec::new();
    for _ in 0..60 {
        let before = loads(&channels);
        streams.push(open(&channels).await.unwrap());
        let after = loads(&channels);
        let chosen = (0..3).find(|place| after[*place] > before[*place]).unwrap();
        let mut others = (0..3).filter(|place| *place != chosen);
        // Of any two that are compared, the busiest of three is the busier.
        assert!(
            others.any(|other| before[chosen] <= before[other]),
            "{before:?} to {after:?}"
        );
    }
    assert!(loads(&channels).iter().all(|load| *load > 10));

    gauges.iter().for_each(Gauge::end_streams);
    for (_, mut levels) in streams {
        assert_eq!(levels.message().await.unwrap(), None);
    }
    assert_eq!(loads(&channels), [0, 0, 0]);
}

#[tokio::test]
async fn what_is_unavailable_is_tried_elsewhere_whether_its_head_says_so_or_its_trailers() {
    let gauges = start([Fate::FailInHead, Fate::FailInTrailers, Fate::Watch]).await;
    let channels = over(gauges.iter().map(Gauge::url));

    for _ in 0..60 {
        let (level, _) = open(&channels).await.unwrap();
        assert_eq!(level.by, gauges[2].url());
    }

    // One and the same request is never sent to one of them twice.
    let asked: Vec<_> = gauges.iter().map(Gauge::asked).collect();
    assert!(asked[0] > 0 && asked[0] <= 60, "{asked:?}");
    assert!(asked[1] > 0 && asked[1] <= 60, "{asked:?}");
    assert_eq!(asked[2], 60);
    assert_eq!(loads(&channels), [0, 0, 0]);
}

#[tokio::test]
async fn a_channel_that_nobody_listens_to_is_passed_over() {
    let gauges = start([Fate::Watch]).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobodys = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let channels = over([nobodys.as_str(), gauges[0].url()]);

    for _ in 0..20 {
        let (level, _) = open(&channels).await.unwrap();
        assert_eq!(level.by, gauges[0].url());
    }
    assert_eq!(loads(&channels), [0, 0]);
}

#[tokio::test]
async fn where_all_are_unavailable_each_is_asked_once_and_the_client_is_told() {
    let fates = [Fate::FailInTrailers, Fate::FailInHead, Fate::FailInTrailers];
    let gauges = start(fates).await;
    let channels = over(gauges.iter().map(Gauge::url));

    let status = open(&channels).await.unwrap_err();

    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the float is stuck");
    for gauge in &gauges {
        assert_eq!(gauge.asked(), 1);
    }
    assert_eq!(loads(&channels), [0, 0, 0]);
}
