//! Regions drawn over an image. The overlay's units are the image's pixels, so that rotation keeps right angles; without
//! known pixels they are percent.

use maud::{Markup, html};

use super::palette;
use crate::reports::views::{AnnotationView, ResultView};

/// A region in percent of the image.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Top left corner, size, and clockwise rotation about that corner in degrees.
    Rectangle {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        rotation: f64,
    },
    /// Centre, radii, and clockwise rotation about the centre in degrees.
    Ellipse {
        x: f64,
        y: f64,
        rx: f64,
        ry: f64,
        rotation: f64,
    },
    Polygon(Vec<[f64; 2]>),
    Point([f64; 2]),
}

/// Width and height of the image in pixels; 100 × 100 when unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    pub width: f64,
    pub height: f64,
    pub known: bool,
}

/// The shape of a result that marks a region of an image. Answers about a region (a choice, a rating) repeat its geometry
/// and are not drawn again.
pub fn shape(result: &ResultView) -> Option<Shape> {
    let kind = result.r#type.trim_end_matches("labels");
    let finite = |numbers: &[f64]| numbers.iter().all(|n| n.is_finite());
    match kind {
        "rectangle" => {
            let [x, y, width, height, rotation] = result.bbox.filter(|bbox| finite(bbox))?;
            Some(Shape::Rectangle { x, y, width, height, rotation })
        }
        "ellipse" => {
            let [x, y] = first_point(result)?;
            let value = result.raw.as_ref().and_then(|raw| raw.get("value"))?;
            let number = |name: &str| value.get(name).and_then(serde_json::Value::as_f64);
            let (rx, ry, rotation) = (number("radiusX")?, number("radiusY")?, number("rotation").unwrap_or_default());
            finite(&[x, y, rx, ry, rotation]).then_some(Shape::Ellipse { x, y, rx, ry, rotation })
        }
        "polygon" | "vector" => {
            let points = result.points.clone().filter(|points| points.len() > 1 && points.iter().all(|p| finite(p)))?;
            Some(Shape::Polygon(points))
        }
        "keypoint" => {
            let [x, y] = first_point(result).filter(|point| finite(point))?;
            Some(Shape::Point([x, y]))
        }
        _ => None,
    }
}

fn first_point(result: &ResultView) -> Option<[f64; 2]> {
    result.points.as_ref().and_then(|points| points.first().copied())
}

/// The image's size as the results carry it.
pub fn size(annotations: &[AnnotationView]) -> Size {
    let results = annotations.iter().flat_map(|annotation| &annotation.results);
    let known = results.filter_map(|result| {
        let side = |side: Option<f64>| side.filter(|side| *side >= 1.0 && side.is_finite());
        Some(Size { width: side(result.original_width)?, height: side(result.original_height)?, known: true })
    });
    known.into_iter().next().unwrap_or(Size { width: 100.0, height: 100.0, known: false })
}

impl Shape {
    /// Where the region lies, in percent of the image.
    pub fn words(&self) -> String {
        match self {
            Self::Rectangle { x, y, width, height, rotation } => {
                let turn = if *rotation == 0.0 { String::new() } else { format!(", {rotation:.0}°") };
                format!("{width:.1} × {height:.1} % at {x:.1}, {y:.1}{turn}")
            }
            Self::Ellipse { x, y, rx, ry, .. } => format!("radii {rx:.1} × {ry:.1} % around {x:.1}, {y:.1}"),
            Self::Polygon(points) => format!("{} points", points.len()),
            Self::Point([x, y]) => format!("at {x:.1}, {y:.1} %"),
        }
    }
}

impl Size {
    fn point(self, [x, y]: [f64; 2]) -> [f64; 2] {
        [x * self.width / 100.0, y * self.height / 100.0]
    }
}

/// The four corners of a rotated rectangle in pixels. Rotation happens in pixels: in percent of an image that is not
/// square, right angles would not survive it.
fn corners(size: Size, [x, y, width, height]: [f64; 4], degrees: f64) -> [[f64; 2]; 4] {
    let [left, top] = size.point([x, y]);
    let [w, h] = size.point([width, height]);
    let (sin, cos) = degrees.to_radians().sin_cos();
    [[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]].map(|[dx, dy]| [left + dx * cos - dy * sin, top + dx * sin + dy * cos])
}

/// Every region of every annotation as one drawing over the image; a group per annotation, so that it can be hidden.
pub fn overlay(annotations: &[AnnotationView], size: Size) -> Markup {
    html! {
        svg.overlay viewBox=(format!("0 0 {} {}", size.width, size.height))
            preserveAspectRatio=[(!size.known).then_some("none")]
            role="img" aria-label="Regions drawn by each rater" {
            @for (at, annotation) in annotations.iter().enumerate() {
                g class={ "who" (at) " " (palette::rater(at)) } {
                    @for result in &annotation.results {
                        @if let Some(shape) = shape(result) { (draw(&shape, size, &caption(annotation, result))) }
                    }
                }
            }
        }
    }
}

fn caption(annotation: &AnnotationView, result: &ResultView) -> String {
    format!("{}: {}", annotation.rater_name, if result.labels.is_empty() { &result.control } else { &result.labels[0] })
}

