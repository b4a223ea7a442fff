//! The list of a project's snapshots: each can be looked at as it was.

use maud::{Markup, html};

use super::layout::{Frame, empty, older, page, scroll};
use super::links::{Links, with_query};
use super::text;
use crate::reports::changes_in_words;
use crate::reports::views::{ProjectView, SnapshotView};

/// `GET /w/{workspace}/projects/{project}/snapshots`. `next`: the number before which the next page begins.
pub fn render(links: Links<'_>, project: &ProjectView, rows: &[SnapshotView], next: Option<i64>) -> Markup {
    let title = format!("Snapshots · {}", project.name);
    let frame = Frame {
        links,
        title: &title,
        project: Some((&project.id, &project.name)),
        section: "snapshots",
        charts: false,
    };
    page(
        frame,
        html! {
            (older(links, project, &links.newest().snapshots(&project.id)))
            div.head {
                h1 { "Snapshots" }
                p.quiet { "Every import that changed something made one. They never change: each can be looked at as it was." }
            }
            @if rows.is_empty() {
                (empty("No snapshots", html! { p { "The first import makes the first snapshot." } }))
            } @else {
                section.panel { (scroll("Snapshots", table(links, project, rows))) }
                @if let Some(before) = next {
                    @let href = with_query(&links.snapshots(&project.id), [("before", before.to_string().as_str())]);
                    nav.pager aria-label="Pages of the list" { a.next rel="next" href=(href) { "Older ones" } }
                }
            }
        },
    )
}

fn table(links: Links<'_>, project: &ProjectView, rows: &[SnapshotView]) -> Markup {
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Snapshot" }
                    th scope="col" { "Time (UTC)" }
                    th scope="col" { "By" }
                    th scope="col" { "What changed" }
                    th scope="col" { "Made by" }
                    th.num scope="col" { "Items" }
                    th.num scope="col" { "Annotations" }
                    th.num scope="col" { "Predictions" }
                }
            }
            tbody { @for row in rows { (line(links, project, row)) } }
        }
    }
}

fn line(links: Links<'_>, project: &ProjectView, row: &SnapshotView) -> Markup {
    let sources = row.sources.join(", ");
    html! {
        tr {
            th scope="row" {
                @match &row.retired_by {
                    None => { a href=(links.at(row.number).overview(&project.id)) { "Snapshot " (row.number) } }
                    Some(by) => { "Snapshot " (row.number) " " span.badge.warn { "taken back by " (by) } }
                }
            }
            td.nowrap { (text::time(&row.created_at)) }
            td { (row.actor) }
            td { (changes_in_words(&row.changes)) }
            td {
                (row.operation.as_str())
                @if !sources.is_empty() { " " span.quiet title=(sources) { (text::shorten(&sources, 60)) } }
            }
            @for n in [row.items, row.annotations, row.predictions] { td.num { (text::count(n)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures;

    #[test]
    fn a_snapshot_can_be_opened_unless_it_was_taken_back() {
        let project = fixtures::project();
        let newest = project.snapshot.clone().unwrap();
        let retired = SnapshotView {
            number: 1,
            retired_at: Some("2026-11-24T00:00:00Z".into()),
            retired_by: Some("retention".into()),
            sources: vec!["<b>.json".into()],
            ..newest.clone()
        };
        let page = render(Links::of("default"), &project, &[newest, retired], Some(1)).into_string();
        assert!(page.contains("href=\"/w/default/projects/0198?snapshot=3\""), "{page}");
        assert!(!page.contains("?snapshot=1\"") && page.contains("taken back by retention"), "{page}");
        assert!(page.contains("snapshots?before=1") && page.contains("&lt;b&gt;.json"), "{page}");
    }
}
