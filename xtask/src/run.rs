use crate::tally::Tally;
use anyhow::Result;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// One task under way: its steps, what their tests counted, and which of them failed.
pub(crate) struct Run {
    started: Instant,
    tally: Tally,
    steps: Vec<Step>,
}

/// A required step has failed, so the rest of the task would mean nothing.
#[derive(Debug)]
pub(crate) struct Stopped;

struct Step {
    name: String,
    took: Duration,
    ok: bool,
}

// ===== impl Run =====

impl Run {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            tally: Tally::default(),
            steps: Vec::new(),
        }
    }

    /// Runs a step that the later ones need: its failure stops the task.
    pub(crate) fn require<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T, Stopped> {
        announce(name);
        let started = Instant::now();
        let done = work();
        if done.is_err() {
            self.tally.failed += 1;
        }
        self.note(name, started, done).ok_or(Stopped)
    }

    /// Runs a step that stands by itself: its failure is kept for the end, so that one run tells
    /// everything that is wrong.
    pub(crate) fn check(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        let _noted = self.require(name, work);
    }

    /// Runs tests and adds up what they counted. Tests that could not be run count as one failure.
    pub(crate) fn tests(&mut self, name: &str, work: impl FnOnce(&mut Tally) -> Result<()>) {
        announce(name);
        let started = Instant::now();
        let mut tally = Tally::default();
        let done = work(&mut tally);
        if done.is_err() && tally.failed == 0 {
            tally.failed = 1;
        }
        self.tally += tally;
        self.note(name, started, done);
    }

    /// Prints every step with its time, then `N passed, N failed`.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\n== summary");
        for step in &self.steps {
            let word = if step.ok { "ok" } else { "FAILED" };
            println!("{:8.1} s  {word:6}  {}", step.took.as_secs_f64(), step.name);
        }
        println!("{:8.1} s  in all", self.started.elapsed().as_secs_f64());
        if self.tally.ignored > 0 {
            println!("{} ignored", self.tally.ignored);
        }
        println!("{} passed, {} failed", self.tally.passed, self.tally.failed);
        if self.steps.iter().all(|step| step.ok) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn note<T>(&mut self, name: &str, started: Instant, done: Result<T>) -> Option<T> {
        let took = started.elapsed();
        self.steps.push(Step {
            name: name.to_owned(),
            took,
            ok: done.is_ok(),
        });
        match done {
            Ok(value) => {
                println!("-- {name}: ok, {:.1} s", took.as_secs_f64());
                Some(value)
            }
            Err(error) => {
                eprintln!("-- {name}: FAILED, {:.1} s: {error:#}", took.as_secs_f64());
                None
            }
        }
    }
}

fn announce(name: &str) {
    println!("\n== {name}");
}
