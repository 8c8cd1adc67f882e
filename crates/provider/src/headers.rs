//! Which headers go on and which stay here.

use http::{HeaderMap, HeaderName, header};

/// Removes from a request what is the caller's own, the connection's, or the gateway's.
pub(crate) fn strip_request(headers: &mut HeaderMap) {
    strip_named_by_connection(headers);
    strip(headers, stays_here);
}

/// Removes from a response what is the connection's, and what would make the client talk to the gateway as
/// if it were the provider.
pub(crate) fn strip_response(headers: &mut HeaderMap) {
    strip_named_by_connection(headers);
    strip(headers, |name| {
        is_hop_by_hop(name)
            || *name == header::SET_COOKIE
            || *name == header::ALT_SVC
            || *name == header::STRICT_TRANSPORT_SECURITY
            // Where the provider would send us is its own business, and an address of the inside perhaps.
            || *name == header::LOCATION
            // What the gateway says of an answer is for this gateway to say, not for one behind it.
            || is_a_gateways(name.as_str())
    });
}

/// True for headers that say how a message is framed on one connection: a deployment's settings may not.
pub(crate) fn is_framing(name: &HeaderName) -> bool {
    is_hop_by_hop(name) || *name == header::CONTENT_LENGTH
}

/// RFC 9110, 7.6.1, with what RFC 2616 and proxies before it called hop-by-hop.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    ) || name.as_str().starts_with("proxy-")
}

/// What this gateway, or one like it, says about an answer.
fn is_a_gateways(name: &str) -> bool {
    ["x-litellm-", "x-headworks-", "llm_provider-"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn stays_here(name: &HeaderName) -> bool {
    let name_str = name.as_str();
    is_hop_by_hop(name)
        || matches!(
            name_str,
            // The caller's credentials, in every way a provider of the table takes them.
            "authorization"
                | "x-api-key"
                | "api-key"
                | "x-goog-api-key"
                | "x-goog-user-project"
                | "ocp-apim-subscription-key"
                | "cookie"
                // The caller's account: with our key it would be turned down.
                | "openai-organization"
                | "openai-project"
                // Said anew for the message that goes out.
                | "host"
                | "content-length"
                | "expect"
                | "accept-encoding"
                // The caller's address, put there by proxies before us.
                | "forwarded"
                | "x-real-ip"
        )
        || is_a_gateways(name_str)
        || name_str.starts_with("x-forwarded-")
}

/// Removes the headers that `connection` declares to be the connection's.
fn strip_named_by_connection(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONNECTION) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// Removes every header that `is_unwanted`, without allocating: a few names are noted in one pass, removed,
/// and the pass repeated only if there were more.
fn strip(headers: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    const AT_ONCE: usize = 16;
    loop {
        let mut noted = [const { None::<HeaderName> }; AT_ONCE];
        let unwanted = headers.keys().filter(|name| is_unwanted(name));
        let mut full = false;
        for (index, name) in unwanted.enumerate() {
            match noted.get_mut(index) {
                Some(slot) => *slot = Some(name.clone()),
                None => {
                    full = true;
                    break;
                }
            }
        }
        for name in noted.into_iter().flatten() {
            headers.remove(name);
        }
        if !full {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const STAYS: [&str; 30] = [
        "authorization",
        "proxy-authorization",
        "proxy-connection",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-goog-user-project",
        "ocp-apim-subscription-key",
        "cookie",
        "openai-organization",
        "openai-project",
        "host",
        "content-length",
        "expect",
        "accept-encoding",
        "forwarded",
        "x-real-ip",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-litellm-timeout",
        "x-litellm-api-key",
        "x-headworks-trace",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
        "proxy-authenticate",
    ];
    const PASSES: [&str; 10] = [
        "accept",
        "content-type",
        "content-encoding",
        "user-agent",
        "anthropic-beta",
        "anthropic-version",
        "openai-beta",
        "traceparent",
        "x-stainless-retry-count",
        "x-claude-code-session-id",
    ];

    fn some_of<const N: usize>(
        names: [&'static str; N],
    ) -> impl Strategy<Value = Vec<&'static str>> {
        proptest::sample::subsequence(names.to_vec(), 0..=N)
    }

    proptest! {
        #[test]
        fn of_any_mixture_exactly_what_may_pass_passes(
            stays in some_of(STAYS),
            passes in some_of(PASSES),
            unknown in proptest::collection::hash_set("x-[a-e]{1,6}", 0..20),
            named in proptest::collection::hash_set("y-[a-e]{1,3}", 0..5),
            repeat in 1..3_usize,
        ) {
            let mut headers = HeaderMap::new();
            let all = stays.iter().chain(&passes).copied();
            for name in all.chain(unknown.iter().chain(&named).map(String::as_str)) {
                for _ in 0..repeat {
                    headers.append(
                        HeaderName::from_bytes(name.as_bytes()).unwrap(),
                        HeaderValue::from_static("v"),
                    );
                }
            }
            if !named.is_empty() {
                let list = named.iter().map(String::as_str).collect::<Vec<_>>().join(" , ");
                headers.append(header::CONNECTION, list.parse().unwrap());
            }
            strip_request(&mut headers);

            let mut left: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
            left.sort();
            let mut wanted: Vec<_> = passes.iter().map(|name| (*name).to_owned()).collect();
            wanted.extend(unknown);
            wanted.sort();
            prop_assert_eq!(left, wanted);
            prop_assert!(headers.len() == headers.keys_len() * repeat);
        }
    }

    #[test]
    fn an_answer_keeps_its_hints_and_loses_its_cookies() {
        let mut headers = HeaderMap::new();
        for name in [
            "set-cookie",
            "connection",
            "transfer-encoding",
            "alt-svc",
            "strict-transport-security",
            "x-secret-hop",
            "location",
            "x-headworks-error",
            "x-litellm-model-id",
            "llm_provider-x-request-id",
            "retry-after",
            "x-ratelimit-remaining-requests",
            "anthropic-ratelimit-tokens-reset",
            "x-request-id",
            "content-length",
            "content-type",
        ] {
            headers.append(name, HeaderValue::from_static("v"));
        }
        headers.append(header::CONNECTION, HeaderValue::from_static("X-Secret-Hop"));
        strip_response(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                "anthropic-ratelimit-tokens-reset",
                "content-length",
                "content-type",
                "retry-after",
                "x-ratelimit-remaining-requests",
                "x-request-id",
            ]
        );
    }
}
