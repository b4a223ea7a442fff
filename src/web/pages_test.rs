//! All pages together, from fixtures. With `ASSAY_PAGES=folder` the test also writes them out, to be looked at in a browser.

use maud::Markup;

use super::layout::problem;
use super::links::Links;
use super::view::{Place, Query};
use super::{agreement, assets, disagreements, fixtures, guide, item, overview, projects, snapshots};
use crate::reports::views::{ConfusionCell, DisagreementFilter, LabelCount, Page, ProjectView};

const LINKS: Links<'static> = Links::of("default");

fn agreement_page(links: Links<'_>, query: &Query) -> Markup {
    let (report, fields) = (fixtures::agreement_report(), fixtures::slice_fields());
    agreement::render(links, &fixtures::project(), Some(&report), &fields, query)
}

fn pages() -> Vec<(&'static str, Markup)> {
    let (project, report) = (fixtures::project(), fixtures::report());
    let query = Query::default();
    let shares = Query { pairs: Some("percent_agreement".into()), ..query.clone() };
    let new = ProjectView { snapshot: None, name: "Empty one".into(), ..project.clone() };
    let filter = DisagreementFilter {
        control: Some("sentiment".into()),
        label: Some("Negative".into()),
        other_label: Some("Positive".into()),
        ..DisagreementFilter::default()
    };
    let list = Page { items: fixtures::disagreements(), next_cursor: Some("bmV4dA".into()) };
    let none = Page { items: vec![], next_cursor: None };
    let listed = |filter, list| {
        let data = disagreements::Data {
            project: &project,
            report: Some(&report),
            filter,
            complaints: &[],
            list,
            continued: false,
        };
        disagreements::render(LINKS, &data)
    };
    let rows = || {
        let alphas = vec![("sentiment".to_owned(), Some(0.571))];
        vec![projects::Row { project: project.clone(), alphas }, projects::Row { project: new.clone(), alphas: vec![] }]
    };
    vec![
        ("projects", projects::render(LINKS, &rows(), Some("zebra & co"))),
        ("agreement", agreement_page(LINKS, &Query { place: Place::Agreement, ..query.clone() })),
        ("agreement-older", agreement_page(LINKS.at(2), &shares.at(Place::Agreement))),
        ("agreement-none", agreement::render(LINKS, &new, None, &[], &query.at(Place::Agreement))),
        ("projects-none", projects::render(LINKS, &[], None)),
        ("overview", overview::render(LINKS, &project, Some(&report), &query)),
        ("overview-shares", overview::render(LINKS, &project, Some(&report), &shares)),
        ("overview-none", overview::render(LINKS, &new, None, &query)),
        ("disagreements", listed(&DisagreementFilter::default(), &list)),
        ("disagreements-filtered", listed(&filter, &list)),
        ("disagreements-none", listed(&filter, &none)),
        ("item-text", item::render(LINKS, &project, Some(&report), &fixtures::text_item())),
        ("item-image", item::render(LINKS, &project, Some(&report), &fixtures::image_item())),
        ("overview-older", overview::render(LINKS.at(2), &project, Some(&report), &shares)),
        ("disagreements-older", {
            let data = disagreements::Data {
                project: &project,
                report: Some(&report),
                filter: &filter,
                complaints: &[],
                list: &list,
                continued: true,
            };
            disagreements::render(LINKS.at(2), &data)
        }),
        ("item-older", item::render(LINKS.at(2), &project, Some(&report), &fixtures::text_item())),
        (
            "snapshots",
            snapshots::render(LINKS, &project, &project.snapshot.clone().into_iter().collect::<Vec<_>>(), Some(3)),
        ),
        ("guide", guide::render(LINKS)),
        ("problem", problem(LINKS, "Not found", "project \"x\" does not exist")),
    ]
}

#[test]
fn pages_are_small_and_free_of_inline_code() {
    for (name, page) in pages() {
        let page = page.into_string();
        write_out(name, &page);
        assert!(page.len() < 100_000, "{name} has {} bytes", page.len());
        assert!(!page.contains(" style=") && !page.contains("<style"), "{name} has inline styles");
        for script in page.split("<script").skip(1) {
            let tag = script.split_once('>').map_or(script, |(tag, _)| tag);
            assert!(tag.contains("src=\"/assets/") || tag.contains("type=\"application/json\""), "{name}: {tag}");
        }
        assert!(!page.contains(" onclick") && !page.contains(">NaN"), "{name}");
        assert_eq!(page.matches("<h1").count(), 1, "{name} has one main heading");
        assert_eq!(
            page.contains(&assets::PLOTLY.path()),
            page.contains("data-chart"),
            "{name}: plotly.js only where it is used"
        );
    }
}

