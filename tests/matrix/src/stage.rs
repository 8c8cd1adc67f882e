use crate::{
    BOUND, canary,
    client::{Client, Saw},
    fault::{Fault, Topology},
    kind::{GROUP, Kind},
    play::Play,
};
use bytes::Bytes;
use headworks::{Gateway, Standing, config::Config};
use headworks_upstream::{DeadPort, Received, Upstream};
use http::{Request, header};
use http_body_util::Full;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// A gateway, and the deployments behind it: one that is sick and, where the topology has it, one that is well.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) sick: Upstream,
    pub(crate) other: Upstream,
    kind: Kind,
    metrics: PrometheusHandle,
    _dead: DeadPort,
}

/// The id of the deployment that has the fault, and of the one that has none.
pub(crate) const SICK: &str = "sick";
pub(crate) const OTHER: &str = "other";

/// More than any cell uses, and kept.
const LIMITS: &str =
    "rpm: 1000, tpm: 10000000, itpm: 10000000, otpm: 10000000, max_parallel_requests: 64";

/// The group to fall back to.
pub(crate) const FALLBACK: &str = "f";

// ===== impl Stage =====

impl Stage {
    pub(crate) async fn of(fault: &Fault, kind: Kind, topology: Topology) -> Self {
        let own = match (fault.held, fault.play.settings()) {
            (false, settings) => settings.to_owned(),
            (true, settings) => format!("commit: complete, {settings}"),
        };
        let router = "num_retries: 1";
        let stage = Self::with(kind, topology, fault.play, fault.cooldown, router, &own).await;
        let (play, calls) = (fault.play, AtomicUsize::new(0));
        stage.sick.answer_with(move |request| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            play.answer(kind, request, call)
        });
        stage
    }

    /// A stage on which everybody is well to begin with.
    pub(crate) async fn with(
        kind: Kind,
        topology: Topology,
        play: Play,
        cooldown: Duration,
        router: &str,
        own: &str,
    ) -> Self {
        let (sick, other, dead) = (
            Upstream::start().await,
            Upstream::start().await,
            DeadPort::new(),
        );
        let deployment = |group: &str, id: &str, url: &str, params: &str| {
            let at = kind.deployment(id, url);
            let (key, header, own) = (canary::key(id), canary::OWN_KEY, canary::own_key(id));
            format!(
                "- model_name: {group}\n  litellm_params: {{ {at}, api_key: {key}, \
                 extra_headers: {{ {header}: {own} }}, {LIMITS}{params} }}\n  model_info: {{ id: {id} }}\n"
            )
        };
        let url = if play.listens() {
            sick.base_url()
        } else {
            dead.base_url()
        };
        let cooldown = cooldown.as_secs_f64();
        // It is asked first wherever there is a choice, and the other only when it takes no request.
        let params = format!(", weight: 1{}", play.params());
        let mut text = format!("model_list:\n{}", deployment(GROUP, SICK, &url, &params));
        let mut fallbacks = String::new();
        match topology {
            Topology::Lone => {}
            Topology::Sibling => {
                text += &deployment(GROUP, OTHER, &other.base_url(), ", weight: 0");
            }
            Topology::Fallback => {
                text += &deployment(FALLBACK, OTHER, &other.base_url(), "");
                for list in [
                    "fallbacks",
                    "context_window_fallbacks",
                    "content_policy_fallbacks",
                ] {
                    fallbacks += &format!(", {list}: [{{ {GROUP}: [{FALLBACK}] }}]");
                }
            }
        }
        text += &format!(
            "router_settings: {{ {router}, cooldown_time: {cooldown}{fallbacks} }}\n\
             general_settings: {{ master_key: {} }}\nheadworks: {{ limits: enforce, {own} }}\n",
            canary::master_key(),
        );
        let (gateway, metrics) = gateway(&text);
        Self {
            gateway,
            sick,
            other,
            kind,
            metrics,
            _dead: dead,
        }
    }

    /// A good request of this kind.
    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        let (content_type, body) = self.kind.request();
        Request::post(self.kind.endpoint.path())
            .header(header::HOST, "gateway")
            .header(header::AUTHORIZATION, canary::bearer())
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::new(body))
            .expect("a request of valid parts")
    }

    pub(crate) async fn ask(&self) -> Saw {
        let mut client = Client::of(&self.gateway).await;
        client.ask(self.request()).await
    }

    /// The upstream of a deployment.
    pub(crate) fn upstream(&self, id: &str) -> &Upstream {
        if id == SICK { &self.sick } else { &self.other }
    }

    /// The last request that a deployment has received.
    pub(crate) fn last(&self, id: &str) -> Option<Received> {
        self.upstream(id).received().pop()
    }

    /// Waits until nothing is under way, anywhere; what still is, if that does not come to be.
    pub(crate) async fn settle(&self) -> Result<(), String> {
        for (id, upstream) in [(SICK, &self.sick), (OTHER, &self.other)] {
            let settled = upstream.wait_for(BOUND, |seen| seen.in_flight == 0).await;
            settled.map_err(|error| format!("{id} still answers: {error}"))?;
        }
        let left = || {
            let standing = [SICK, OTHER].map(|id| self.gateway.standing(id));
            // Slots are what is in flight; each reservation is of one request.
            let held = |standing: &Standing| standing.in_flight > 0 || standing.reserved > 0;
            standing.iter().flatten().any(held)
                || self.metric("headworks_deployment_in_flight", &[]) != 0.0
        };
        let gone = async {
            while left() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let settled = tokio::time::timeout(BOUND, gone).await;
        settled.map_err(|_| {
            let standing = [SICK, OTHER].map(|id| self.gateway.standing(id));
            format!("in flight or reserved to the end: {standing:?}")
        })
    }

    /// The sum of a metric over all that have these labels.
    pub(crate) fn metric(&self, name: &str, labels: &[String]) -> f64 {
        let text = self.metrics.render();
        let lines = text.lines().filter(|line| {
            line.starts_with(name) && labels.iter().all(|label| line.contains(label.as_str()))
        });
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }

    /// Looks at everything there is to look at, for keys.
    pub(crate) async fn look_around(&self) {
        for path in [
            "/v1/models",
            "/model/info",
            "/model_group/info",
            "/metrics",
            "/health/readiness",
            "/nowhere",
        ] {
            Client::get(&self.gateway, path).await;
        }
        canary::search("Debug", format!("{:?}", self.gateway).as_bytes());
    }
}

fn gateway(config: &str) -> (Gateway, PrometheusHandle) {
    let config = Config::parse(config, "config.yaml");
    let config = config.unwrap_or_else(|error| panic!("{error}")).config;
    let recorder = PrometheusBuilder::new().build_recorder();
    let (handle, rendered) = (recorder.handle(), recorder.handle());
    let gateway = metrics::with_local_recorder(&recorder, || {
        Gateway::builder(&config)
            .metrics(move || rendered.render())
            .build()
    });
    (gateway.unwrap_or_else(|error| panic!("{error}")), handle)
}
