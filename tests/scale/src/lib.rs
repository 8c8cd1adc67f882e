//! Limits shared at scale: what becomes of them with hundreds of instances, found out by simulation and the same every time.
//!
//! A [`Scenario`] says how much is asked of which limits, of how many instances, over what network, and what goes
//! wrong when: instances that die, are cut off or have slow clocks, a store that is down, stopped, emptied or
//! has its clock set. [`run`] starts as many instances, each with the real [`Quota`]s and the real [`Keeper`]
//! of `headworks-limit`, over one real [`MemoryStore`], and lets it happen on tokio's paused clock. What comes of it is
//! a [`Log`] and [`Figures`] of it, among them the most that went through in any minute, which is held against
//! the [`Bound`] that the docs of [`headworks_limit::share`] state. `cargo xtask scale` runs all scenarios there
//! are and writes `docs/scale.md`.
//!
//! # How it differs from the strategy lab and the tests of the crate
//!
//! `headworks-lab` asks who is chosen, with limits that only simulated deployments have; `headworks-simulation` is what both are made of.
//! The tests of `headworks-limit` hold single rules, with a handful of instances. Here it is all of them at once, with
//! five hundred.
//!
//! # What is simple about it
//!
//! Time goes in steps of a millisecond, tokio's finest, so that no message takes less. The store takes no time for
//! an exchange; what it takes in a real Redis is measured apart ([`redis`]). All instances go by the same clock: one that
//! is slow is given to the quotas as the lag it has gathered by the end of a lease, which is the worst it can do.
//!
//! # Example
//!
//! ```
//! use headworks_scale::{Figures, run};
//! use headworks_simulation::Scenarios;
//!
//! let scenario = Scenarios::parse(
//!     "two",
//!     r#"
//!     title = "Two instances that are asked for twice the limit"
//!     about = ""
//!     seed = 1
//!     seconds = 63
//!     limits = { rpm = 600 }
//!     demand = { per_second = 20 }
//!     "#,
//! )?;
//! let figures = Figures::new(&scenario, 2, &run(&scenario, 2)?);
//! assert_eq!(figures.rates[0].busiest, 600, "all of it, and no more");
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! [`Quota`]: headworks_limit::Quota
//! [`Keeper`]: headworks_limit::share::Keeper
//! [`MemoryStore`]: headworks_limit::share::MemoryStore

mod bound;
mod demand;
mod figures;
mod fleet;
mod log;
mod network;
mod page;
mod picture;
mod recorder;
pub mod redis;
mod run;
mod scenario;
mod table;

pub use bound::Bound;
pub use figures::{Figures, RateFigures};
pub use log::{Ledger, Log, Series};
pub use page::Told;
pub use picture::{over_instances, over_time};
pub use run::run;
pub use scenario::{Cost, Demand, Event, Kept, Network, SCENARIOS, Scenario, Spread, What};
pub use table::table;
