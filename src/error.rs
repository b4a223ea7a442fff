//! The one error type of the service. Modules keep their own error types only where a caller must tell cases apart.

use std::fmt::Display;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by who can mend it. The API maps each kind to a status and a stable code, the command line to an exit code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller named something that is not there (or that belongs to another workspace).
    #[error("{what} {name:?} does not exist")]
    NotFound { what: &'static str, name: String },
    /// It was there and was taken back on purpose.
    #[error("{0}")]
    Gone(String),
    /// The request or a file cannot be used as it is; the message says where, why and what to do.
    #[error("{0}")]
    Invalid(String),
    /// Well-formed, but in conflict with the present state.
    #[error("{0}")]
    Conflict(String),
    /// A part that Assay needs does not answer or has no room; trying again later may help.
    #[error("{message}")]
    Unavailable {
        message: String,
        #[source]
        source: Option<anyhow::Error>,
    },
    /// The caller asked for the work to stop.
    #[error("cancelled")]
    Cancelled,
    /// A fault of Assay or of what it runs on. The chain goes to the log, never into an answer.
    #[error("{0:#}")]
    Internal(#[from] anyhow::Error),
}

impl Error {
    pub fn invalid(message: impl Display) -> Self {
        Self::Invalid(message.to_string())
    }

    pub fn not_found(what: &'static str, name: impl Display) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }

    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::Internal(error.into())
    }

    pub fn unavailable(message: impl Display, source: impl Into<anyhow::Error>) -> Self {
        Self::Unavailable { message: message.to_string(), source: Some(source.into()) }
    }
}

impl Error {
    /// What may be told of it outside the log: the chain of an internal fault can hold anything.
    pub fn told(&self) -> String {
        match self {
            Self::Internal(_) => "an internal fault; the log has it".to_owned(),
            other => other.to_string(),
        }
    }

    /// One of several callers that waited for the same failed work.
    pub fn from_shared(error: std::sync::Arc<Self>) -> Self {
        match std::sync::Arc::try_unwrap(error) {
            Ok(error) => error,
            Err(shared) => match &*shared {
                Self::NotFound { what, name } => Self::NotFound { what, name: name.clone() },
                Self::Gone(message) => Self::Gone(message.clone()),
                Self::Invalid(message) => Self::Invalid(message.clone()),
                Self::Conflict(message) => Self::Conflict(message.clone()),
                Self::Unavailable { message, .. } => Self::Unavailable { message: message.clone(), source: None },
                Self::Cancelled => Self::Cancelled,
                Self::Internal(error) => Self::Internal(anyhow::anyhow!("{error:#}")),
            },
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                Self::unavailable("the metadata database does not answer", error)
            }
            sqlx::Error::Database(refusal) if is_passing(refusal.code().as_deref()) => {
                Self::unavailable("the metadata database is busy", sqlx::Error::Database(refusal))
            }
            sqlx::Error::Database(refusal) => match remedy(refusal.code().as_deref()) {
                Some(remedy) => {
                    let message = format!("the metadata database cannot be written ({}); {remedy}", refusal.message());
                    Self::unavailable(message, sqlx::Error::Database(refusal))
                }
                None => Self::Internal(anyhow::Error::new(sqlx::Error::Database(refusal)).context("metadata database")),
            },
            other => Self::Internal(anyhow::Error::new(other).context("metadata database")),
        }
    }
}

/// SQLite's SQLITE_BUSY in its variants (the low byte is 5); Postgres' classes "insufficient resources" and "operator intervention", and
/// the two ways in which a transaction loses against another one.
fn is_passing(code: Option<&str>) -> bool {
    let Some(code) = code else { return false };
    let is_sqlite_busy = code.len() < 5 && code.parse::<u32>().is_ok_and(|code| code & 0xff == 5);
    is_sqlite_busy || code.starts_with("53") || code.starts_with("57P") || matches!(code, "40001" | "40P01")
}

/// What to do about a SQLite file that cannot be written, by the low byte of its code: SQLITE_READONLY (8), SQLITE_IOERR (10, which a full
/// disk gives as well), SQLITE_FULL (13).
fn remedy(code: Option<&str>) -> Option<&'static str> {
    match code.filter(|code| code.len() < 5)?.parse::<u32>().ok()? & 0xff {
        8 => Some("it and its folder must be writable for this user"),
        10 | 13 => Some("make room on its disk"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_fault_is_not_told() {
        let fault = Error::internal(anyhow::anyhow!("password=secret").context("connect"));
        assert!(fault.to_string().contains("secret") && !fault.told().contains("secret"));
        assert_eq!(Error::not_found("project", "x").told(), "project \"x\" does not exist");
    }

    #[test]
    fn a_database_that_cannot_be_written_is_told_from_other_faults() {
        for code in ["13", "10", "778", "4874", "8", "1032", "1544"] {
            assert!(remedy(Some(code)).is_some() && !is_passing(Some(code)), "{code}");
        }
        for code in ["5", "26", "23505", "53100", "25006"] {
            assert!(remedy(Some(code)).is_none(), "{code}");
        }
        assert_eq!(remedy(None), None);
    }

    #[test]
    fn passing_faults_of_the_database_are_told_from_lasting_ones() {
        for code in ["5", "261", "517", "53300", "57P01", "57P03", "40001", "40P01"] {
            assert!(is_passing(Some(code)), "{code}");
        }
        for code in ["6", "1", "787", "2067", "23505", "42P01", "", "57014"] {
            assert!(!is_passing(Some(code)), "{code}");
        }
        assert!(!is_passing(None));
    }
}
