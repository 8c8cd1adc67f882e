//! The providers, one row each.
//!
//! Base URLs and variables are those of LiteLLM 1.109 (`get_llm_provider_logic.py` and the configuration of
//! each provider beside it), so that a deployment that names neither finds the same place with the same key;
//! Gemini's is its OpenAI-compatible address, where LiteLLM speaks Google's own protocol. The comment above a
//! row names where the provider documents its API.

use crate::provider::{Auth, Paths, Provider, Quotas, StreamUsage};

/// A provider whose endpoints follow a versioned base URL, signed in to with a bearer token.
const fn compatible(
    name: &'static str,
    base: &'static str,
    key_env: &'static [&'static str],
    base_env: &'static [&'static str],
) -> Provider {
    Provider {
        name,
        base: Some(base),
        paths: Paths::Versioned,
        auth: Auth::Bearer,
        key_env,
        base_env,
        quotas: Quotas::ByMinute,
        stream_usage: StreamUsage::Unknown,
    }
}

/// The same, but everybody runs their own: there is no default address.
const fn own_server(
    name: &'static str,
    key_env: &'static [&'static str],
    base_env: &'static [&'static str],
) -> Provider {
    Provider {
        base: None,
        ..compatible(name, "", key_env, base_env)
    }
}

impl Provider {
    /// A row with ways of its own.
    const fn with(self, paths: Paths, auth: Auth) -> Self {
        Self {
            paths,
            auth,
            ..self
        }
    }

    /// A row whose headers about quotas are to be read in another way.
    const fn telling(self, quotas: Quotas) -> Self {
        Self { quotas, ..self }
    }

    /// A row whose documentation of chat completions has `stream_options.include_usage`.
    const fn reporting(self) -> Self {
        Self {
            stream_usage: StreamUsage::OnRequest,
            ..self
        }
    }

    /// The same, under a condition.
    const fn reporting_if(self, stream_usage: StreamUsage) -> Self {
        Self {
            stream_usage,
            ..self
        }
    }
}

const OPENAI_BASE: &str = "https://api.openai.com/v1";
const OPENAI_KEY: &[&str] = &["OPENAI_API_KEY"];
const OPENAI_BASE_ENV: &[&str] = &["OPENAI_BASE_URL", "OPENAI_API_BASE"];
const OLLAMA_BASE: &str = "http://localhost:11434";
const OLLAMA_KEY: &[&str] = &["OLLAMA_API_KEY"];
const OLLAMA_BASE_ENV: &[&str] = &["OLLAMA_API_BASE"];
const OPENAI_LIKE_KEY: &[&str] = &["OPENAI_LIKE_API_KEY"];
const OPENAI_LIKE_BASE_ENV: &[&str] = &["OPENAI_LIKE_API_BASE"];

