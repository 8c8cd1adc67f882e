use crate::{Choice, Log, Scenario, latencies, rates};
use headworks_simulation::drawing::{
    Anchor, HEIGHT, LEFT, Legend, Plot, RIGHT, Scale, Stroke, Svg,
};
use std::ops::Range;

/// The most deployments of a class that have a line each; of more, all between the least and the most are
/// shown as one band, and their average as a line.
const MOST_LINES: usize = 12;

/// The percentiles of latency that are drawn, with their colours.
const PERCENTILES: [(f64, &str, usize, Stroke); 3] = [
    (0.5, "p50", 2, Stroke::Dotted),
    (0.9, "p90", 3, Stroke::Dashed),
    (0.99, "p99", 1, Stroke::Solid),
];

/// What a strategy made of a scenario, as an SVG: the calls that each deployment got in each second, and how
/// long answers took.
#[must_use]
pub fn picture(scenario: &Scenario, choice: Choice, log: &Log) -> String {
    let mut svg = Svg::new(&format!("{}: {}", scenario.title, choice.name()));
    svg.text(LEFT, 20.0, Anchor::Start, "ink title", choice.name());
    calls(&mut svg, scenario, log);
    times(&mut svg, scenario, log);
    svg.finish()
}

fn calls(svg: &mut Svg, scenario: &Scenario, log: &Log) {
    let rates = rates(scenario, log);
    let most = rates.iter().flatten().copied().fold(0.0, f64::max);
    let plot = plot(scenario, 56.0..194.0, Scale::linear(most));
    svg.text(LEFT, 44.0, Anchor::Start, "pale", "calls a second, each");
    plot.axes(svg, false);
    events(svg, scenario, &plot);

    let mut legend = Legend::new(44.0);
    legend.entry(svg, "fair", 4, Stroke::Dashed);
    let mut from = 0;
    for (colour, class) in scenario.deployments.iter().enumerate() {
        let rates = &rates[from..from + class.count];
        from += class.count;
        if rates.len() <= MOST_LINES {
            for rates in rates {
                svg.line(&plot.points(rates.iter().copied()), colour, Stroke::Thin);
            }
        } else {
            let seconds = || 0..scenario.seconds as usize;
            let each = |second: usize| rates.iter().map(move |rates| rates[second]);
            let most = plot.points(seconds().map(|second| each(second).fold(0.0, f64::max)));
            let least = plot.points(seconds().map(|second| each(second).fold(f64::MAX, f64::min)));
            svg.band(&most, &least, colour);
            let count = class.count as f64;
            let average = plot.points(seconds().map(|second| each(second).sum::<f64>() / count));
            svg.line(&average, colour, Stroke::Solid);
        }
    }
    for (colour, class) in scenario.deployments.iter().enumerate().rev() {
        legend.entry(svg, &class.name, colour, Stroke::Solid);
    }
    let all: f64 = rates.iter().flatten().sum();
    let average = all / f64::from(scenario.seconds);
    let fair = |second| {
        let shares = scenario.fair_shares(f64::from(second));
        shares.into_iter().fold(0.0, f64::max) * average
    };
    let fair = plot.points((0..scenario.seconds).map(fair));
    svg.line(&fair, 4, Stroke::Dashed);
}

fn times(svg: &mut Svg, scenario: &Scenario, log: &Log) {
    let lines = PERCENTILES.map(|(part, ..)| latencies(scenario, log, part));
    let values = lines.iter().flatten().filter_map(|value| *value);
    let plot = plot(scenario, 232.0..HEIGHT - 28.0, Scale::log(values));
    svg.text(LEFT, 220.0, Anchor::Start, "pale", "whole answer, seconds");
    plot.axes(svg, true);
    events(svg, scenario, &plot);

    let mut legend = Legend::new(220.0);
    for ((_, name, colour, stroke), line) in PERCENTILES.into_iter().zip(lines).rev() {
        legend.entry(svg, name, colour, stroke);
        let points = (0_u32..)
            .zip(line)
            .filter_map(|(second, value)| Some(plot.at(f64::from(second) + 0.5, value?)));
        svg.line(&points.collect::<Vec<_>>(), colour, stroke);
    }
}

fn plot(scenario: &Scenario, heights: Range<f64>, scale: Scale) -> Plot {
    Plot {
        left: LEFT,
        right: RIGHT,
        top: heights.start,
        bottom: heights.end,
        across: Scale::Linear(f64::from(scenario.seconds)),
        unit: " s",
        scale,
    }
}

/// Shades the times in which somebody fails, and marks when somebody leaves.
fn events(svg: &mut Svg, scenario: &Scenario, plot: &Plot) {
    let mut mark = |from: f64, until: f64, words: &str| {
        let (left, right) = (plot.at(from, 0.0).0, plot.at(until, 0.0).0);
        svg.event((left, plot.top), (right, plot.bottom));
        svg.text(left + 3.0, plot.top + 11.0, Anchor::Start, "pale", words);
    };
    for class in &scenario.deployments {
        for outage in &class.outages {
            mark(outage.from, outage.until, "outage");
        }
        if let Some(leaves) = class.leaves {
            mark(leaves, leaves, "one leaves");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SCENARIOS, run};

    #[test]
    fn every_class_every_percentile_and_every_event_is_told() {
        let scenario = Scenario {
            seconds: 21,
            ..SCENARIOS.read("herd").unwrap()
        };
        let log = run(&scenario, Choice::LeastBusy).unwrap();
        let picture = picture(&scenario, Choice::LeastBusy, &log);
        for word in [
            "least busy",
            ">even<",
            ">back<",
            ">fair<",
            ">p50<",
            ">p99<",
            ">outage<",
        ] {
            assert!(picture.contains(word), "{word}");
        }
        let lines = picture.matches("stroke-opacity").count();
        assert_eq!(lines, 10, "one for each deployment");
        assert!(picture.ends_with("</svg>\n") && !picture.contains("NaN"));
    }
}
