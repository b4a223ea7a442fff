//! What the pages load: one stylesheet, one script and plotly.js, all from this binary, named by their content.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use plotly::Plot;
use sha2::{Digest, Sha256};

/// One file under `/assets/`. Its name changes with its content, so it may be cached for ever.
#[derive(Debug)]
pub struct Asset {
    name: String,
    content_type: &'static str,
    pub(super) body: Bytes,
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let hash: String = Sha256::digest(&body).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { name: format!("{stem}-{hash}.{extension}"), content_type, body }
    }

    pub fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

pub static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("assay", "css", "text/css; charset=utf-8", include_str!("assets/assay.css")));

pub static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("assay", "js", "text/javascript; charset=utf-8", include_str!("assets/assay.js")));

pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("assay", "svg", "image/svg+xml", include_str!("assets/assay.svg")));

/// plotly.js as its crate ships it.
pub static PLOTLY: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("plotly", "js", "text/javascript; charset=utf-8", first_script(&Plot::offline_js_sources()))
});

/// The text of the first script element. The crate offers its scripts only inside markup: plotly.js, then MathJax.
fn first_script(markup: &str) -> String {
    let after_tag = markup.split_once('>').map_or("", |(_, rest)| rest);
    after_tag.split_once("</script>").map_or("", |(script, _)| script).to_owned()
}

/// `GET /assets/{name}`
pub async fn serve(Path(name): Path<String>) -> Response {
    let found = [&*STYLE, &*SCRIPT, &*ICON, &*PLOTLY].into_iter().find(|asset| asset.name == name);
    match found {
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            asset.body.clone(),
        )
            .into_response(),
        None => (StatusCode::NOT_FOUND, "no such asset").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn plotly_is_served_whole_and_without_mathjax() {
        let text = std::str::from_utf8(&PLOTLY.body).unwrap();
        assert!(text.starts_with("/**\n* plotly.js v3"), "{}", &text[..80]);
        assert!(text.len() > 4_000_000 && !text.contains("MathJax.loader"), "{} bytes", text.len());
        let response = serve(Path(PLOTLY.name.clone())).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(serve(Path("plotly.js".to_owned())).await.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn the_name_follows_the_content() {
        assert_ne!(Asset::new("a", "css", "text/css", "x").name, Asset::new("a", "css", "text/css", "y").name);
    }
}
