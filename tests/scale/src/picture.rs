use crate::{Figures, Log, Scenario, Told, What, run::MINUTE};
use headworks_simulation::drawing::{
    Anchor, HEIGHT, LEFT, Legend, Plot, RIGHT, Scale, Stroke, Svg,
};
use std::ops::Range;

/// What is told of more than two numbers of instances is told in as many colours.
const COLOURS: usize = 4;

/// The heights of the two plots of a picture, and of the words above each.
const PLOTS: [(f64, Range<f64>); 2] = [(44.0, 56.0..194.0), (220.0, 232.0..HEIGHT - 28.0)];

/// What became of a scenario, as an SVG: what was admitted in the minute before each second, as a share of the
/// limit, and how often each instance asked the store.
#[must_use]
pub fn over_time(scenario: &Scenario, runs: &[(Log, Figures)]) -> String {
    let mut svg = Svg::new(&scenario.title);
    svg.text(LEFT, 20.0, Anchor::Start, "ink title", &scenario.title);
    let admitted = |(log, _): &(Log, Figures)| -> Vec<f64> {
        // The rate that is asked for most is the last.
        let ledger = log.quotas.first().and_then(|ledgers| ledgers.last());
        let seconds = |ledger: &crate::Ledger| {
            let until = scenario.seconds as usize * 1000;
            let minutes = ledger.admitted.sliding(MINUTE, until).collect::<Vec<_>>();
            let share = |minute: &u64| *minute as f64 / ledger.limit as f64 * 100.0;
            minutes.iter().skip(999).step_by(1000).map(share).collect()
        };
        ledger.map(seconds).unwrap_or_default()
    };
    let exchanges = |(log, figures): &(Log, Figures)| -> Vec<f64> {
        let each = |second: usize| {
            let asked = log.exchanges.within(second * 1000..(second + 1) * 1000);
            asked as f64 / figures.instances as f64
        };
        (0..scenario.seconds as usize).map(each).collect()
    };
    let lines = |of: &dyn Fn(&(Log, Figures)) -> Vec<f64>| -> Vec<Vec<f64>> {
        runs.iter().map(of).collect()
    };
    let of_both = [
        ("admitted within a minute, % of the limit", lines(&admitted)),
        ("exchanges a second, each instance", lines(&exchanges)),
    ];
    for (number, ((y, heights), (words, lines))) in PLOTS.into_iter().zip(of_both).enumerate() {
        let most = lines.iter().flatten().copied().fold(0.0, f64::max);
        let across = Scale::Linear(f64::from(scenario.seconds));
        let plot = plot(heights, across, " s", Scale::linear(most));
        svg.text(LEFT, y, Anchor::Start, "pale", words);
        plot.axes(&mut svg, number == 1);
        events(&mut svg, scenario, &plot);
        let mut legend = Legend::new(y);
        for (colour, ((_, figures), line)) in runs.iter().zip(&lines).enumerate().rev() {
            let colour = colour % COLOURS;
            legend.entry(
                &mut svg,
                &figures.instances.to_string(),
                colour,
                Stroke::Solid,
            );
            svg.line(&plot.points(line.iter().copied()), colour, Stroke::Solid);
        }
    }
    svg.finish()
}

/// How it goes with the number of instances, as an SVG: what is not used, and how often the store is asked.
#[must_use]
pub fn over_instances(all: &[Told]) -> String {
    let title = "From five instances to five hundred";
    let mut svg = Svg::new(title);
    svg.text(LEFT, 20.0, Anchor::Start, "ink title", title);
    let shown: Vec<&Told> = SHOWN
        .iter()
        .filter_map(|name| all.iter().find(|told| told.scenario.name == *name))
        .collect();
    let lines = |of: &dyn Fn(&Figures) -> Option<f64>| -> Vec<Vec<(f64, f64)>> {
        let line = |told: &&Told| {
            let points = told.runs.iter();
            points
                .filter_map(|(_, figures)| Some((figures.instances as f64, of(figures)?)))
                .collect()
        };
        shown.iter().map(line).collect()
    };
    let unused = lines(&|figures| Some(figures.rates.last()?.unused? * 100.0));
    let exchanges = lines(&|figures| Some(figures.exchanges));
    let values = |lines: &[Vec<(f64, f64)>]| -> Vec<f64> {
        lines.iter().flatten().map(|(_, value)| *value).collect()
    };
    let scales = [
        Scale::linear(values(&unused).into_iter().fold(0.0, f64::max)),
        Scale::log(values(&exchanges)),
    ];
    let words = ["unused, %", "exchanges a second"];
    let of_both = words.into_iter().zip(scales).zip([unused, exchanges]);
    for (number, ((y, heights), ((words, scale), lines))) in
        PLOTS.into_iter().zip(of_both).enumerate()
    {
        let plot = plot(heights, Scale::Log(5.0, 500.0), " instances", scale);
        svg.text(LEFT, y, Anchor::Start, "pale", words);
        plot.axes(&mut svg, number == 1);
        let mut legend = Legend::new(y);
        for (colour, (told, line)) in shown.iter().zip(lines).enumerate().rev() {
            legend.entry(&mut svg, &told.scenario.name, colour, Stroke::Solid);
            let points = line.into_iter().map(|(n, value)| plot.at(n, value));
            svg.line(&points.collect::<Vec<_>>(), colour, Stroke::Solid);
        }
    }
    svg.finish()
}

/// The scenarios without an accident in which more is asked for than there is.
const SHOWN: [&str; 4] = ["even", "zipf", "one", "tokens"];

const fn plot(heights: Range<f64>, across: Scale, unit: &'static str, scale: Scale) -> Plot {
    Plot {
        left: LEFT,
        right: RIGHT,
        top: heights.start,
        bottom: heights.end,
        across,
        unit,
        scale,
    }
}

/// Shades the times in which something is wrong.
fn events(svg: &mut Svg, scenario: &Scenario, plot: &Plot) {
    for event in &scenario.events {
        let words = match event.what {
            What::Partition(_) => "cut off",
            What::Down => "down",
            What::Paused => "stopped",
            What::Emptied => "emptied",
            What::Clock(seconds) if seconds > 0.0 => "ahead",
            What::Clock(_) => "back",
            What::Crash(_) => "crashes",
        };
        let until = event.until.max(event.from);
        let (left, right) = (plot.at(event.from, 0.0).0, plot.at(until, 0.0).0);
        svg.event((left, plot.top), (right, plot.bottom));
        svg.text(left + 3.0, plot.top + 11.0, Anchor::Start, "pale", words);
    }
}
