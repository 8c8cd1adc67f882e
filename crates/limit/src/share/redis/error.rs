use crate::share::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::{error::Error, io, sync::Arc};

/// What has gone wrong with the server at this address, in words that hold no secret, and what to do where there is
/// something.
pub(super) fn told(error: &RedisError, at: &str) -> StoreError {
    StoreError::new(format!("{} (at {at})", words(error)))
}

/// The same without an address: of one that cannot be understood.
pub(super) fn words(error: &RedisError) -> String {
    let detail = error.detail().unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::AuthenticationFailed => "the user or password is wrong",
        ErrorKind::InvalidClientConfig => {
            "the URL is not of the form redis://[user[:password]@]host[:port][/db]"
        }
        ErrorKind::Parse => "it does not speak the Redis protocol: does it want TLS?",
        ErrorKind::Server(kind) => return server(kind, error, detail),
        _ if error.code() == Some("NOAUTH") => "it wants a password",
        _ if error.code() == Some("OOM") => "its memory is full: give it more `maxmemory`",
        _ if error.is_timeout() => "it does not answer in time",
        _ if error.is_connection_refusal() => "the connection is refused",
        _ if error.is_io_error() => return network(error),
        _ => "",
    };
    match (what, error.code()) {
        ("", Some(code)) => format!("{code}: {detail}"),
        ("", None) => error.category().to_owned(),
        (what, _) => what.to_owned(),
    }
}

fn server(kind: ServerErrorKind, error: &RedisError, detail: &str) -> String {
    let what = match kind {
        ServerErrorKind::Moved | ServerErrorKind::Ask => {
            "it is part of a Cluster: name its startup nodes"
        }
        ServerErrorKind::ReadOnly => {
            "it is a replica: name the master, or the Sentinels that know it"
        }
        ServerErrorKind::BusyLoading => "it is loading its data",
        ServerErrorKind::ClusterDown => "the Cluster is down: not all of its slots have a master",
        ServerErrorKind::TryAgain => "keys are moving to another server",
        ServerErrorKind::ResponseError if detail.contains("cluster support disabled") => {
            "it is no Cluster: name it as a single server"
        }
        ServerErrorKind::ResponseError if detail.contains("'SENTINEL'") => {
            "it is no Sentinel: name it as a single server, or the Sentinels that watch it"
        }
        // What it says to so long a command before it knows who asks.
        ServerErrorKind::ResponseError if detail.contains("unauthenticated") => {
            "it wants a password"
        }
        ServerErrorKind::ResponseError if detail.contains("DB index") => {
            "it has no database of this number"
        }
        _ => "",
    };
    match (what, error.code()) {
        ("", code) => format!("{}: {detail}", code.unwrap_or("ERR")),
        (what, _) => what.to_owned(),
    }
}

fn network(error: &RedisError) -> String {
    // The client keeps it behind a pointer, which passes for an error itself.
    type Shared = Arc<dyn Error + Send + Sync>;
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<Shared>());
    let Some(cause) = cause.and_then(|cause| cause.downcast_ref::<io::Error>()) else {
        return error.category().to_owned();
    };
    match cause.kind() {
        // The only one to find fault with bytes on their way is TLS.
        io::ErrorKind::InvalidData => format!("TLS fails: {cause}"),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => {
            "it ends the connection: has it gone, or does it want TLS?".to_owned()
        }
        _ => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_network_says_is_passed_on() {
        let said = |kind: io::ErrorKind, what: &str| words(&io::Error::new(kind, what).into());
        let lookup = "failed to lookup address information";
        assert_eq!(said(io::ErrorKind::Other, lookup), lookup);
        let certificate = said(io::ErrorKind::InvalidData, "invalid peer certificate");
        assert_eq!(certificate, "TLS fails: invalid peer certificate");
        for kind in [io::ErrorKind::BrokenPipe, io::ErrorKind::UnexpectedEof] {
            let ended = said(kind, "");
            assert!(ended.starts_with("it ends the connection"), "{ended}");
        }
        assert_eq!(
            said(io::ErrorKind::TimedOut, ""),
            "it does not answer in time"
        );
    }
}