/// Sorted by name, for binary search. A row is a line where it can be.
#[rustfmt::skip]
pub(crate) const TABLE: &[Provider] = &[
    // docs.aimlapi.com
    compatible("aiml", "https://api.aimlapi.com/v1", &["AIML_API_KEY"], &["AIML_API_BASE"]),
    // docs.anthropic.com, "OpenAI SDK compatibility" and "Messages"
    compatible("anthropic", "https://api.anthropic.com", &["ANTHROPIC_API_KEY"], &["ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"])
        .with(Paths::Root, Auth::Anthropic)
        .reporting(),
    // docs.anyscale.com
    compatible("anyscale", "https://api.endpoints.anyscale.com/v1", &["ANYSCALE_API_KEY"], &["ANYSCALE_API_BASE"]),
    // learn.microsoft.com, "Azure OpenAI in Microsoft Foundry Models REST API reference"
    own_server("azure", &["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"], &["AZURE_API_BASE"])
        .with(Paths::Azure, Auth::ApiKey)
        .reporting_if(StreamUsage::ByVersion),
    // learn.microsoft.com, "Azure AI Model Inference REST API reference"
    own_server("azure_ai", &["AZURE_AI_API_KEY"], &["AZURE_AI_API_BASE"])
        .with(Paths::Foundry, Auth::ApiKey),
    // docs.baseten.co
    compatible("baseten", "https://inference.baseten.co/v1", &["BASETEN_API_KEY"], &["BASETEN_API_BASE"]),
    // inference-docs.cerebras.ai
    compatible("cerebras", "https://api.cerebras.ai/v1", &["CEREBRAS_API_KEY"], &["CEREBRAS_API_BASE"]),
    // docs.mistral.ai
    compatible("codestral", "https://codestral.mistral.ai/v1", &["CODESTRAL_API_KEY"], &["CODESTRAL_API_BASE"]),
    // docs.litellm.ai
    own_server("custom_openai", OPENAI_LIKE_KEY, OPENAI_LIKE_BASE_ENV),
    // alibabacloud.com, Model Studio
    compatible("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", &["DASHSCOPE_API_KEY"], &["DASHSCOPE_API_BASE"])
        .reporting(),
    // deepinfra.com/docs
    compatible("deepinfra", "https://api.deepinfra.com/v1/openai", &["DEEPINFRA_API_KEY"], &["DEEPINFRA_API_BASE"]),
    // api-docs.deepseek.com; `/beta` is `/v1` and more
    compatible("deepseek", "https://api.deepseek.com/beta", &["DEEPSEEK_API_KEY"], &["DEEPSEEK_API_BASE"])
        .reporting(),
    // docs.docker.com
    compatible("docker_model_runner", "http://localhost:22088/engines/llama.cpp", &["DOCKER_MODEL_RUNNER_API_KEY"], &["DOCKER_MODEL_RUNNER_API_BASE"])
        .with(Paths::Root, Auth::Bearer),
    // featherless.ai/docs
    compatible("featherless_ai", "https://api.featherless.ai/v1", &["FEATHERLESS_AI_API_KEY", "FEATHERLESS_API_KEY"], &["FEATHERLESS_AI_API_BASE", "FEATHERLESS_API_BASE"]),
    // docs.fireworks.ai
    compatible("fireworks_ai", "https://api.fireworks.ai/inference/v1", &["FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"], &["FIREWORKS_API_BASE"]),
    // friendli.ai/docs
    compatible("friendliai", "https://api.friendli.ai/serverless/v1", &["FRIENDLIAI_API_KEY", "FRIENDLI_TOKEN"], &["FRIENDLI_API_BASE"]),
    // ai.google.dev/gemini-api/docs/openai
    compatible("gemini", "https://generativelanguage.googleapis.com/v1beta/openai", &["GEMINI_API_KEY", "GOOGLE_API_KEY"], &["GEMINI_API_BASE"])
        .reporting(),
    // docs.github.com
    compatible("github", "https://models.inference.ai.azure.com", &["GITHUB_API_KEY"], &["GITHUB_API_BASE"]),
    // console.groq.com/docs/openai
    compatible("groq", "https://api.groq.com/openai/v1", &["GROQ_API_KEY"], &["GROQ_API_BASE"])
        .telling(Quotas::RequestsByDay).reporting(),
    // docs.vllm.ai, "OpenAI-Compatible Server"
    own_server("hosted_vllm", &["HOSTED_VLLM_API_KEY"], &["HOSTED_VLLM_API_BASE"])
        .reporting(),
    // docs.hyperbolic.xyz
    compatible("hyperbolic", "https://api.hyperbolic.xyz/v1", &["HYPERBOLIC_API_KEY"], &["HYPERBOLIC_API_BASE"]),
    // docs.inceptionlabs.ai
    compatible("inception", "https://api.inceptionlabs.ai/v1", &["INCEPTION_API_KEY"], &["INCEPTION_API_BASE"]),
    // docs.lambda.ai
    compatible("lambda_ai", "https://api.lambda.ai/v1", &["LAMBDA_API_KEY"], &["LAMBDA_API_BASE"]),
    // lemonade-server.ai/docs
    compatible("lemonade", "http://localhost:8000/api/v1", &["LEMONADE_API_KEY"], &["LEMONADE_API_BASE"]),
    // docs.litellm.ai
    own_server("litellm_proxy", &["LITELLM_PROXY_API_KEY"], &["LITELLM_PROXY_API_BASE"])
        .reporting(),
    // github.com/mozilla-ai/llamafile
    compatible("llamafile", "http://127.0.0.1:8080/v1", &["LLAMAFILE_API_KEY"], &["LLAMAFILE_API_BASE"]),
    // lmstudio.ai/docs
    own_server("lm_studio", &["LM_STUDIO_API_KEY"], &["LM_STUDIO_API_BASE"]),
    // llama.developer.meta.com/docs
    compatible("meta_llama", "https://api.llama.com/compat/v1", &["LLAMA_API_KEY"], &["LLAMA_API_BASE"]),
    // docs.mistral.ai/api
    compatible("mistral", "https://api.mistral.ai/v1", &["MISTRAL_API_KEY"], &["MISTRAL_API_BASE"]),
    // platform.moonshot.ai/docs
    compatible("moonshot", "https://api.moonshot.ai/v1", &["MOONSHOT_API_KEY"], &["MOONSHOT_API_BASE"]),
    // docs.morphllm.com
    compatible("morph", "https://api.morphllm.com/v1", &["MORPH_API_KEY"], &["MORPH_API_BASE"]),
    // docs.nebius.com/studio
    compatible("nebius", "https://api.studio.nebius.ai/v1", &["NEBIUS_API_KEY"], &["NEBIUS_API_BASE"]),
    // novita.ai/docs
    compatible("novita", "https://api.novita.ai/v3/openai", &["NOVITA_API_KEY"], &["NOVITA_API_BASE"]),
    // docs.nscale.com
    compatible("nscale", "https://inference.api.nscale.com/v1", &["NSCALE_API_KEY"], &["NSCALE_API_BASE"]),
    // docs.api.nvidia.com/nim
    compatible("nvidia_nim", "https://integrate.api.nvidia.com/v1", &["NVIDIA_NIM_API_KEY"], &["NVIDIA_NIM_API_BASE"]),
    // docs.ollama.com/api/openai-compatibility; the base URL is the root, as for Ollama's own API
    compatible("ollama", OLLAMA_BASE, OLLAMA_KEY, OLLAMA_BASE_ENV)
        .with(Paths::Root, Auth::Bearer)
        .reporting(),
    compatible("ollama_chat", OLLAMA_BASE, OLLAMA_KEY, OLLAMA_BASE_ENV)
        .with(Paths::Root, Auth::Bearer)
        .reporting(),
    // platform.openai.com/docs/api-reference
    compatible("openai", OPENAI_BASE, OPENAI_KEY, OPENAI_BASE_ENV)
        .reporting_if(StreamUsage::AtOwnAddress),
    // docs.litellm.ai
    own_server("openai_like", OPENAI_LIKE_KEY, OPENAI_LIKE_BASE_ENV),
    // openrouter.ai/docs
    compatible("openrouter", "https://openrouter.ai/api/v1", &["OPENROUTER_API_KEY", "OR_API_KEY"], &["OPENROUTER_API_BASE"])
        .telling(Quotas::Unlabelled),
    // docs.perplexity.ai
    compatible("perplexity", "https://api.perplexity.ai", &["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"], &["PERPLEXITY_API_BASE"]),
    // docs.sambanova.ai
    compatible("sambanova", "https://api.sambanova.ai/v1", &["SAMBANOVA_API_KEY"], &["SAMBANOVA_API_BASE"]),
    // The one inside this process. RFC 2606 keeps `.invalid` from ever being somebody's host.
    compatible("simulated", "http://simulated.invalid/v1", &[], &[])
        .with(Paths::Versioned, Auth::None)
        .reporting(),
    // platform.openai.com/docs/api-reference/completions
    compatible("text-completion-openai", OPENAI_BASE, OPENAI_KEY, OPENAI_BASE_ENV)
        .reporting_if(StreamUsage::AtOwnAddress),
    // docs.together.ai
    compatible("together_ai", "https://api.together.ai/v1", &["TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"], &["TOGETHER_AI_API_BASE"]),
    // v0.dev/docs
    compatible("v0", "https://api.v0.dev/v1", &["V0_API_KEY"], &["V0_API_BASE"]),
    // vercel.com/docs
    compatible("vercel_ai_gateway", "https://ai-gateway.vercel.sh/v1", &["VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"], &["VERCEL_AI_GATEWAY_API_BASE"]),
    // docs.vllm.ai; LiteLLM's `vllm/` runs the engine in its own process, which
    // has no counterpart here, so the server it is
    own_server("vllm", &["VLLM_API_KEY"], &["VLLM_API_BASE"])
        .reporting(),
    // volcengine.com/docs
    compatible("volcengine", "https://ark.cn-beijing.volces.com/api/v3", &["VOLCENGINE_API_KEY"], &["VOLCENGINE_API_BASE"])
        .reporting(),
    // docs.wandb.ai
    compatible("wandb", "https://api.inference.wandb.ai/v1", &["WANDB_API_KEY"], &["WANDB_API_BASE"]),
    // docs.x.ai/docs/api-reference
    compatible("xai", "https://api.x.ai/v1", &["XAI_API_KEY"], &["XAI_API_BASE"])
        .reporting(),
    // docs.z.ai/api-reference
    compatible("zai", "https://api.z.ai/api/paas/v4", &["ZAI_API_KEY"], &["ZAI_API_BASE"]),
];

/// What `LiteLLM` knows too, but reaches by a protocol or a signature of its own. Sorted.
pub(crate) const NATIVE_ONLY: &[&str] = &[
    "ai21",
    "bedrock",
    "bedrock_converse",
    "cloudflare",
    "cohere",
    "cohere_chat",
    "databricks",
    "gigachat",
    "huggingface",
    "infinity",
    "jina_ai",
    "nlp_cloud",
    "oci",
    "petals",
    "predibase",
    "replicate",
    "sagemaker",
    "sagemaker_chat",
    "snowflake",
    "triton",
    "vertex_ai",
    "vertex_ai_beta",
    "voyage",
    "watsonx",
    "watsonx_text",
];
