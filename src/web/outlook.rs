//! How good the agreement is called, and what more labels would give.

use maud::{Markup, html};

use super::layout::scroll;
use super::links;
use super::text;
use crate::reports::figures::{BandView, BenchmarkView, DesignView, Insight, Planning};

/// Bands less likely than this are not worth a word; the table of all bands has them.
const LIKELY: f64 = 0.005;

/// Who says what about alpha, and with which probability.
pub fn benchmarks(insight: Option<&Insight>) -> Markup {
    let standings = insight.map(|insight| insight.benchmarks.as_slice()).unwrap_or_default();
    html! {
        section.panel aria-labelledby="benchmarks" {
            h2 id="benchmarks" { "How good is it?" }
            @if standings.is_empty() {
                p.quiet { "Alpha has no standard error here, so no probability can be given." }
            } @else {
                p.quiet {
                    a href=(links::guide("benchmarks")) { "Benchmarks" } " give words to values of Krippendorff’s alpha. The interval counts too: “surely” is \
                    the highest band that is reached with a probability of 95 %. The words are conventions, not laws."
                }
                (scroll("Benchmarks", html! {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Benchmark" }
                                th scope="col" { "Surely" }
                                th scope="col" { "As it stands" }
                                th scope="col" { "Probability of each band" }
                            }
                        }
                        tbody { @for standing in standings { (benchmark(standing)) } }
                    }
                }))
                details {
                    summary { "Show all bands" }
                    (scroll("All bands", all_bands(standings)))
                }
            }
        }
    }
}

fn benchmark(standing: &BenchmarkView) -> Markup {
    html! {
        tr {
            th scope="row" { (name(&standing.benchmark)) }
            td.nowrap { b { (standing.reached) } }
            td.nowrap { (standing.of_value) }
            td.likely {
                (bar(&standing.bands))
                @for band in standing.bands.iter().filter(|band| band.probability >= LIKELY) {
                    span.share { (band.band) " " (percent(band.probability)) } " "
                }
            }
        }
    }
}

const BAR: f64 = 240.0;

/// The probabilities side by side, the highest band first. Decoration: the numbers stand below it.
fn bar(bands: &[BandView]) -> Markup {
    let mut from = 0.0;
    let mut parts = Vec::new();
    for (place, band) in bands.iter().enumerate() {
        let width = band.probability.clamp(0.0, 1.0) * BAR;
        // Scales differ in how many bands they have; the lowest looks the same in all of them.
        let shade = place * 5 / (bands.len() - 1).max(1);
        parts.push((format!("{from:.1}"), format!("{width:.1}"), format!("band{shade}")));
        from += width;
    }
    html! {
        svg.bands width=(BAR) height="10" viewBox=(format!("0 0 {BAR} 10")) aria-hidden="true" focusable="false" {
            @for (x, width, class) in parts { rect class=(class) x=(x) y="0" width=(width) height="10" {} }
        }
    }
}

fn all_bands(standings: &[BenchmarkView]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Benchmark" }
                    th scope="col" { "Band" }
                    th.num scope="col" { "From" }
                    th.num scope="col" { "Probability" }
                    th.num scope="col" { "This or higher" }
                }
            }
            tbody {
                @for standing in standings {
                    @for band in &standing.bands {
                        tr {
                            th scope="row" { (name(&standing.benchmark)) }
                            td { (band.band) }
                            td.num { (text::number(band.from)) }
                            td.num { (percent(band.probability)) }
                            td.num { (percent(band.cumulative)) }
                        }
                    }
                }
            }
        }
    }
}

