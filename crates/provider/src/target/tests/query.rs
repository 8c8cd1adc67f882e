//! What becomes of the caller's query.

use super::*;
use proptest::prelude::*;

#[test]
fn the_callers_query_goes_along_without_keys_and_versions() {
    let target = Target::builder("azure/m")
        .api_base("https://r.openai.azure.com?tenant=ours")
        .api_version("2024-10-21");
    let azure = target.build().unwrap();
    let anthropic = Target::builder("anthropic/m").build().unwrap();
    let azure_chat = "https://r.openai.azure.com/openai/deployments/m/chat/completions\
                      ?tenant=ours&api-version=2024-10-21";
    for (target, path, query, wanted) in [
        (
            &anthropic,
            "/v1/messages",
            Some("beta=true"),
            "https://api.anthropic.com/v1/messages?beta=true".to_owned(),
        ),
        (
            &anthropic,
            "/messages",
            Some("a=1&key=sk&%61pi_key=sk&b=%2F"),
            "https://api.anthropic.com/v1/messages?a=1&b=%2F".to_owned(),
        ),
        (
            &azure,
            "/v1/chat/completions",
            Some("api-version=2020&api%2Dversion=2020&tenant=theirs"),
            azure_chat.to_owned(),
        ),
        (
            &azure,
            "/v1/chat/completions",
            Some("x"),
            format!("{azure_chat}&x"),
        ),
        (&azure, "/chat/completions", None, azure_chat.to_owned()),
        // No endpoint of the table, but a path all the same.
        (
            &anthropic,
            "/v1/messages/batches",
            None,
            "https://api.anthropic.com/v1/messages/batches".to_owned(),
        ),
    ] {
        assert_eq!(target.uri_for(path, query).to_string(), wanted);
    }
}

#[test]
fn a_url_that_grows_too_long_is_sent_without_its_query() {
    let target = Target::builder("gpt-4o").build().unwrap();
    let query = "q".repeat(65_530);
    assert_eq!(
        &target.uri_for("/v1/embeddings", Some(&query)),
        target.uri(Endpoint::Embeddings)
    );
}

proptest! {
    #[test]
    fn of_any_query_what_is_kept_stands_as_it_stood(
        kept in proptest::collection::vec("[a-d]{1,3}(=[!$-%'-;=?-Z_a-z~]{0,4})?", 0..6),
        dropped in proptest::collection::vec(
            "(key|api[-_]key|api-version|access_token|token|subscription-key|%6bey)(=[a-z]{0,3})?",
            0..6,
        ),
        order in any::<u64>(),
    ) {
        let mut both = kept.iter().map(|pair| (pair, true)).collect::<Vec<_>>();
        let mut rng = fastrand::Rng::with_seed(order);
        for pair in &dropped {
            both.insert(rng.usize(0..=both.len()), (pair, false));
        }
        let pairs = both.iter().map(|(pair, _)| pair.as_str());
        let query = pairs.collect::<Vec<_>>().join("&");
        let target = Target::builder("gpt-4o").build().unwrap();
        let sent = target.uri_for("/v1/embeddings", Some(&query));
        let kept = kept.join("&");
        prop_assert_eq!(sent.query().unwrap_or_default(), kept);
    }
}
