//! What pictures are drawn with: a page, its axes, its legend. For whoever else has figures over time or over
//! numbers of something.

mod axes;
mod svg;

pub use axes::{Plot, Scale};
pub use svg::{Anchor, HEIGHT, Stroke, Svg, WIDTH};

/// Where plots begin, so that there is room for their numbers.
pub const LEFT: f64 = 44.0;

/// Where they end.
pub const RIGHT: f64 = WIDTH - 10.0;

/// What the lines of a plot are, written above it from right to left.
#[derive(Clone, Copy, Debug)]
pub struct Legend {
    x: f64,
    y: f64,
}

// ===== impl Legend =====

impl Legend {
    /// One at this height.
    #[must_use]
    pub const fn new(y: f64) -> Self {
        Self { x: RIGHT, y }
    }

    /// Says what is drawn like this, to the left of what has been said before.
    pub fn entry(&mut self, svg: &mut Svg, words: &str, colour: usize, stroke: Stroke) {
        svg.text(self.x, self.y, Anchor::End, "ink", words);
        // As wide as a text of the system's font is at most.
        self.x -= words.chars().map(|_| 6.4).sum::<f64>() + 4.0;
        let y = self.y - 4.0;
        svg.line(&[(self.x - 16.0, y), (self.x, y)], colour, stroke);
        self.x -= 26.0;
    }
}
