//! What a form of ours sent: its fields, once the token was seen to be right.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::Response;

use super::answer;
use super::site::Site;
use super::token::FIELD;

/// Room for a form: an enrollment with its certificates is far smaller.
const MAX_FORM: usize = 1 << 20;

/// The fields of a form of ours. Whoever takes this as an argument is called only if the token was right; all
/// else is answered before (J-225).
#[derive(Debug)]
pub(super) struct Posted(Vec<(String, String)>);

impl Posted {
    /// A field without the blanks around it; none where it is empty or not there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.whole(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Each value of a field that is there several times.
    pub(super) fn each(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.0.iter().filter(move |(field, _)| field == name);
        fields.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// A field as it was typed.
    pub(super) fn whole(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        fields.find(|(field, _)| field == name).map(|(_, value)| &**value)
    }
}

impl FromRequest<Arc<Site>> for Posted {
    type Rejection = Response<Body>;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Self::Rejection> {
        let Ok(body) = to_bytes(request.into_body(), MAX_FORM).await else {
            let message = format!("The form is larger than {} KiB.", MAX_FORM / 1024);
            return Err(answer::bad_request(site, &message));
        };
        let fields = url::form_urlencoded::parse(&body);
        let posted =
            Self(fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect());
        if posted.whole(FIELD).is_some_and(|given| site.token.is(given)) {
            return Ok(posted);
        }
        tracing::warn!("management: a form without the page's token");
        Err(answer::forbidden(site))
    }
}
