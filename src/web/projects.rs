//! The list of projects.

use maud::{Markup, html};

use super::layout::{Frame, empty, page, scroll};
use super::links::{Links, with_query};
use super::text;
use super::view::{headline_alpha, overall};
use crate::reports::views::{AgreementReport, ControlData, ProjectView};

/// One line of the list.
#[derive(Debug)]
pub struct Row {
    pub project: ProjectView,
    /// Krippendorff's alpha per reported control, when the newest report is at hand.
    pub alphas: Vec<(String, Option<f64>)>,
}

/// Krippendorff's alpha of each control with figures; of sets of labels with MASI's distance.
pub fn alphas(report: &AgreementReport) -> Vec<(String, Option<f64>)> {
    let alpha = |control: &ControlData| overall(report, &control.control, headline_alpha(control));
    let alphas = report.data.controls.iter().filter_map(alpha);
    alphas.map(|alpha| (alpha.scope.control.clone(), alpha.value)).collect()
}

/// `GET /w/{workspace}/projects`. `next`: the name after which the next page begins.
pub fn render(links: Links<'_>, rows: &[Row], next: Option<&str>) -> Markup {
    let frame = Frame { links, title: "Projects", project: None, section: "projects", charts: false };
    page(
        frame,
        html! {
            div.head { h1 { "Projects" }  }
            @if rows.is_empty() {
                (empty("No projects yet", html! {
                    p { "An import creates its project. Give it an export of your labelling tool:" }
                    pre { "assay import export.json --project my-project" }
                    p { "or send the file to the " a href="/docs" { "API" } "." }
                    p { "Without an export at hand, " code { "assay demo" } " shows example projects." }
                }))
            } @else {
                section.panel { (scroll("Projects", table(links, rows))) }
                @if let Some(last) = next {
                    @let href = with_query(&links.projects(), [("after", last)]);
                    nav.pager aria-label="Pages of the list" { a.next rel="next" href=(href) { "Next page" } }
                }
            }
        },
    )
}

fn table(links: Links<'_>, rows: &[Row]) -> Markup {
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Project" }
                    th.num scope="col" { "Items" }
                    th.num scope="col" { "Annotations" }
                    th.num scope="col" { "Predictions" }
                    th.num scope="col" { "Raters" }
                    th scope="col" { "Krippendorff’s alpha" }
                    th scope="col" { "Last import (UTC)" }
                }
            }
            tbody { @for row in rows { (line(links, row)) } }
        }
    }
}

fn line(links: Links<'_>, row: &Row) -> Markup {
    let project = &row.project;
    html! {
        tr {
            th scope="row" { a href=(links.overview(&project.id)) { (project.name) } }
            @match &project.snapshot {
                Some(snapshot) => {
                    @for n in [snapshot.items, snapshot.annotations, snapshot.predictions, snapshot.raters] { td.num { (text::count(n)) } }
                    td { (alpha_list(&row.alphas)) }
                    td.nowrap { (text::time(&snapshot.created_at)) }
                }
                None => { td.quiet colspan="6" { "nothing imported yet" } }
            }
        }
    }
}

fn alpha_list(alphas: &[(String, Option<f64>)]) -> Markup {
    html! {
        @if alphas.is_empty() { span.quiet { "—" } }
        @for (control, alpha) in alphas {
            span.alpha {
                code { (control) } " "
                @match alpha {
                    Some(alpha) => { b { (text::value("krippendorff_alpha", *alpha)) } }
                    None => { span.quiet { "undefined" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures;

    #[test]
    fn the_empty_list_says_how_to_import() {
        let page = render(Links::of("default"), &[], None).into_string();
        assert!(page.contains("assay import") && page.contains("--project"), "{page}");
    }

    #[test]
    fn names_are_shown_as_text() {
        let mut project = fixtures::project();
        project.name = "<script>alert(1)</script>".into();
        let rows = [Row { project, alphas: vec![("sentiment".into(), None)] }];
        let page = render(Links::of("default"), &rows, None).into_string();
        assert!(
            !page.contains("<script>alert") && page.contains("&lt;script&gt;alert") && page.contains("undefined"),
            "{page}"
        );
    }
}
