//! A [`Store`] in Redis or what speaks its protocol, of version 5 or later.
//!
//! One exchange is one pipeline with a call of one script for each quota, some ten a second while there is
//! demand; each call reads and writes the buckets of one quota, some sixty numbers a rate. All keys of a quota
//! have one hash tag, begin with `headworks:1:` (the number is that of the layout), and are given the time they
//! live in the same script. The window is counted by Redis' own clock.

mod answer;
mod error;
#[cfg(test)]
mod tests;

use super::{Answer, InstanceId, Question, Store, StoreError};
use crate::window::micros;
use redis::{
    Client, Cmd, ErrorKind, Pipeline, RedisError, Script, ServerErrorKind,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

/// Quotas shared over a Redis.
///
/// A clone is the same connection, which is made when it is first needed and again when it is lost. A Cluster
/// is not followed to its other nodes, nor a Sentinel asked for its master: see [`RedisStore::new`].
#[derive(Clone)]
pub struct RedisStore {
    connection: ConnectionManager,
    script: Arc<Script>,
}

// ===== impl RedisStore =====

impl RedisStore {
    /// The store at this URL, `redis://[user[:password]@]host[:port][/db]`, or `rediss://` over TLS. Nothing is
    /// connected yet.
    ///
    /// It must be a single server, or the master of several. Of a Cluster every key but a few would be answered
    /// with `MOVED`, which is an error that says so.
    ///
    /// # Errors
    ///
    /// If the URL cannot be understood; it is not repeated, since it may hold a password.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(url: &str, patience: Duration) -> Result<Self, StoreError> {
        let client = Client::open(url).map_err(|error| StoreError::new(error::words(&error)))?;
        // The keeper tries again by itself, and has a fallback meanwhile.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience));
        let connection = ConnectionManager::new_lazy_with_config(client, config)
            .map_err(|error| StoreError::new(error::words(&error)))?;
        Ok(Self {
            connection,
            script: Arc::new(Script::new(include_str!("exchange.lua"))),
        })
    }
}

impl Store for RedisStore {
    type Future = Pin<Box<dyn Future<Output = Result<Vec<Answer>, StoreError>> + Send>>;

    fn exchange(&self, instance: &InstanceId, questions: &[Question]) -> Self::Future {
        let mut calls = redis::pipe();
        for question in questions {
            calls.add_command(call(&self.script, instance, question));
        }
        let rates: Vec<_> = questions
            .iter()
            .map(|question| question.rates.len())
            .collect();
        let mut this = self.clone();
        Box::pin(async move {
            let answers = this.ask(&calls).await;
            let answers = answers.map_err(|error| StoreError::new(error::words(&error)))?;
            let read = answers
                .iter()
                .zip(rates)
                .map(|(answer, n)| answer::read(answer, n));
            read.collect()
        })
    }
}

impl RedisStore {
    async fn ask(&mut self, calls: &Pipeline) -> Result<Vec<Vec<i64>>, RedisError> {
        match calls.query_async(&mut self.connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                // A server that was restarted, or has not seen it yet.
                self.script
                    .prepare_invoke()
                    .load_async(&mut self.connection)
                    .await?;
                calls.query_async(&mut self.connection).await
            }
            answered => answered,
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

/// One call of the script.
fn call(script: &Script, instance: &InstanceId, question: &Question) -> Cmd {
    let key = |part: &str| format!("headworks:1:{{{}}}:{part}", question.quota);
    let mut call = redis::cmd("EVALSHA");
    call.arg(script.get_hash()).arg(4 + question.rates.len());
    for part in ["quota", "instances", "slots", "lapses"] {
        call.arg(key(part));
    }
    for rate in &question.rates {
        call.arg(key(rate.name));
    }
    call.arg(instance.as_str()).arg(micros(question.rest));
    call.arg(question.rates.len());
    for rate in &question.rates {
        let ask = &rate.ask;
        call.arg(rate.limit)
            .arg(micros(rate.width))
            .arg(rate.buckets);
        call.arg(micros(rate.offset)).arg(ask.debt).arg(ask.want);
        call.arg(ask.held)
            .arg(ask.advance)
            .arg(ask.alone)
            .arg(ask.returns.len());
        for back in &ask.returns {
            call.arg(back.at).arg(back.amount);
        }
    }
    match &question.slots {
        Some(slots) => {
            call.arg(1).arg(slots.limit).arg(slots.used);
            call.arg(slots.want).arg(micros(slots.lapse));
        }
        None => {
            call.arg(0);
        }
    }
    call
}
