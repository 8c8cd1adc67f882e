/// A picture that is being drawn, [`WIDTH`] by [`HEIGHT`]; zero is at the top on the left.
#[derive(Clone, Debug)]
pub struct Svg(String);

/// How wide a picture is.
pub const WIDTH: f64 = 480.0;

/// How high it is.
pub const HEIGHT: f64 = 380.0;

/// Colours that keep apart on white and on black, also for those who do not see all of them; the picture
/// follows what the reader's system prefers.
const STYLE: &str = "\
.paper{fill:#ffffff}.ink{fill:#1f2328}.pale{fill:#59636e}.grid{stroke:#d1d9e0}.event{fill:#818b981f}\
.k0{stroke:#0969da}.k1{stroke:#bc4c00}.k2{stroke:#1a7f37}.k3{stroke:#8250df}.k4{stroke:#59636e}\
.b0{fill:#0969da}.b1{fill:#bc4c00}.b2{fill:#1a7f37}.b3{fill:#8250df}\
.band{fill-opacity:.18}.line{fill:none;stroke-linejoin:round}\
text{font:11px system-ui,sans-serif}.title{font-weight:600;font-size:13px}\
@media(prefers-color-scheme:dark){\
.paper{fill:#0d1117}.ink{fill:#e6edf3}.pale{fill:#9198a1}.grid{stroke:#3d444d}.event{fill:#9198a126}\
.k0{stroke:#58a6ff}.k1{stroke:#f0883e}.k2{stroke:#3fb950}.k3{stroke:#bc8cff}.k4{stroke:#9198a1}\
.b0{fill:#58a6ff}.b1{fill:#f0883e}.b2{fill:#3fb950}.b3{fill:#bc8cff}}";

/// How a line is drawn, apart from its colour.
#[derive(Clone, Copy, Debug)]
pub enum Stroke {
    /// One of many.
    Thin,
    /// One of a few.
    Solid,
    /// What is only compared with.
    Dashed,
    /// The third kind, where there are three.
    Dotted,
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// To the right of it.
    Start,
    /// Around it.
    Middle,
    /// To the left of it.
    End,
}

// ===== impl Svg =====

impl Svg {
    /// An empty one. The title is for those who do not see it.
    #[must_use]
    pub fn new(title: &str) -> Self {
        let title = escaped(title);
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n"
        ))
    }

    /// A text in one of the style's classes: `ink`, `pale`, and `title` beside either.
    pub fn text(&mut self, x: f64, y: f64, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.0 += &format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{text}</text>\n"
        );
    }

    /// A line to read values by.
    pub fn grid(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.0 += &format!(
            "<path class=\"grid\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"/>\n",
            from.0, from.1, to.0, to.1
        );
    }

    /// A time in which something is different.
    pub fn event(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.0 += &format!(
            "<rect class=\"event\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\n",
            from.0,
            from.1,
            (to.0 - from.0).max(1.0),
            to.1 - from.1
        );
    }

    /// A line through these points, in one of five colours, 0 to 4.
    pub fn line(&mut self, points: &[(f64, f64)], colour: usize, stroke: Stroke) {
        let stroke = match stroke {
            Stroke::Thin => "stroke-width=\"1\" stroke-opacity=\".7\"",
            Stroke::Solid => "stroke-width=\"1.6\"",
            Stroke::Dashed => "stroke-width=\"1.4\" stroke-dasharray=\"6 3\"",
            Stroke::Dotted => "stroke-width=\"1.4\" stroke-dasharray=\"2 2\"",
        };
        let points = path(points.iter());
        self.0 += &format!("<path class=\"line k{colour}\" {stroke} d=\"M{points}\"/>\n");
    }

    /// The area between two lines, in one of four colours, 0 to 3.
    pub fn band(&mut self, upper: &[(f64, f64)], lower: &[(f64, f64)], colour: usize) {
        let points = path(upper.iter().chain(lower.iter().rev()));
        self.0 += &format!("<path class=\"band b{colour}\" d=\"M{points}Z\"/>\n");
    }

    /// The whole file.
    #[must_use]
    pub fn finish(self) -> String {
        self.0 + "</svg>\n"
    }
}

fn path<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> String {
    let points = points.map(|(x, y)| format!("{x:.1} {y:.1}"));
    points.collect::<Vec<_>>().join("L")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
