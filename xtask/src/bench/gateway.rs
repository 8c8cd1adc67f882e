use super::{
    contender::{Contender, free_port},
    folder, load,
};
use crate::shell::target;
use anyhow::Result;
use std::{fs, process::Command};

/// The gateway on a configuration of one group, ready to answer.
pub(crate) struct Gateway<'a> {
    pub(crate) name: &'static str,
    /// The ports of its deployments.
    pub(crate) upstreams: &'a [u16],
    /// Further lines of each deployment's `litellm_params`, `rpm: 60`.
    pub(crate) params: &'a [&'a str],
    /// Further sections of the configuration.
    pub(crate) sections: &'a str,
}

// ===== impl Gateway =====

impl Gateway<'_> {
    pub(crate) fn start(&self) -> Result<Contender> {
        let folder = folder(self.name)?;
        let path = folder.join("config.yaml");
        fs::write(&path, self.config())?;
        let port = free_port()?;
        Contender::start(
            self.name,
            Command::new(target().join("release/headworks"))
                .arg("--config")
                .arg(path)
                .args(["--port", &port.to_string()]),
            &folder,
            vec![port],
            "/health/liveliness",
        )
    }

    fn config(&self) -> String {
        let mut config = String::from("model_list:\n");
        for port in self.upstreams {
            config.push_str(&format!(
                "  - model_name: {group}\n    \
                     litellm_params:\n      \
                         model: openai/{group}\n      \
                         api_base: http://127.0.0.1:{port}/v1\n      \
                         api_key: sk-bench\n",
                group = load::GROUP,
            ));
            for line in self.params {
                config.push_str(&format!("      {line}\n"));
            }
        }
        config + self.sections
    }
}
