//! Style, script and icon, as they are in the program. Their names hold a digest of what they are, so that a
//! browser may keep them, and has new ones as soon as there are any.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
};
use axum::http::{Response, StatusCode};
use sha2::{Digest, Sha256};

/// Where they are served.
pub(super) const FOLDER: &str = "/ui/assets";

/// A file that pages need.
#[derive(Debug)]
pub(super) struct Asset {
    name: String,
    content_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, ending: &str, content_type: &'static str, content: &'static str) -> Self {
        let digest = Sha256::digest(content);
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { name: format!("{stem}-{digest}.{ending}"), content_type, content }
    }

    /// Its path.
    pub(super) fn path(&self) -> String {
        format!("{FOLDER}/{}", self.name)
    }
}

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("page", "css", "text/css; charset=utf-8", include_str!("assets/page.css"))
});
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("page", "js", "text/javascript; charset=utf-8", include_str!("assets/page.js"))
});
pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("icon", "svg", "image/svg+xml; charset=utf-8", include_str!("assets/icon.svg"))
});

/// The file of that name, or 304 for who has it.
pub(super) fn find(name: &str, asked: &HeaderMap) -> Option<Response<Body>> {
    let asset: &Asset = [&STYLE, &SCRIPT, &ICON].into_iter().find(|it| it.name == name)?;
    let tag = format!("\"{}\"", asset.name);
    let known = asked.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut answer = Response::new(if known { Body::empty() } else { asset.content.into() });
    if known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    let for_ever = HeaderValue::from_static("private, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, for_ever);
    headers.extend(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag)));
    Some(answer)
}