fn draw(shape: &Shape, size: Size, caption: &str) -> Markup {
    match shape {
        Shape::Rectangle { x, y, width, height, rotation } => {
            let corners = corners(size, [*x, *y, *width, *height], *rotation);
            html! { polygon points=(points(&corners)) { title { (caption) } } }
        }
        Shape::Ellipse { x, y, rx, ry, rotation } => {
            let [cx, cy] = size.point([*x, *y]);
            let [rx, ry] = size.point([*rx, *ry]);
            html! {
                ellipse cx=(number(cx)) cy=(number(cy)) rx=(number(rx.abs())) ry=(number(ry.abs()))
                    transform=(format!("rotate({} {} {})", number(*rotation), number(cx), number(cy))) { title { (caption) } }
            }
        }
        Shape::Polygon(path) => {
            let path: Vec<[f64; 2]> = path.iter().map(|point| size.point(*point)).collect();
            html! { polygon points=(points(&path)) { title { (caption) } } }
        }
        Shape::Point(point) => {
            let [x, y] = size.point(*point);
            // A line without length and with round ends is a dot whatever the scale of the drawing.
            html! { path.point d=(format!("M{} {}h0", number(x), number(y))) { title { (caption) } } }
        }
    }
}

fn points(path: &[[f64; 2]]) -> String {
    path.iter().map(|[x, y]| format!("{},{}", number(*x), number(*y))).collect::<Vec<_>>().join(" ")
}

fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Whether a data field is an image, by its name's ending or its kind.
pub fn looks_like_image(value: &str) -> bool {
    const ENDINGS: [&str; 9] = [".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg"];
    let path = value.split(['?', '#']).next().unwrap_or(value);
    let ends = |text: &str| ENDINGS.iter().any(|ending| text.to_ascii_lowercase().ends_with(ending));
    value.starts_with("data:image/") || (!value.contains(char::is_whitespace) && (ends(path) || ends(value)))
}

/// The address to load an image from, if a browser may: web addresses and embedded pixels. Paths such as `/data/upload/…`
/// belong to the labelling tool's server and `s3://` to a bucket: neither can be loaded from here.
pub fn loadable(value: &str) -> Option<&str> {
    const EMBEDDED: [&str; 4] = ["data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp"];
    let start = value.get(..8).unwrap_or(value).to_ascii_lowercase();
    let web = start.starts_with("http://") || start.starts_with("https://");
    let embedded =
        EMBEDDED.iter().any(|kind| value.strip_prefix(kind).is_some_and(|rest| rest.starts_with([';', ','])));
    (web || embedded).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures::{image_item, rectangle};

    const WIDE: Size = Size { width: 200.0, height: 100.0, known: true };

    fn close(a: [[f64; 2]; 4], b: [[f64; 2]; 4]) -> bool {
        a.iter().flatten().zip(b.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-9)
    }

    #[test]
    fn rectangles_turn_clockwise_about_their_top_left_corner_in_pixels() {
        let upright = corners(WIDE, [50.0, 20.0, 10.0, 30.0], 0.0);
        assert!(close(upright, [[100.0, 20.0], [120.0, 20.0], [120.0, 50.0], [100.0, 50.0]]), "{upright:?}");
        let turned = corners(WIDE, [50.0, 20.0, 10.0, 30.0], 90.0);
        assert!(close(turned, [[100.0, 20.0], [100.0, 40.0], [70.0, 40.0], [70.0, 20.0]]), "{turned:?}");
        let (a, b, d) = (turned[0], turned[1], turned[3]);
        let dot = (b[0] - a[0]) * (d[0] - a[0]) + (b[1] - a[1]) * (d[1] - a[1]);
        assert!(dot.abs() < 1e-9, "right angles stay right");
    }

    #[test]
    fn sizes_come_from_the_results_and_are_percent_otherwise() {
        let item = image_item();
        assert_eq!(size(&item.annotations), Size { width: 640.0, height: 480.0, known: true });
        assert_eq!(size(&[]), Size { width: 100.0, height: 100.0, known: false });
        let drawn = overlay(&item.annotations, size(&item.annotations)).into_string();
        assert!(drawn.contains("points=\"64,96 256,96 256,216 64,216\""), "{drawn}");
    }

    #[test]
    fn answers_about_a_region_are_not_drawn_again_and_broken_numbers_never() {
        let choice = ResultView { r#type: "choices".into(), ..rectangle([1.0, 2.0, 3.0, 4.0, 0.0], "occluded") };
        assert_eq!(shape(&choice), None);
        assert_eq!(shape(&rectangle([1.0, f64::NAN, 3.0, 4.0, 0.0], "car")), None);
        let eye =
            ResultView { r#type: "keypointlabels".into(), points: Some(vec![[1.0, 2.0]]), ..ResultView::default() };
        assert_eq!(shape(&eye), Some(Shape::Point([1.0, 2.0])));
        let cell = ResultView {
            r#type: "ellipselabels".into(),
            raw: Some(serde_json::json!({ "value": { "radiusX": 9.5, "radiusY": 5.0, "rotation": 75 } })),
            ..eye
        };
        assert_eq!(shape(&cell), Some(Shape::Ellipse { x: 1.0, y: 2.0, rx: 9.5, ry: 5.0, rotation: 75.0 }));
    }

    #[test]
    fn only_web_addresses_and_embedded_pixels_are_loaded() {
        for fine in ["https://x.org/a.png", "HTTP://x.org/a", "data:image/png;base64,AAAA", "data:image/webp,x"] {
            assert_eq!(loadable(fine), Some(fine));
        }
        for not in [
            "javascript:alert(1)",
            "data:image/svg+xml,<svg onload=alert(1)>",
            "data:text/html,x",
            "//x.org/a.png",
            "/data/upload/a.png",
            "s3://b/a.png",
            "data:image/pngx",
            "blob:x",
            " https://x.org",
            "é",
        ] {
            assert_eq!(loadable(not), None, "{not}");
        }
        assert!(looks_like_image("/data/local-files/?d=faces/3.JPG") && looks_like_image("https://x.org/a.png?v=1"));
        assert!(!looks_like_image("see a.png") && !looks_like_image("https://x.org/page"));
    }
}
