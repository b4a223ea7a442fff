//! The session cookie and the token of forms.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use super::origin::Transport;
use crate::error::{Error, Result};
use crate::store::{SESSION_ABSOLUTE, secret_hash};

/// Behind TLS the name has the prefix `__Host-`: browsers then take the cookie from this very host over TLS only, never from a neighbour.
fn name(transport: Transport) -> &'static str {
    if transport.is_tls { "__Host-assay" } else { "assay" }
}

/// The session id that the browser sent.
pub fn session_id(headers: &HeaderMap, transport: Transport) -> Option<&str> {
    let wanted = name(transport);
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// Sets the cookie. Scripts do not see it, and other sites' pages cannot send it with a form.
pub fn set(id: &str, transport: Transport) -> Result<HeaderValue> {
    let seconds = SESSION_ABSOLUTE / 1_000_000;
    header(&format!("{}={id}; Max-Age={seconds}", name(transport)), transport)
}

/// Has the browser forget it.
pub fn clear(transport: Transport) -> Result<HeaderValue> {
    header(&format!("{}=; Max-Age=0", name(transport)), transport)
}

fn header(pair: &str, transport: Transport) -> Result<HeaderValue> {
    let secure = if transport.is_tls { "; Secure" } else { "" };
    let text = format!("{pair}; Path=/; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).map_err(Error::internal)
}

/// What every form of a session sends back. Made of the session's id, so that it is of this session and needs no place; the id cannot be
/// had from it.
pub fn csrf_token(session_id: &str) -> String {
    secret_hash(&format!("form:{session_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Transport = Transport { is_tls: false };
    const TLS: Transport = Transport { is_tls: true };

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("theme=dark; assay=abc; assayer=x"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-assay=def"));
        assert_eq!(session_id(&headers, PLAIN), Some("abc"));
        assert_eq!(session_id(&headers, TLS), Some("def"));
        assert_eq!(session_id(&HeaderMap::new(), PLAIN), None);
    }

    #[test]
    fn attributes() {
        assert_eq!(
            set("abc", TLS).unwrap(),
            "__Host-assay=abc; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(clear(PLAIN).unwrap(), "assay=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
        assert!(set("a\nb", TLS).is_err());
        assert!(csrf_token("a") != csrf_token("b") && csrf_token("a").len() == 64);
    }
}
