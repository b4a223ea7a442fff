//! The page to log in on, and the way out.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, RawQuery, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use url::form_urlencoded;

use super::handlers::{HOME, failed, respond};
use super::layout;
use super::query::Fields;
use super::visitor::SeenBy;
use crate::app::App;
use crate::auth::{Attempt, Login, Transport, clear_cookie, client_address, session_id, set_cookie};
use crate::error::Result;
use crate::store::{DEFAULT_WORKSPACE, NewAudit, new_id, now_micros};
use crate::telemetry::RequestId;

/// What logging in needs to know of a request besides its form.
pub struct Browser {
    transport: Transport,
    address: IpAddr,
    session: Option<String>,
    request_id: String,
}

impl<S: Sync> FromRequestParts<S> for Browser {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let transport = Transport::of(parts);
        Ok(Self {
            transport,
            address: client_address(parts),
            session: session_id(&parts.headers, transport).map(str::to_owned),
            request_id: parts.extensions.get::<RequestId>().map_or_else(new_id, |id| id.0.clone()),
        })
    }
}

/// `GET /login`
pub async fn show(State(app): State<Arc<App>>, seen: SeenBy, RawQuery(query): RawQuery) -> Response {
    let next = destination(Fields::new(query.as_deref()).get("next").as_deref());
    match app.db.any_user().await {
        // Nobody could log in, or someone has.
        Ok(has_users) if !has_users || seen.visitor().is_some_and(|visitor| visitor.person.is_some()) => {
            Redirect::to(&next).into_response()
        }
        Ok(_) => respond(StatusCode::OK, form(&next, "", None)),
        Err(error) => failed(HOME, error),
    }
}

/// `POST /login`: `email`, `password` and `next` as a form.
pub async fn submit(State(app): State<Arc<App>>, browser: Browser, body: Bytes) -> Response {
    // As typed: a password may begin or end with a blank.
    let text = |wanted: &str| {
        form_urlencoded::parse(&body).find(|(name, _)| name == wanted).map(|(_, text)| text.into_owned())
    };
    let (email, password) = (text("email").unwrap_or_default(), text("password").unwrap_or_default());
    let next = destination(text("next").as_deref());
    let attempt = Attempt {
        email: &email,
        password: &password,
        address: browser.address,
        earlier: browser.session.as_deref(),
        request_id: &browser.request_id,
    };
    let answer = match app.auth.log_in(&app.db, attempt).await {
        Ok(Login::Done { session_id }) => set_cookie(&session_id, browser.transport)
            .map(|cookie| ([(SET_COOKIE, cookie)], Redirect::to(&next)).into_response()),
        Ok(Login::Refused) => {
            let complaint = "The e-mail address or the password is wrong.";
            Ok(respond(StatusCode::UNPROCESSABLE_ENTITY, form(&next, &email, Some(complaint))))
        }
        Ok(Login::TooMany { retry_after }) => {
            let complaint = format!("Too many attempts. Try again in {} min.", retry_after.div_ceil(60));
            let mut answer = respond(StatusCode::TOO_MANY_REQUESTS, form(&next, &email, Some(&complaint)));
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after));
            Ok(answer)
        }
        Err(error) => Err(error),
    };
    answer.unwrap_or_else(|error| failed(HOME, error))
}

/// `POST /logout`. The guard has checked that the form is the session's own.
pub async fn log_out(State(app): State<Arc<App>>, seen: SeenBy, browser: Browser) -> Response {
    let ended = end_session(&app, &seen, &browser).await;
    let answer = ended
        .and_then(|()| clear_cookie(browser.transport))
        .map(|cookie| ([(SET_COOKIE, cookie)], Redirect::to("/login")).into_response());
    answer.unwrap_or_else(|error| failed(HOME, error))
}

async fn end_session(app: &App, seen: &SeenBy, browser: &Browser) -> Result<()> {
    let (Some(visitor), Some(session)) = (seen.visitor(), &browser.session) else { return Ok(()) };
    let mut rows = Vec::new();
    let workspaces = visitor.memberships.iter().map(|one| one.workspace_id.as_str());
    // As for logins, what is of no workspace stands in the server's own.
    let own = visitor.memberships.is_empty().then_some(DEFAULT_WORKSPACE);
    for workspace in workspaces.chain(own) {
        let row = NewAudit {
            workspace_id: workspace,
            actor: &visitor.actor,
            action: "logout",
            target: &format!("address:{}", browser.address),
            request_id: &browser.request_id,
        };
        rows.push((workspace, app.db.begin_audit(row, now_micros()).await?));
    }
    app.db.close_session(session, now_micros()).await?;
    for (workspace, id) in rows {
        app.db.complete_audit(workspace, &id, "done", now_micros()).await?;
    }
    Ok(())
}

/// Where to go after logging in: a place on this server, whatever the address says.
fn destination(next: Option<&str>) -> String {
    // Browsers read a backslash as a slash, and leave out tabs and line ends.
    let is_path = |next: &&str| {
        next.starts_with('/')
            && !next.starts_with("//")
            && next.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != '\\' && c.is_ascii())
            && !next.starts_with("/login")
    };
    next.filter(is_path).unwrap_or("/").to_owned()
}

fn form(next: &str, email: &str, complaint: Option<&str>) -> Markup {
    layout::gate(
        "Log in",
        html! {
            form.login method="post" action="/login" {
                h1 { "Log in" }
                @if let Some(complaint) = complaint { p.complaint role="alert" { (complaint) } }
                input type="hidden" name="next" value=(next);
                label for="email" { "E-mail" }
                input #email type="email" name="email" value=(email) autocomplete="username" required maxlength="254" autofocus[email.is_empty()];
                label for="password" { "Password" }
                input #password type="password" name="password" autocomplete="current-password" required maxlength="1024" autofocus[!email.is_empty()];
                button.primary type="submit" { "Log in" }
                p.quiet { "No account, or no password any more? Who runs this server can help: " code { "assay users --help" } }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_logging_in_one_stays_on_this_server() {
        for good in ["/", "/w/default/projects?after=a%2Fb", "/w/a/projects/x/items/a%2Ftask%2F7"] {
            assert_eq!(destination(Some(good)), good);
        }
        for bad in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "\\/evil.example",
            "javascript:alert(1)",
            "/a b",
            "/login?next=/login",
            "/\n/evil",
        ] {
            assert_eq!(destination(Some(bad)), "/", "{bad:?}");
        }
        assert_eq!(destination(None), "/");
    }

    #[test]
    fn what_was_typed_is_shown_as_text_and_the_password_never() {
        let page = form("/", "\"><script>", Some("wrong")).into_string();
        assert!(page.contains("value=\"&quot;&gt;&lt;script&gt;\"") && page.contains("role=\"alert\""), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
}