fn name(benchmark: &str) -> String {
    match benchmark {
        "landis_koch" => "Landis and Koch (1977)",
        "altman" => "Altman (1991)",
        "fleiss" => "Fleiss (1981)",
        "cicchetti_sparrow" => "Cicchetti and Sparrow (1981)",
        "regier" => "Regier and others (2013)",
        "krippendorff" => "Krippendorff (2004)",
        other => return text::humanise(other),
    }
    .to_owned()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// How many more labels an interval of the wanted width takes.
pub fn planning(insight: Option<&Insight>) -> Markup {
    html! {
        section.panel aria-labelledby="planning" {
            h2 id="planning" { "What more labels would give" }
            @match insight.and_then(|insight| insight.planning.as_ref()) {
                Some(plan) => { (plan_of(plan)) }
                None => {
                    @let code = insight.and_then(|insight| insight.planning_undefined.as_deref());
                    p.quiet { "No plan can be made: " (code.map_or_else(|| "there are no figures".to_owned(), text::undefined)) "." }
                }
            }
        }
    }
}

fn plan_of(plan: &Planning) -> Markup {
    html! {
        p.reading { (sentence(plan)) }
        @if let Some(design) = &plan.cheapest {
            p {
                "Cheapest for ±" (text::number(plan.target)) " where a further item costs as much as a further rating: "
                b { (text::count(design.items)) " items with " (design.ratings_per_item) " ratings each" }
                " (" (half_width(design)) ")."
            }
        }
        @if !plan.grid.is_empty() {
            h3 { a href=(links::guide("planning")) { "Half-width of alpha’s 95 % interval" } }
            p.quiet {
                "By numbers of items and of ratings per item. The darker, the narrower; with a frame: ±" (text::number(plan.target))
                " is reached. A range says that the ratings so far cannot tell more."
            }
            (scroll("Half-widths by design", grid(plan)))
        }
    }
}

fn sentence(plan: &Planning) -> String {
    let more = |items: u64| items.saturating_sub(plan.items_now);
    let items = text::counted(plan.items_now, "item", "items");
    let now = format!("Alpha’s interval is {:.3} wide now, from {items}.", 2.0 * plan.half_width_now);
    let target = text::number(2.0 * plan.target);
    match more(plan.items_needed) {
        0 => format!("{now} That is narrower than {target} already."),
        needed => format!(
            "{now} For one {target} wide label {} more items like these ({} – {} more; 95 % range).",
            text::count(needed),
            text::count(more(plan.items_low)),
            text::count(more(plan.items_high))
        ),
    }
}

/// Items down, ratings across.
fn grid(plan: &Planning) -> Markup {
    let mut items: Vec<u64> = plan.grid.iter().map(|design| design.items).collect();
    items.sort_unstable();
    items.dedup();
    let mut ratings: Vec<u64> = plan.grid.iter().map(|design| design.ratings_per_item).collect();
    ratings.sort_unstable();
    ratings.dedup();
    let cell = |n: u64, k: u64| plan.grid.iter().find(|design| design.items == n && design.ratings_per_item == k);
    html! {
        table.heat {
            thead {
                tr {
                    th scope="col" { "Items" }
                    @for k in &ratings { th.num scope="col" { (k) " ratings" } }
                }
            }
            tbody {
                @for n in &items {
                    tr {
                        th scope="row" { (text::count(*n)) @if *n == plan.items_now { " " span.quiet { "(now)" } } }
                        @for k in &ratings {
                            @match cell(*n, *k) {
                                Some(design) => { td class={ "num " (heat(design, plan.target)) } { (half_width(design)) } }
                                None => { td.num { "—" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn half_width(design: &DesignView) -> String {
    let (low, high) = (format!("{:.3}", design.half_width_low), format!("{:.3}", design.half_width_high));
    if low == high { format!("±{low}") } else { format!("±{low} – {high}") }
}

/// By the upper end of the half-width: the target is reached, or missed by up to a quarter, two thirds, more than twice …
fn heat(design: &DesignView, target: f64) -> &'static str {
    match design.half_width_high / target {
        ratio if ratio <= 0.7 => "heat5 reached",
        ratio if ratio <= 1.0 => "heat4 reached",
        ratio if ratio <= 1.25 => "heat3",
        ratio if ratio <= 1.67 => "heat2",
        ratio if ratio <= 2.5 => "heat1",
        _ => "heat0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures::insight;

    #[test]
    fn the_sentence_tells_how_many_more() {
        let mut plan = insight().planning.unwrap();
        assert_eq!(
            sentence(&plan),
            "Alpha’s interval is 0.166 wide now, from 92 items. For one 0.1 wide label 160 more items like these (120 – 215 more; 95 % range)."
        );
        plan.items_needed = 60;
        assert!(sentence(&plan).ends_with("narrower than 0.1 already."));
    }

    #[test]
    fn the_grid_frames_the_designs_that_reach_the_target() {
        let shown = planning(Some(&insight())).into_string();
        assert_eq!(shown.matches("reached\"").count(), 3, "{shown}");
        assert!(shown.contains("±0.041 – 0.062") && shown.contains("(now)"), "{shown}");
        let none = Insight { planning_undefined: Some("one_item".into()), ..Insight::default() };
        assert!(planning(Some(&none)).into_string().contains("one item alone shows no spread"));
    }

    #[test]
    fn a_benchmark_names_its_likely_bands() {
        let shown = benchmarks(Some(&insight())).into_string();
        assert!(shown.contains("moderate 68.0 %") && shown.contains("Landis and Koch (1977)"), "{shown}");
        assert!(benchmarks(None).into_string().contains("no standard error"));
    }
}
