//! A value with its interval as a dot on a line, drawn into a table cell.

use maud::{Markup, html};

use crate::reports::measure::Measure;

const WIDTH: f64 = 200.0;
const HEIGHT: f64 = 18.0;
const PAD: f64 = 5.0;

/// The common axis of one table: from 0, or from the lowest interval end rounded down to a quarter, to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    pub low: f64,
}

impl Axis {
    pub fn over<'a>(measures: impl IntoIterator<Item = &'a Measure>) -> Self {
        let lowest = measures
            .into_iter()
            .flat_map(|measure| [measure.value, measure.ci_low])
            .flatten()
            .filter(|low| low.is_finite())
            .fold(0.0, f64::min);
        Self { low: (lowest * 4.0).floor() / 4.0 }
    }

    fn x(self, value: f64) -> f64 {
        let share = (value.clamp(self.low, 1.0) - self.low) / (1.0 - self.low);
        PAD + share * (WIDTH - 2.0 * PAD)
    }

    /// The scale under the table's intervals.
    pub fn legend(self) -> Markup {
        let ticks: Vec<f64> = [self.low, 0.0, 0.5, 1.0].into_iter().filter(|tick| *tick >= self.low).collect();
        html! {
            svg.axis width=(WIDTH) height=(HEIGHT) viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) aria-hidden="true" focusable="false" {
                @for (at, tick) in ticks.iter().enumerate() {
                    @if at == 0 || *tick > ticks[at - 1] {
                        text x=(pixels(self.x(*tick))) y="13" text-anchor=(anchor(*tick, self.low)) { (super::text::number(*tick)) }
                    }
                }
            }
        }
    }

    /// The dot and the line of one measure; nothing when it is undefined. Decoration: the numbers stand beside it.
    pub fn draw(self, measure: &Measure) -> Markup {
        let middle = HEIGHT / 2.0;
        html! {
            svg.interval width=(WIDTH) height=(HEIGHT) viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) aria-hidden="true" focusable="false" {
                line.grid x1=(pixels(self.x(0.0))) x2=(pixels(self.x(0.0))) y1="0" y2=(HEIGHT) {}
                line.grid x1=(pixels(self.x(1.0))) x2=(pixels(self.x(1.0))) y1="0" y2=(HEIGHT) {}
                @if let (Some(low), Some(high)) = (measure.ci_low, measure.ci_high) {
                    line.span x1=(pixels(self.x(low))) x2=(pixels(self.x(high))) y1=(middle) y2=(middle) {}
                }
                @if let Some(value) = measure.value {
                    circle.dot cx=(pixels(self.x(value))) cy=(middle) r="4" {}
                }
            }
        }
    }
}

fn pixels(x: f64) -> String {
    format!("{x:.1}")
}

fn anchor(tick: f64, low: f64) -> &'static str {
    if tick == low {
        "start"
    } else if tick == 1.0 {
        "end"
    } else {
        "middle"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures::measure;

    #[test]
    fn the_axis_reaches_down_to_the_lowest_interval() {
        let high = measure("krippendorff_alpha", 0.6, (0.5, 0.7));
        let low = measure("fleiss_kappa", -0.1, (-0.3, 0.1));
        assert_eq!(Axis::over([&high]), Axis { low: 0.0 });
        assert_eq!(Axis::over([&high, &low]), Axis { low: -0.5 });
        assert_eq!(Axis::over([&high]).x(0.0), PAD);
        assert_eq!(Axis::over([&high]).x(1.5), WIDTH - PAD, "values beyond the axis stay on it");
    }

    #[test]
    fn an_undefined_measure_draws_no_dot() {
        let mut undefined = measure("gwet_ac1", 0.0, (0.0, 0.0));
        (undefined.value, undefined.ci_low, undefined.ci_high) = (None, None, None);
        let drawn = Axis::over([&undefined]).draw(&undefined).into_string();
        assert!(!drawn.contains("circle") && !drawn.contains("class=\"span\""), "{drawn}");
    }
}
