//! Who is asked for the usage of a stream.

use super::*;

#[test]
fn who_may_be_asked_for_the_usage_of_a_stream_is_known_by_provider_address_and_version() {
    let reports = |model: &str, base: Option<&str>, version: Option<&str>| {
        let mut target = Target::builder(model);
        if let Some(base) = base {
            target = target.api_base(base);
        }
        if let Some(version) = version {
            target = target.api_version(version);
        }
        let target = target.build().unwrap();
        assert!(!target.reports_stream_usage(Endpoint::Responses));
        assert!(!target.reports_stream_usage(Endpoint::Messages));
        let chat = target.reports_stream_usage(Endpoint::ChatCompletions);
        assert_eq!(chat, target.reports_stream_usage(Endpoint::Completions));
        chat
    };
    for (model, base, expected) in [
        ("gpt-4o", None, true),
        ("openai/gpt-4o", Some("https://eu.api.openai.com/v1"), true),
        ("openai/gpt-4o", Some("http://127.0.0.1:8000/v1"), false),
        ("openai/gpt-4o", Some("https://notapi.openai.com/v1"), false),
        ("hosted_vllm/llama", Some("http://127.0.0.1:8000/v1"), true),
        ("groq/llama", None, true),
        ("mistral/small", None, false),
        ("openrouter/llama", None, false),
        ("custom_openai/llama", Some("http://127.0.0.1:8000"), false),
    ] {
        assert_eq!(reports(model, base, None), expected, "{model} {base:?}");
    }
    for (base, version, expected) in [
        ("https://paris.openai.azure.com", None, true),
        ("https://paris.openai.azure.com", Some("2024-06-01"), false),
        (
            "https://paris.openai.azure.com",
            Some("2024-08-01-preview"),
            false,
        ),
        (
            "https://paris.openai.azure.com",
            Some("2024-09-01-preview"),
            true,
        ),
        ("https://paris.openai.azure.com", Some("2024-10-21"), true),
        ("https://paris.openai.azure.com", Some("preview"), true),
        (
            "https://paris.openai.azure.com/openai/v1",
            Some("2024-02-01"),
            true,
        ),
        (
            "https://paris.openai.azure.com?api-version=2024-02-01",
            None,
            false,
        ),
    ] {
        let said = reports("azure/gpt-35", Some(base), version);
        assert_eq!(said, expected, "{base} {version:?}");
    }
}
