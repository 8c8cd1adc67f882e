use super::*;
use crate::listen;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{convert::Infallible, future::ready};
use tokio::{
    io::duplex,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::sleep,
};
use tokio_test::{assert_pending, task};
use tower::ServiceExt;

const LONGEST: Duration = Duration::from_secs(30);
const A_LITTLE: Duration = Duration::from_millis(1);

/// A body of what is sent to it. Its sender sees when it is dropped.
struct Pieces(UnboundedReceiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|piece| Some(Ok(Frame::data(piece?))))
    }
}

fn pieces() -> (UnboundedSender<Bytes>, UnreadBody<Pieces>) {
    let (sender, receiver) = unbounded_channel();
    let body = UnreadBody::Watched(Watched::new(Pieces(receiver), LONGEST));
    (sender, body)
}

async fn read(body: &mut UnreadBody<Pieces>) -> Bytes {
    body.frame().await.unwrap().unwrap().into_data().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asks_more_of_is_dropped_and_then_fails() {
    let (sender, mut body) = pieces();
    sender.send(Bytes::from_static(b"one")).unwrap();
    sleep(LONGEST / 2).await;
    assert_eq!(read(&mut body).await, "one");
    sleep(LONGEST - A_LITTLE).await;
    assert!(!sender.is_closed());
    sleep(A_LITTLE * 2).await;
    assert!(sender.is_closed());
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("took nothing"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn so_is_what_nobody_has_asked_for_at_all() {
    let (sender, _body) = pieces();
    let began = Instant::now();
    sender.closed().await;
    assert!(began.elapsed() < LONGEST + A_LITTLE * 2);
}

#[tokio::test(start_paused = true)]
async fn while_a_piece_is_waited_for_no_clock_runs() {
    let (sender, mut body) = pieces();
    for _ in 0..3 {
        let mut reading = task::spawn(read(&mut body));
        assert_pending!(reading.poll());
        sleep(LONGEST * 10 + LONGEST / 3).await;
        assert!(!sender.is_closed());
        sender.send(Bytes::from_static(b"late")).unwrap();
        assert_eq!(reading.await, "late");
    }
    // The clock begins with the last piece, not with the watcher's last look.
    sleep(LONGEST - A_LITTLE).await;
    assert!(!sender.is_closed());
    sleep(A_LITTLE * 2).await;
    assert!(sender.is_closed());
}

#[tokio::test(start_paused = true)]
async fn who_takes_a_piece_now_and_then_gets_them_all() {
    let (sender, mut body) = pieces();
    for piece in ["one", "two", "three", "four"] {
        sender.send(Bytes::from(piece)).unwrap();
        sleep(LONGEST - A_LITTLE).await;
        assert_eq!(read(&mut body).await, piece);
    }
    drop(sender);
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_watcher_ends_with_the_body() {
    let (sender, body) = pieces();
    let UnreadBody::Watched(watched) = &body else {
        panic!("it is watched");
    };
    let watcher = watched.watcher.clone();
    drop(body);
    assert!(sender.is_closed(), "at once");
    tokio::task::yield_now().await;
    assert!(watcher.is_finished());
}

#[tokio::test]
async fn only_answers_over_http2_that_have_something_in_them_are_watched() {
    let cases = [
        (Version::HTTP_2, "some", true),
        (Version::HTTP_2, "", false),
        (Version::HTTP_11, "some", false),
    ];
    for (version, text, watched) in cases {
        let service = UnreadLayer::new(LONGEST).layer(tower::service_fn(move |_: Request<()>| {
            ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(
                text,
            ))))
        }));
        let request = Request::builder().version(version).body(()).unwrap();
        let body = service.oneshot(request).await.unwrap().into_body();
        assert_eq!(
            matches!(body, UnreadBody::Watched(_)),
            watched,
            "{version:?} {text}"
        );
        assert_eq!(body.size_hint().exact(), Some(text.len() as u64));
        assert_eq!(body.is_end_stream(), text.is_empty());
        assert_eq!(body.collect().await.unwrap().to_bytes(), text);
    }
}

/// A client of a real connection whose server answers everything with `Pieces`, and the senders of those.
async fn connect() -> (
    http2::SendRequest<Empty<Bytes>>,
    UnboundedReceiver<UnboundedSender<Bytes>>,
) {
    let (client, server) = duplex(64 * 1024);
    let (answers, answered) = unbounded_channel();
    let service =
        UnreadLayer::new(LONGEST).layer(tower::service_fn(move |_: Request<Incoming>| {
            let (sender, receiver) = unbounded_channel();
            answers.send(sender).unwrap();
            ready(Ok::<_, Infallible>(Response::new(Pieces(receiver))))
        }));
    let service = hyper_util::service::TowerToHyperService::new(service);
    tokio::spawn(async move {
        listen::connection_builder()
            .serve_connection(TokioIo::new(server), service)
            .await
    });
    let (client, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(4 * 1024 * 1024)
        .handshake(TokioIo::new(client))
        .await
        .unwrap();
    tokio::spawn(connection);
    (client, answered)
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_window_is_let_go_and_its_neighbour_goes_on() {
    const PIECE: usize = 16 * 1024;
    let (mut client, mut answered) = connect().await;
    let unread = client
        .send_request(Request::new(Empty::new()))
        .await
        .unwrap();
    let unread_sender = answered.recv().await.unwrap();
    for _ in 0..64 {
        unread_sender.send(Bytes::from(vec![b'x'; PIECE])).unwrap();
    }
    let mut other = client
        .send_request(Request::new(Empty::new()))
        .await
        .unwrap();
    let other_sender = answered.recv().await.unwrap();

    let began = Instant::now();
    while !unread_sender.is_closed() {
        assert!(began.elapsed() < LONGEST * 2, "it is let go");
        other_sender.send(Bytes::from(vec![b'y'; PIECE])).unwrap();
        let piece = other.frame().await.unwrap().unwrap();
        assert!(!piece.into_data().unwrap().is_empty());
        sleep(Duration::from_secs(1)).await;
    }
    assert!(began.elapsed() >= LONGEST - Duration::from_secs(1));

    // Whoever reads after all gets what was on its way, and then an error, not an end.
    let error = unread.into_body().collect().await.unwrap_err();
    assert!(!error.is_timeout(), "{error}");
    drop(other_sender);
    other.into_body().collect().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_read_may_be_quiet_for_as_long_as_it_likes() {
    let (mut client, mut answered) = connect().await;
    let mut quiet = client
        .send_request(Request::new(Empty::new()))
        .await
        .unwrap();
    let sender = answered.recv().await.unwrap();
    for _ in 0..3 {
        sleep(LONGEST * 10).await;
        sender.send(Bytes::from_static(b"late")).unwrap();
        let piece = quiet.frame().await.unwrap().unwrap();
        assert_eq!(piece.into_data().unwrap(), "late");
    }
}
