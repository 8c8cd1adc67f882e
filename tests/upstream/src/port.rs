use std::{io, net::SocketAddr};
use tokio::net::TcpSocket;

/// A loopback address that refuses every connection, and that no other socket can take while this lives.
#[derive(Debug)]
pub struct DeadPort {
    socket: TcpSocket,
}

// ===== impl DeadPort =====

impl DeadPort {
    /// Takes a port and does not listen on it.
    ///
    /// # Panics
    ///
    /// If loopback has no port left.
    #[must_use]
    pub fn new() -> Self {
        Self::bind().expect("a free port on loopback")
    }

    /// The address.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.socket
            .local_addr()
            .expect("a bound socket has an address")
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr())
    }

    fn bind() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { socket })
    }
}

impl Default for DeadPort {
    fn default() -> Self {
        Self::new()
    }
}
