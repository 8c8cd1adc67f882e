use super::contender::{Contender, free_port};
use anyhow::Result;
use std::{fs, path::Path, process::Command};

/// What both nginx have in common: no log, no limit on the requests of a connection, bodies kept in memory,
/// every file inside the folder.
const COMMON: &str = "\
daemon off;
user root;
worker_processes auto;
pid nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_max_body_size 100m;
  client_body_buffer_size 1m;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  scgi_temp_path scgi;
  uwsgi_temp_path uwsgi;
";

/// A chat completion, as short as a real one: 15 tokens and the usage.
const ANSWER: &str = r#"{"id":"chatcmpl-9aYzK2","object":"chat.completion","created":1730000000,"model":"bench","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"message":{"role":"assistant","content":"The head of a canal is where the water is let in, metered and shut off.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":214,"completion_tokens":17,"total_tokens":231,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}"#;

/// The upstream of every contender: the same answer to everything, on so many ports.
pub(crate) fn upstream(folder: &Path, ports: usize) -> Result<Contender> {
    let ports = (0..ports)
        .map(|_| free_port())
        .collect::<Result<Vec<u16>>>()?;
    let listen: String = ports
        .iter()
        .map(|port| format!("    listen 127.0.0.1:{port};\n"))
        .collect();
    let server = format!(
        "  default_type application/json;\n  \
         server {{\n{listen}    location / {{ return 200 '{ANSWER}'; }}\n  }}\n}}\n"
    );
    start("upstream", folder, ports, &server)
}

/// nginx as the proxy in front of these upstreams, with connections kept open to them.
pub(crate) fn proxy(folder: &Path, upstreams: &[u16]) -> Result<Contender> {
    let port = free_port()?;
    let servers: String = upstreams
        .iter()
        .map(|port| format!("    server 127.0.0.1:{port};\n"))
        .collect();
    let server = format!(
        "  upstream group {{\n{servers}    keepalive 256;\n    keepalive_requests 1000000000;\n  }}\n  \
         server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      \
           proxy_pass http://group;\n      proxy_http_version 1.1;\n      \
           proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n"
    );
    start("nginx", folder, vec![port], &server)
}

fn start(name: &'static str, folder: &Path, ports: Vec<u16>, server: &str) -> Result<Contender> {
    let config = folder.join("nginx.conf");
    fs::write(&config, format!("{COMMON}{server}"))?;
    let mut program = Command::new("nginx");
    program.arg("-p").arg(folder).arg("-c").arg(config);
    Contender::start(name, &mut program, folder, ports, "/")
}
