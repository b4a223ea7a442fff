//! The project to import into.

use super::ImportRequest;
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{NewProject, Once, Project, Request, now_micros};

pub(super) async fn find_project(app: &App, request: &ImportRequest) -> Result<Option<Project>> {
    match app.db.find_project(&request.workspace, &request.project).await {
        Ok(project) => Ok(Some(project)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The project to import into: there already, or made just before the first snapshot is committed.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Existing(Project),
    New(NewProject),
}

impl Target {
    pub(super) async fn of(app: &App, request: &ImportRequest) -> Result<Self> {
        Ok(match find_project(app, request).await? {
            Some(project) => Self::Existing(project),
            None => Self::New(NewProject::new(&request.workspace, &request.project, now_micros())?),
        })
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Self::Existing(project) => &project.id,
            Self::New(project) => &project.id,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Existing(project) => &project.name,
            Self::New(project) => &project.name,
        }
    }

    /// The project's row, made now if need be; None when someone else made one of this name meanwhile.
    pub(super) async fn ensure(&self, app: &App) -> Result<Option<Project>> {
        match self {
            Self::Existing(project) => Ok(Some(project.clone())),
            Self::New(new) => match app.db.create_project(new, &Request::default()).await {
                Ok(Once::Done(project)) => Ok(Some(project)),
                Ok(Once::Replay(_) | Once::Reused) | Err(Error::Conflict(_)) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }
}
