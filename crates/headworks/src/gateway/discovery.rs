//! Deployments whose host has many addresses: the lookups in the background, and what they have found.

use super::reach::{Address, Addresses};
use headworks_balance::{Member, Registry};
use headworks_core::{DeploymentId, Reason};
use headworks_provider::discover::{Follow, Lookup, News};
use http::Uri;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};
use tokio::{task::JoinSet, time::Instant};

/// The deployments that are spread over the addresses of their hosts. The lookups end when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    hosts: HashMap<DeploymentId, Arc<Host>>,
    /// Aborts its tasks when it is dropped.
    tasks: JoinSet<()>,
}

/// A host, and what is known of it.
#[derive(Debug)]
struct Host {
    deployment: DeploymentId,
    name: String,
    port: Option<u16>,
    registry: Registry<Address>,
    /// Why the last lookup failed, if it has.
    error: Mutex<Option<String>>,
}

// ===== impl Discovery =====

impl Discovery {
    /// Keeps `addresses`, which fill `registry`, in step with what `follow` finds; the host is that of `base`.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub(super) fn add<L: Lookup + 'static>(
        &mut self,
        deployment: DeploymentId,
        base: &Uri,
        registry: Registry<Address>,
        addresses: Addresses,
        follow: Follow<L>,
    ) {
        let host = Arc::new(Host {
            deployment: deployment.clone(),
            name: follow.host().to_owned(),
            port: base.port_u16(),
            registry,
            error: Mutex::default(),
        });
        self.hosts.insert(deployment, host.clone());
        self.tasks.spawn(keep_up(host, addresses, follow));
    }

    /// The addresses of a deployment, in `LiteLLM`'s words and a few of ours.
    pub(super) fn pods(&self, deployment: &str) -> Option<Value> {
        let host = self.hosts.get(deployment)?;
        let snapshot = host.registry.snapshot();
        let members = snapshot.members();
        let ips: Vec<_> = members.iter().map(|member| member.id().as_str()).collect();
        Some(json!({
            "model_id": host.deployment.as_str(),
            "service_host": host.name,
            "port": host.port,
            "pod_count": ips.len(),
            "pod_ips": ips,
            "error": *host.error.lock(),
            "pods": members.iter().map(pod).collect::<Vec<_>>(),
        }))
    }
}

fn pod(member: &Member) -> Value {
    let resting = match member.check() {
        Err(Reason::Resting(left)) => Some(left.as_secs_f64()),
        _ => None,
    };
    json!({
        "ip": member.id().as_str(),
        "in_flight": member.state().in_flight(),
        "resting_seconds": resting,
    })
}

async fn keep_up<L: Lookup>(host: Arc<Host>, mut addresses: Addresses, mut follow: Follow<L>) {
    let Host {
        deployment, name, ..
    } = &*host;
    loop {
        let news = follow.news().await;
        *host.error.lock() = match &news {
            News::Failing(error) => Some(error.to_string()),
            _ => None,
        };
        match news {
            News::Addresses(found) => {
                tracing::info!(%deployment, host = %name, addresses = ?found, "addresses of a deployment");
                addresses.set(&found, Instant::now());
            }
            News::Failing(error) => {
                tracing::warn!(%deployment, host = %name, %error, "addresses cannot be looked up; those known are used");
            }
            _ => tracing::info!(%deployment, host = %name, "addresses can be looked up again"),
        }
    }
}