#[test]
fn an_overview_stays_small_whatever_the_project() {
    let mut report = fixtures::report();
    let names: Vec<String> = (0..60).map(|n| format!("organisation/annotator number {n} äöü")).collect();
    let sample = report.measures.iter().find(|m| m.scope.by == "pair").unwrap().clone();
    for one in &names {
        for other in names.iter().filter(|other| *other > one) {
            let mut pair = sample.clone();
            (pair.scope.annotator, pair.scope.other) = (Some(one.clone()), Some(other.clone()));
            report.measures.push(pair);
        }
    }
    let labels =
        |n: u64| LabelCount { label: format!("a rather long label, number {n}"), annotations: n, predictions: n };
    report.data.controls[0].labels = (0..400).rev().map(labels).collect();
    let cells = (0..40).flat_map(|n| (0..40).map(move |m| (n, m))).filter(|(n, m)| n <= m);
    let cell = |(n, m): (u64, u64)| ConfusionCell { label: labels(399 - n).label, other: labels(399 - m).label, n: 1 };
    report.data.controls[0].confusion = cells.map(cell).collect();
    let page = overview::render(LINKS, &fixtures::project(), Some(&report), &Query::default()).into_string();
    assert!(page.len() < 100_000, "{} bytes", page.len());
    assert!(page.contains("of 400 labels") && page.contains("most frequent of"), "what is left out is said");
}

#[test]
fn the_page_of_agreement_stays_small_whatever_the_project() {
    let mut report = fixtures::agreement_report();
    let long = |n: usize| format!("organisation/annotator number {n} äöü");
    for by in ["without_annotator", "annotator", "period", "slice"] {
        let sample: Vec<_> = report.measures.iter().filter(|m| m.scope.by == by).cloned().collect();
        let many = (0..366).flat_map(|n| {
            let day = jiff::civil::date(2025, 1, 1).checked_add(jiff::Span::new().days(n as i32)).unwrap();
            sample.iter().take(3).cloned().map(move |mut measure| {
                match by {
                    "period" => {
                        (measure.scope.column, measure.scope.value) =
                            (Some("updated_at:day".into()), Some(day.to_string()));
                    }
                    "slice" => measure.scope.value = Some(long(n % 60)),
                    _ => measure.scope.annotator = Some(long(n)),
                }
                measure
            })
        });
        let kept = if by == "slice" { 180 } else { 1098 };
        report.measures.extend(many.take(kept).collect::<Vec<_>>());
    }
    let balance = report.data.controls[0].insight.as_mut().and_then(|insight| insight.balance.as_mut()).unwrap();
    let shift = balance.annotators[0].clone();
    balance.annotators.extend((0..366).map(|_| shift.clone()));
    let fields = fixtures::slice_fields();
    let query = Query { place: Place::Agreement, ..Query::default() };
    let page = agreement::render(LINKS, &fixtures::project(), Some(&report), &fields, &query).into_string();
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert!(page.contains("greatest changes of"), "what is left out is said");
}

#[test]
fn ids_are_unique_in_each_page() {
    for (name, page) in pages() {
        let page = page.into_string();
        let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}: {ids:?}");
    }
}

/// Writes a page and the assets to the folder `ASSAY_PAGES`, if that is set.
#[expect(clippy::disallowed_methods, reason = "no setting of the service: a help for those who change pages")]
fn write_out(name: &str, page: &str) {
    let Some(folder) = std::env::var_os("ASSAY_PAGES").map(std::path::PathBuf::from) else { return };
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
    for asset in [&*assets::STYLE, &*assets::SCRIPT, &*assets::ICON, &*assets::PLOTLY] {
        std::fs::write(folder.join(asset.path().trim_start_matches('/')), &asset.body).unwrap();
    }
}

#[test]
fn pages_of_an_older_snapshot_say_so_and_keep_it() {
    for (name, page) in pages() {
        let page = page.into_string();
        let says = page.contains("not the newest");
        assert_eq!(says, name.ends_with("-older"), "{name}");
        if !says {
            continue;
        }
        for link in page.split("href=\"/w/default/projects/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(
                link.contains("snapshot=2") || page.contains(&format!("{link}\">Show the newest")),
                "{name}: {link}"
            );
        }
        for form in page.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap_or_default();
            assert!(form.contains("name=\"snapshot\" value=\"2\""), "{name}: {form}");
        }
    }
}
