//! The frame around every page: head, navigation, and the parts that pages share.

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::links::Links;
use super::text;
use crate::auth::Visitor;
use crate::reports::views::ProjectView;

/// Sent with every page. plotly.js would add inline styles at start; the page tells it not to (see [`page`]) and
/// `assay.css` holds the few rules it needs, so no exception is wanted.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: https: http:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// What the frame of a page needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub links: Links<'a>,
    pub title: &'a str,
    /// Id and name of the project that the page belongs to.
    pub project: Option<(&'a str, &'a str)>,
    /// `overview`, `agreement`, `disagreements`, `snapshots` or another name; marks the place in the navigation.
    pub section: &'a str,
    /// Pages with charts load plotly.js.
    pub charts: bool,
}

/// What every head begins with.
fn head(title: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        title { (title) " · Assay" }
        link rel="icon" type="image/svg+xml" href=(assets::ICON.path());
        // plotly.js looks for this id and class, and then leaves styles to the page.
        link rel="stylesheet" id="plotly.js-style-global" class="no-inline-styles" href=(assets::STYLE.path());
    }
}

/// A page without navigation, for who is not in yet. It loads no script.
pub fn gate(title: &str, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { (head(title)) }
            body.gate {
                main {
                    p.brand { img src=(assets::ICON.path()) alt="" width="24" height="24"; "Assay" }
                    (content)
                }
            }
        }
    }
}

/// A whole page.
pub fn page(frame: Frame<'_>, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (head(frame.title))
                @if frame.charts {
                    script defer src=(assets::PLOTLY.path()) {}
                }
                script defer src=(assets::SCRIPT.path()) {}
            }
            body {
                a.skip href="#content" { "Skip to content" }
                (header(frame))
                main id="content" { (content) }
                footer.foot {
                    span { "Assay " (env!("CARGO_PKG_VERSION")) }
                    a href="/metrics-guide" { "How the figures are made" }
                    a href="/docs" { "API" }
                }
            }
        }
    }
}

fn header(frame: Frame<'_>) -> Markup {
    html! {
        header.top {
            div.bar {
                a.brand href=(frame.links.projects()) {
                    img src=(assets::ICON.path()) alt="" width="20" height="20";
                    "Assay"
                }
                nav.crumbs aria-label="Breadcrumb" {
                    ol {
                        li { a href=(frame.links.projects()) { "Projects" } }
                        @if let Some((id, name)) = frame.project {
                            li { a href=(frame.links.overview(id)) { (name) } }
                        }
                    }
                }
                nav.aside aria-label="Help" {
                    a href="/metrics-guide" aria-current=[current(frame, "guide")] { "Guide" }
                    a href="/docs" { "API" }
                }
                @if let Some(visitor) = frame.links.visitor { (menu(visitor, frame.links.workspace)) }
            }
            @if let Some((id, name)) = frame.project {
                nav.tabs aria-label={ "Pages of " (name) } {
                    a href=(frame.links.overview(id)) aria-current=[current(frame, "overview")] { "Overview" }
                    a href=(frame.links.agreement(id)) aria-current=[current(frame, "agreement")] { "Agreement" }
                    a href=(frame.links.disagreements(id)) aria-current=[current(frame, "disagreements")] { "Disagreements" }
                    a href=(frame.links.snapshots(id)) aria-current=[current(frame, "snapshots")] { "Snapshots" }
                }
            }
        }
    }
}

/// Who looks, their other workspaces, and the way out. The holder of a key has none of it: the browser keeps the key by itself.
fn menu(visitor: &Visitor, workspace: &str) -> Markup {
    let here = visitor.memberships.iter().find(|one| one.workspace_id == workspace);
    html! {
        @if let Some(person) = &visitor.person {
            details.menu {
                summary {
                    span.who { (person.name) }
                    @if let Some(here) = here { small { (here.name) } }
                }
                div.sheet {
                    p { strong { (person.name) } small { (person.email) } }
                    @if visitor.memberships.len() > 1 {
                        nav aria-label="Workspaces" {
                            @for one in &visitor.memberships {
                                a href=(Links::of(&one.workspace_id).projects()) aria-current=[(one.workspace_id == workspace).then_some("true")] {
                                    (one.name) small { (one.role.as_str()) }
                                }
                            }
                        }
                    }
                    form method="post" action="/logout" {
                        input type="hidden" name="csrf" value=(person.csrf);
                        button type="submit" { "Log out" }
                    }
                }
            }
        }
    }
}

/// A page for someone who belongs nowhere yet.
pub fn no_workspace(links: Links<'_>) -> Markup {
    let frame = Frame { links, title: "No workspace", project: None, section: "", charts: false };
    let body = html! { p { "You are not a member of any workspace yet. Ask an owner or an admin of one to add you." } };
    page(frame, empty("No workspace", body))
}

fn current(frame: Frame<'_>, section: &str) -> Option<&'static str> {
    (frame.section == section).then_some("page")
}

/// Says that a page shows an older snapshot than the newest, and leads to `newest`, the same page of that one.
pub fn older(links: Links<'_>, project: &ProjectView, newest: &str) -> Markup {
    let shown = project.snapshot.as_ref().filter(|_| links.pin.is_some_and(|pin| !pin.is_newest));
    html! {
        @if let Some(snapshot) = shown {
            p.older role="status" {
                "Snapshot " (snapshot.number) " of " (text::time(&snapshot.created_at)) " UTC, not the newest. "
                a href=(newest) { "Show the newest" }
            }
        }
    }
}

/// A form's address has no query of its own when it is sent: what the page's address names goes with it as a field.
pub fn pinned(links: Links<'_>) -> Markup {
    html! { @if let Some(pin) = links.pin { input type="hidden" name="snapshot" value=(pin.number); } }
}

/// A wide table in a box that scrolls by itself and can be reached by keyboard.
pub fn scroll(label: &str, table: Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// What stands where there is nothing to show, and what to do about it.
pub fn empty(title: &str, body: Markup) -> Markup {
    html! {
        div.empty {
            p.lead { (title) }
            (body)
        }
    }
}

/// A page that says why there is no page.
pub fn problem(links: Links<'_>, title: &str, detail: &str) -> Markup {
    let frame = Frame { links, title, project: None, section: "", charts: false };
    page(
        frame,
        html! {
            div.narrow {
                h1 { (title) }
                p { (detail) }
                p { a href=(links.projects()) { "All projects" } }
            }
        },
    )
}
