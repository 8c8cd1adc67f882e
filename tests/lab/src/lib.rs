//! The strategy lab: how the strategies of a balance behave, found out by simulation and the same every time.
//!
//! A [`Scenario`] says how requests arrive, through how many gateways, and what the deployments are like: how
//! long they take, how much they work on at a time, what limits they have, when they fail. [`run`] puts the real
//! layers in front of such deployments (retry, balance, and for each deployment a breaker and an attempt
//! timeout, as they stand in the gateway) and lets it happen on tokio's paused clock. What comes of it is a
//! [`Log`], [`Figures`] of it, a [`table`] and a [`picture`]. `cargo xtask lab` runs all scenarios there are
//! and writes `docs/lab.md`; the tests of this crate hold the strategies to what is promised of them.
//!
//! # How it differs from the benches and the end-to-end tests
//!
//! A bench says what a choice costs and `tests/e2e` that the gateway works, over sockets and in real time. Neither
//! can say what becomes of a minute of traffic over a thousand deployments, and neither says it twice in the same
//! words. Here there are no sockets and there is no real time: a minute takes a second, and the same seed gives
//! the same log.
//!
//! # What is simple about it
//!
//! Time goes in steps of a millisecond, tokio's finest. A deployment that works on `parallel` requests takes as
//! long for each as for one alone, and lets the others wait without bound. An outage concerns what arrives
//! meanwhile. Choices cost no time. Logarithms and the like are the system's, so that another system may differ
//! in the last digit.
//!
//! # Example
//!
//! ```
//! use headworks_lab::{Choice, Figures, run};
//! use headworks_simulation::Scenarios;
//!
//! let scenario = Scenarios::parse(
//!     "two",
//!     r#"
//!     title = "Two deployments, of which one takes three times as long"
//!     about = ""
//!     seed = 1
//!     seconds = 10
//!     arrivals = { clients = 40 }
//!
//!     [[deployments]]
//!     name = "fast"
//!     head = { constant = 0.1 }
//!     rest = { constant = 0.1 }
//!
//!     [[deployments]]
//!     name = "slow"
//!     head = { constant = 0.3 }
//!     rest = { constant = 0.3 }
//!     "#,
//! )?;
//! let figures = Figures::new(&scenario, &run(&scenario, Choice::LeastBusy)?);
//! assert_eq!(figures.errors, 0.0);
//! // As many are under way at both, so the fast one answers three times as many.
//! assert!((0.23..0.27).contains(&figures.shares[1]));
//! # Ok::<(), anyhow::Error>(())
//! ```

mod answer;
mod arrival;
mod choice;
mod deployment;
mod figures;
mod gateway;
mod log;
mod page;
mod picture;
mod run;
mod scenario;
mod table;

pub use choice::Choice;
pub use figures::{Figures, homes, latencies, rates, worst_load, worst_second};
pub use log::{Asked, Call, Log};
pub use page::Told;
pub use picture::picture;
pub use run::{run, run_all};
pub use scenario::{Arrivals, Class, Fault, Gateway, Outage, SCENARIOS, Scenario};
pub use table::table;
