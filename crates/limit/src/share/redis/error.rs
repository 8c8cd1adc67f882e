use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What has gone wrong, in words that hold no secret, and what to do where there is something.
pub(super) fn words(error: &RedisError) -> String {
    let advice = match error.kind() {
        ErrorKind::AuthenticationFailed => "the user or password is wrong",
        ErrorKind::InvalidClientConfig => {
            "the URL is not of the form redis://[user[:password]@]host[:port][/db]"
        }
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
            "it is part of a Cluster, which is not supported: name a single server, or the master of several"
        }
        ErrorKind::Server(ServerErrorKind::ReadOnly) => "it is a replica: name the master",
        ErrorKind::Server(ServerErrorKind::BusyLoading) => "it is loading its data",
        _ if error.is_timeout() => "it does not answer in time",
        _ if error.is_connection_refusal() => "the connection is refused",
        _ => "",
    };
    match (advice, error.code()) {
        ("", Some(code)) => format!("{code}: {}", error.detail().unwrap_or("the server fails")),
        ("", None) => error.category().to_owned(),
        (advice, _) => advice.to_owned(),
    }
}
