use super::{
    Finding,
    wards::{Wards, Watched},
};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{task::JoinSet, time::Instant};

/// The future of [`Health::report`](super::Health::report): JSON.
///
/// Boxed: it is asked for by a person or a probe, not by a client of a model.
#[must_use = "a future does nothing unless it is polled"]
pub struct ReportFuture(Pin<Box<dyn Future<Output = Bytes> + Send>>);

// ===== impl ReportFuture =====

impl ReportFuture {
    pub(super) fn new(wards: Arc<Wards>, query: Option<&str>) -> Self {
        let model = query.and_then(model);
        Self(Box::pin(async move {
            let places = wards.narrowed(model.as_deref());
            wards.check_those_to_be(&places).await;
            wards.written(&places).to_string().into()
        }))
    }
}

impl Future for ReportFuture {
    type Output = Bytes;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Bytes> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for ReportFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportFuture").finish_non_exhaustive()
    }
}

// ===== impl Wards =====

impl Wards {
    /// The places of those that are asked about.
    fn narrowed(&self, model: Option<&str>) -> Vec<usize> {
        let places = |is_it: &dyn Fn(&Watched) -> bool| -> Vec<usize> {
            let all = self.watched().iter().enumerate();
            let told = all.filter(|(_, watched)| watched.background || !self.policy().background);
            let told = told.filter(|(_, watched)| is_it(watched));
            told.map(|(place, _)| place).collect()
        };
        let Some(model) = model else {
            return places(&|_| true);
        };
        // LiteLLM's order: the deployments' own model, and only if nobody has it, the group.
        let own = places(&|watched| watched.model == model);
        if own.is_empty() {
            places(&|watched| &*watched.group == model)
        } else {
            own
        }
    }

    /// Checks now: all, or those that the background has not come to yet. Their effects are those of any check.
    async fn check_those_to_be(self: &Arc<Self>, places: &[usize]) {
        let mut tasks = JoinSet::new();
        for place in places.iter().copied() {
            if self.policy().background && self.last(place).is_some() {
                continue;
            }
            let wards = self.clone();
            tasks.spawn(async move {
                let found = wards.check(place).await;
                wards.note(place, found, None);
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    fn written(&self, places: &[usize]) -> Value {
        let now = Instant::now();
        let (mut healthy, mut unhealthy) = (Vec::new(), Vec::new());
        for place in places {
            let last = self.last(*place);
            let entry = self.watched()[*place].written(last, now);
            match last.and_then(|finding| finding.sickness()) {
                Some(_) => unhealthy.push(entry),
                None => healthy.push(entry),
            }
        }
        json!({
            "healthy_count": healthy.len(),
            "healthy_endpoints": healthy,
            "unhealthy_count": unhealthy.len(),
            "unhealthy_endpoints": unhealthy,
        })
    }

    fn last(&self, place: usize) -> Option<Finding> {
        self.watched()[place].gate.record().last()
    }
}

// ===== impl Watched =====

impl Watched {
    fn written(&self, last: Option<Finding>, now: Instant) -> Value {
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        put("model", self.model.as_str().into());
        put("model_id", self.gate.record().id().as_str().into());
        put("model_name", self.group.as_str().into());
        if !self.api_base.is_empty() {
            put("api_base", self.api_base.as_str().into());
        }
        if let Some(finding) = last {
            let age = now.saturating_duration_since(finding.at());
            put("checked_seconds_ago", age.as_secs().into());
            if let Some(sickness) = finding.sickness() {
                put("error", sickness.to_string().into());
            }
        }
        entry.into()
    }
}

/// The value of `model` in a query, decoded; an empty one asks for nothing in particular.
fn model(query: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| *name == "model")?;
    let spaced = value.replace('+', " ");
    let value = percent_decode_str(&spaced).decode_utf8_lossy();
    (!value.is_empty()).then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_of_a_query_is_decoded() {
        for (query, asked) in [
            ("", None),
            ("model=", None),
            ("models=a", None),
            ("model=gpt-4o", Some("gpt-4o")),
            ("a=b&model=azure%2Fgpt+4&model=second", Some("azure/gpt 4")),
        ] {
            assert_eq!(model(query).as_deref(), asked, "{query}");
        }
    }
}
