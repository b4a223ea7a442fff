//! How a request came: over TLS or not, from which address, caused by whose page.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::NOWHERE;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What stands between this process and the browser; an extension of every request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transport {
    /// A proxy in front ends TLS, and says in `X-Forwarded-For` who asks.
    pub is_tls: bool,
}

impl Transport {
    pub fn of(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().copied().unwrap_or_default()
    }
}

/// Who asks. Behind a proxy the last entry of `X-Forwarded-For`: the proxy wrote it, whoever asks may have written those before.
pub fn client_address(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(NOWHERE, |ConnectInfo(peer)| peer.ip());
    let forwarded = || {
        let last = parts.headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    };
    let address = if Transport::of(parts).is_tls { forwarded().unwrap_or(peer) } else { peer };
    address.to_canonical()
}

/// Whether a request was caused by a page of this server, or by no page at all. Browsers say so: in `Sec-Fetch-Site`, older ones in `Origin`.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let own = |scheme: &str| origin.as_bytes().strip_prefix(scheme.as_bytes()) == Some(host);
    !host.is_empty() && (own("http://") || own("https://"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let builder = headers.iter().fold(Request::builder(), |builder, (name, value)| builder.header(*name, *value));
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn pages_of_others_are_told_from_our_own() {
        let host = ("host", "assay.example.com");
        let own: [&[(&str, &str)]; 4] = [
            &[host],
            &[host, ("origin", "https://assay.example.com")],
            &[host, ("origin", "https://outside.example"), ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
        ];
        for headers in own {
            assert!(is_same_origin(&parts(headers).headers), "{headers:?}");
        }
        let foreign: [&[(&str, &str)]; 6] = [
            &[host, ("origin", "https://evil.example")],
            &[host, ("origin", "https://assay.example.com.evil.example")],
            &[host, ("origin", "null")],
            &[("origin", "https://")],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("origin", "https://assay.example.com"), ("sec-fetch-site", "cross-site")],
        ];
        for headers in foreign {
            assert!(!is_same_origin(&parts(headers).headers), "{headers:?}");
        }
    }

    #[test]
    fn the_address_is_the_peers_or_what_the_proxy_says() {
        let peer: SocketAddr = "10.0.0.1:5000".parse().unwrap();
        let with = |headers: &[(&str, &str)], is_tls| {
            let mut parts = parts(headers);
            parts.extensions.insert(ConnectInfo(peer));
            parts.extensions.insert(Transport { is_tls });
            client_address(&parts).to_string()
        };
        let forged = [("x-forwarded-for", "1.2.3.4, 192.0.2.9")];
        assert_eq!(with(&forged, false), "10.0.0.1", "without a proxy anybody can write the header");
        assert_eq!(with(&forged, true), "192.0.2.9");
        assert_eq!(with(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "::ffff:192.0.2.9")], true), "192.0.2.9");
        assert_eq!(with(&[("x-forwarded-for", "unknown")], true), "10.0.0.1");
        assert_eq!(client_address(&parts(&[])), NOWHERE);
    }
}
