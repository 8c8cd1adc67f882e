//! A name server on loopback.

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType, rdata},
};
use parking_lot::Mutex;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    sync::watch,
    task::JoinHandle,
    time::{error::Elapsed, timeout},
};

/// A name server that gives one answer to whatever it is asked, over UDP.
///
/// It needs a tokio runtime whose clock is not paused, and ends when it is dropped.
#[derive(Debug)]
pub struct NameServer {
    addr: SocketAddr,
    answer: Arc<Mutex<NameAnswer>>,
    asked: watch::Receiver<usize>,
    answering: JoinHandle<()>,
}

/// The answer of a [`NameServer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameAnswer {
    /// These addresses, to be kept for so many seconds; those of the kind that was asked for.
    Addresses(Vec<IpAddr>, u32),
    /// There is no such name: NXDOMAIN.
    NoSuchName,
    /// The server has failed: SERVFAIL.
    Failure,
    /// None.
    Silence,
}

// ===== impl NameServer =====

impl NameServer {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If loopback has no port left.
    pub async fn start(answer: NameAnswer) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await;
        let socket = socket.expect("a free port on loopback");
        let addr = socket.local_addr().expect("a bound socket has an address");
        let answer = Arc::new(Mutex::new(answer));
        let (count, asked) = watch::channel(0);
        Self {
            addr,
            asked,
            answering: tokio::spawn(serve(socket, answer.clone(), count)),
            answer,
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it answers from now on.
    pub fn answer(&self, answer: NameAnswer) {
        *self.answer.lock() = answer;
    }

    /// How often it has been asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    /// Waits until it has been asked `times` more.
    ///
    /// # Errors
    ///
    /// If that does not happen `within` the time.
    pub async fn asked_again(&self, times: usize, within: Duration) -> Result<(), Elapsed> {
        let mut asked = self.asked.clone();
        let enough = self.asked() + times;
        let waiting = asked.wait_for(|asked| *asked >= enough);
        timeout(within, waiting)
            .await
            .map(|server| drop(server.expect("the server runs")))
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

// ===== impl NameAnswer =====

impl NameAnswer {
    /// Addresses of 127.0.0.0/8 by their last number, to be kept for no time at all.
    #[must_use]
    pub fn loopback(lasts: &[u8]) -> Self {
        let addresses = lasts.iter().map(|last| IpAddr::from([127, 0, 0, *last]));
        Self::Addresses(addresses.collect(), 0)
    }

    /// The answer to `question`; `None` for none.
    fn to(&self, question: Message) -> Option<Message> {
        let mut answer = question.into_response();
        let query = answer.queries.first()?.clone();
        match self {
            Self::Silence => return None,
            Self::NoSuchName => answer.metadata.response_code = ResponseCode::NXDomain,
            Self::Failure => answer.metadata.response_code = ResponseCode::ServFail,
            Self::Addresses(addresses, ttl) => {
                let data = addresses.iter().filter_map(|address| match address {
                    IpAddr::V4(v4) if query.query_type() == RecordType::A => {
                        Some(RData::A(rdata::A(*v4)))
                    }
                    IpAddr::V6(v6) if query.query_type() == RecordType::AAAA => {
                        Some(RData::AAAA(rdata::AAAA(*v6)))
                    }
                    _ => None,
                });
                let name = query.name();
                answer.add_answers(data.map(|data| Record::from_rdata(name.clone(), *ttl, data)));
            }
        }
        Some(answer)
    }
}

async fn serve(socket: UdpSocket, answer: Arc<Mutex<NameAnswer>>, count: watch::Sender<usize>) {
    let mut datagram = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
        let answer = answer.lock().clone();
        if let Ok(question) = Message::from_vec(&datagram[..length])
            && let Some(answer) = answer.to(question)
            && let Ok(bytes) = answer.to_vec()
        {
            // Whoever asked may have left.
            drop(socket.send_to(&bytes, from).await);
        }
        // Last, so that who waits for the count finds the answer sent.
        count.send_modify(|asked| *asked += 1);
    }
}
