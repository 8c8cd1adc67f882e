use crate::{
    Answer, Received,
    answer::{Fault, Head},
    body::ScriptedBody,
    record::{Exchange, Records},
    upstream::Script,
    wire::{Reset, Wire},
};
use headworks_core::{End, Guard, GuardedBody};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use std::sync::Arc;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

/// Accepts until it is dropped, and its connections with it.
pub(crate) async fn accept(listener: TcpListener, script: Arc<Script>, records: Records) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, script.clone(), records.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, script: Arc<Script>, records: Records) {
    // Events must leave when they are written.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let open = records.connect();
    let (wire, reset) = Wire::new(stream);
    let service = service_fn(|request| {
        let number = open.number;
        answer(
            request,
            number,
            script.clone(),
            records.clone(),
            reset.clone(),
        )
    });
    let server = auto::Builder::new(TokioExecutor::new());
    let serving = server.serve_connection(TokioIo::new(wire), service);
    tokio::select! {
        // An error here is a broken connection, which the records of its requests tell.
        _ = serving => {}
        () = reset.wanted() => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    connection: usize,
    script: Arc<Script>,
    records: Records,
    reset: Reset,
) -> Result<Response<GuardedBody<ScriptedBody, Exchange>>, Fault> {
    let at = Instant::now();
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        records.left_in_upload();
        return Err(Fault::Cut);
    };
    let received = Received {
        method: head.method,
        uri: head.uri,
        version: head.version,
        headers: head.headers,
        body: body.to_bytes(),
        connection,
        at,
        ending: None,
    };
    let answer = script.answer(&received);
    let mut exchange = Guard::new(records.begin(received));
    head_of(&answer, &mut exchange, &reset).await?;
    let head = answer.head();
    let body = GuardedBody::new(ScriptedBody::new(answer, reset), exchange);
    Ok(head.body(body).expect("a head of checked parts"))
}

/// Waits until the head may be sent, or breaks off instead.
async fn head_of(
    answer: &Answer,
    exchange: &mut Guard<Exchange>,
    reset: &Reset,
) -> Result<(), Fault> {
    if !answer.latency.is_zero() {
        tokio::time::sleep(answer.latency).await;
    }
    if let Some(gate) = answer.before_head.clone() {
        gate.pass().await;
    }
    match answer.head {
        Head::Sent => Ok(()),
        Head::Silence => std::future::pending().await,
        Head::HangUp => {
            exchange.finish(End::Failed);
            Err(Fault::Cut)
        }
        Head::Reset => {
            exchange.finish(End::Failed);
            reset.now();
            std::future::pending().await
        }
    }
}
