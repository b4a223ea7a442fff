//! What a fault of the storage means, and what to do about it.

use object_store::Error;

const CREDENTIALS: &str =
    "check the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY …) and the permissions on the data location";
const LATER: &str = "try again later";

/// The fault in words, then the way out. The store's own text follows where it is not an answer in XML.
pub(super) fn explain(error: &Error) -> String {
    let text = chain(error);
    let code = between(&text, "<Code>", "</Code>");
    match code {
        Some("NoSuchBucket") => "the bucket does not exist; check its name in --data, or make it".to_owned(),
        Some("RequestTimeTooSkewed") => {
            "the clock of this machine differs too much from the storage's; set it, e.g. by NTP".to_owned()
        }
        Some(code) if matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) => {
            format!("access is refused ({code}); {CREDENTIALS}")
        }
        Some(code @ ("SlowDown" | "ServiceUnavailable" | "InternalError" | "TooManyRequests")) => {
            format!("the storage is overloaded or out of order ({code}, also when asked again); {LATER}")
        }
        _ if matches!(error, Error::NotFound { .. }) => "the object is missing; restore it from a backup".to_owned(),
        _ => format!("{text}; {}", remedy(error, &text)),
    }
}

fn remedy(error: &Error, text: &str) -> &'static str {
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => CREDENTIALS,
        // What the operating system says: ENOSPC, EDQUOT, EFBIG, EROFS, EACCES.
        _ if ["os error 28)", "os error 122)", "os error 27)"].iter().any(|full| text.contains(full)) => {
            "make room in the data location"
        }
        _ if ["os error 30)", "os error 13)"].iter().any(|locked| text.contains(locked)) => {
            "the data location must be writable for this user"
        }
        _ => "check that the data location can be reached and has room, and try again later",
    }
}

/// The error and its causes in one line; a cause that its effect repeats is said once.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> Error {
        Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn answers_of_a_bucket_become_words() {
        let answer = |code: &str| {
            format!("Server returned non-2xx status code: 4xx: <?xml?>\n<Error><Code>{code}</Code></Error>")
        };
        let refused = Error::PermissionDenied { path: "x".into(), source: answer("SignatureDoesNotMatch").into() };
        let skewed = Error::PermissionDenied { path: "x".into(), source: answer("RequestTimeTooSkewed").into() };
        let gone = Error::NotFound { path: "x".into(), source: answer("NoSuchBucket").into() };
        for (error, said) in [
            (refused, "access is refused (SignatureDoesNotMatch); check the credentials"),
            (skewed, "the clock of this machine"),
            (gone, "the bucket does not exist"),
            (generic(&answer("SlowDown")), "overloaded or out of order (SlowDown"),
        ] {
            let text = explain(&error);
            assert!(text.contains(said) && !text.contains('<'), "{text}");
        }
    }

    #[test]
    fn other_faults_keep_their_text_and_name_a_way_out() {
        let missing = Error::NotFound { path: "x".into(), source: "No such file".into() };
        for (error, said) in [
            (generic("No space left on device (os error 28)"), "os error 28); make room"),
            (generic("Read-only file system (os error 30)"), "must be writable"),
            (generic("connection refused"), "connection refused; check that the data location can be reached"),
            (missing, "restore it from a backup"),
        ] {
            let text = explain(&error);
            assert!(text.contains(said), "{text}");
        }
    }
}
