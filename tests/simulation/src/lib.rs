//! What the project's simulations have in common: their scenarios, their chance, and the pages that tell of them.
//!
//! A simulation is a program that reads scenarios from files, lets each happen on tokio's paused clock, and writes a page
//! with tables and pictures into `docs`. What happens in it is its own affair; the rest is here:
//!
//! - [`Scenarios`]: the files, and their order;
//! - [`Distribution`] and [`until_next`]: how long things take, and when the next comes;
//! - [`on_all_cores`]: several runs at a time, whose results come in the order they were asked for;
//! - [`Table`] and [`drawing`]: figures as Markdown, and as SVG;
//! - [`Report`]: what is found out of a scenario. [`Options`] is the command line that runs them, and the page is
//!   written when all have been run.
//!
//! # How it differs from its neighbours
//!
//! `headworks-lab` tries how deployments are chosen, `headworks-scale` how limits are shared. Both are built of this, and neither
//! of the other. There is nothing of a gateway in here.
//!
//! # Where it belongs
//!
//! Beneath programs that only the project itself runs.
//!
//! # Example
//!
//! ```
//! use headworks_simulation::{Distribution, Table, on_all_cores};
//!
//! let mean = |sigma: &f64| {
//!     let mut rng = fastrand::Rng::with_seed(1);
//!     let takes = Distribution::Lognormal { median: 1.0, sigma: *sigma };
//!     let samples = (0..1_000).map(|_| takes.sample(&mut rng).as_secs_f64());
//!     Ok(vec![format!("{sigma}"), format!("{:.1} s", samples.sum::<f64>() / 1_000.0)])
//! };
//! let mut table = Table::new(&["sigma", "mean"]);
//! table.rows = on_all_cores(&[0.0, 1.0], mean)?;
//! let told = "\
//! | sigma |  mean |
//! |-------|------:|
//! | 0     | 1.0 s |
//! | 1     | 1.6 s |
//! ";
//! assert_eq!(table.write(), told);
//! # std::io::Result::Ok(())
//! ```

mod cores;
mod distribution;
pub mod drawing;
mod report;
mod scenarios;
mod table;

pub use cores::on_all_cores;
pub use distribution::{Distribution, until_next};
pub use report::{Options, Report, docs};
pub use scenarios::Scenarios;
pub use table::Table;
