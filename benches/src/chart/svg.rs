//! An SVG image, in colours for light and for dark pages.

use std::fmt::Write;

/// On a phone it is shown 350 to 380 pixels wide, with text of ten pixels.
pub(super) const WIDTH: f64 = 600.0;
const TEXT: u32 = 16;

/// Classes of elements, and their colours on a light and on a dark page.
const COLOURS: [(&str, &str, &str); 10] = [
    ("page", "#ffffff", "#0d1117"),
    ("text", "#1f2328", "#e6edf3"),
    ("quiet", "#59636e", "#9198a1"),
    ("grid", "#d1d9e0", "#3d444d"),
    ("series-0", "#00796b", "#4db6ac"),
    ("series-1", "#3f51b5", "#9fa8da"),
    ("series-2", "#d55e00", "#ffb74d"),
    ("series-3", "#9c27b0", "#e19bee"),
    ("series-4", "#795548", "#c8b6ae"),
    ("series-5", "#827717", "#dce775"),
];

/// Around the point (0, 0): circle, square, triangles, diamond and cross.
pub(super) const MARKS: [&str; 6] = [
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "M-4.5-4.5h9v9h-9z",
    "M0-6L6 5H-6z",
    "M0 6L6-5H-6z",
    "M0-6.5L6 0L0 6.5L-6 0z",
    "M-5.5-2h3.5v-3.5h4v3.5h3.5v4h-3.5v3.5h-4v-3.5h-3.5z",
];

/// Which part of a text lies at its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

type Point = (f64, f64);

/// What is drawn so far. Later elements cover earlier ones.
#[derive(Default)]
pub(super) struct Svg {
    elements: String,
}

impl Svg {
    /// The point is on the line on which the letters stand.
    pub(super) fn text(&mut self, class: &str, anchor: Anchor, (x, y): Point, words: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let words = escaped(words);
        self.element(format_args!(
            r#"<text class="{class}" text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{words}</text>"#
        ));
    }

    /// From the one corner to the other.
    pub(super) fn rectangle(&mut self, class: &str, one: Point, other: Point) {
        let (x, y) = (one.0.min(other.0), one.1.min(other.1));
        let (width, height) = ((one.0 - other.0).abs(), (one.1 - other.1).abs());
        self.element(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#
        ));
    }

    pub(super) fn line(&mut self, class: &str, width: f64, points: &[Point]) {
        let points: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let points = points.join(" ");
        self.element(format_args!(
            r#"<polyline class="{class}" stroke-width="{width}" points="{points}"/>"#
        ));
    }

    pub(super) fn mark(&mut self, class: &str, mark: &str, (x, y): Point) {
        self.element(format_args!(
            r#"<path class="{class}" d="{mark}" transform="translate({x:.1} {y:.1})"/>"#
        ));
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.elements, "{element}").expect("a String takes everything");
    }

    /// The image's text, with what it shows in words.
    pub(super) fn finish(self, height: f64, title: &str, about: &str) -> String {
        let [title, about] = [title, about].map(escaped);
        let of = |dark: bool| -> String {
            let rule = |&(class, light, night): &(&str, &str, &str)| {
                let colour = if dark { night } else { light };
                format!(".{class} {{ color: {colour} }}\n")
            };
            COLOURS.iter().map(rule).collect()
        };
        let (light, dark) = (of(false), of(true));
        let elements = self.elements;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}. {about}">
<title>{title}</title>
<style>
text {{ font: {TEXT}px sans-serif; fill: currentColor }}
.title {{ font-weight: bold }}
rect, path {{ fill: currentColor }}
polyline {{ stroke: currentColor; fill: none }}
{light}@media (prefers-color-scheme: dark) {{
{dark}}}
</style>
<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>
<text class="title text" x="14" y="28">{title}</text>
<text class="quiet" x="14" y="52">{about}</text>
{elements}</svg>
"#
        )
    }
}

fn escaped(words: &str) -> String {
    words
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_in_words_what_it_shows() {
        let svg = Svg::default().finish(100.0, "Fast & \"safe\"", "Less is <better>");
        assert!(svg.contains("<title>Fast &amp; &quot;safe&quot;</title>"));
        assert!(svg.contains(
            r#"role="img" aria-label="Fast &amp; &quot;safe&quot;. Less is &lt;better&gt;""#
        ));
    }

    #[test]
    fn each_colour_has_another_in_the_dark() {
        let svg = Svg::default().finish(100.0, "", "");
        let (light, dark) = svg
            .split_once("@media (prefers-color-scheme: dark)")
            .unwrap();
        for (class, day, night) in COLOURS {
            assert!(light.contains(&format!(".{class} {{ color: {day} }}")));
            assert!(dark.contains(&format!(".{class} {{ color: {night} }}")));
        }
    }

    #[test]
    fn a_rectangle_may_go_left() {
        let mut svg = Svg::default();
        svg.rectangle("page", (30.0, 10.0), (20.0, 15.0));
        assert!(
            svg.elements
                .contains(r#"x="20.0" y="10.0" width="10.0" height="5.0""#)
        );
    }
}
