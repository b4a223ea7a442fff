//! Who looks at a page, as the guard before the pages has found out.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::handlers::HOME;
use super::links::Links;
use crate::auth::Visitor;

/// Nobody in particular on a server that is open to its own machine.
#[derive(Debug, Clone)]
pub struct SeenBy(Option<Arc<Visitor>>);

impl<S: Sync> FromRequestParts<S> for SeenBy {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Arc<Visitor>>().cloned()))
    }
}

impl SeenBy {
    pub fn visitor(&self) -> Option<&Visitor> {
        self.0.as_deref()
    }

    /// The pages of their first workspace.
    pub fn home(&self) -> Links<'_> {
        let first = self.visitor().and_then(|visitor| visitor.memberships.first());
        first.map_or(HOME, |first| Links::of(&first.workspace_id)).seen_by(self.visitor())
    }
}
