//! The record of an enrollment, to be written anew. Keys, certificates and the webhook's query do not stand in
//! it, and stay as they are unless others are written.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::Response;

use super::detail::{find, missing, of_form};
use crate::service::endpoint::page::address::{asked, of_enrollment};
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::request;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::shown::pretty;
use crate::service::endpoint::page::site::Site;
use crate::service::enrollment::{Enrollment, show_to_webhook};
use crate::text::inert;

/// Members that only the service writes.
const ITS_OWN: [&str; 3] = ["etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc"];

#[derive(Debug, Template)]
#[template(path = "page/enrollment-edit.html")]
struct Edit {
    shell: Shell,
    name: String,
    shown: String,
    kind: &'static str,
    address: String,
    etag: String,
    record: String,
    complaint: Option<String>,
}

/// `GET /ui/enrollment/edit`.
pub(in crate::service::endpoint::page) async fn edit(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let asked = |name| asked(query.as_deref(), name);
    let Some(enrollment) = find(&site, &asked("kind"), &asked("name")) else {
        return missing(&site, &asked("name"));
    };
    let record = pretty(&record(&enrollment));
    let etag = enrollment.etag.encoded();
    answer::page(&form(&site, &enrollment, etag, record, None))
}

/// `POST /ui/enrollment/edit`.
pub(in crate::service::endpoint::page) async fn save(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    let enrollment = match of_form(&site, &posted) {
        Ok(enrollment) => enrollment,
        Err(missing) => return missing,
    };
    let typed = posted.whole("record").unwrap_or_default();
    let etag = posted.text("etag").unwrap_or_default();
    let kind = enrollment.kind();
    let record = with_address(typed, &enrollment);
    match request::put(&site, kind, enrollment.name(), record, Some(etag)).await {
        Ok(()) => answer::see_other(&of_enrollment(kind, enrollment.name())),
        Err(refusal) => {
            let (etag, typed) = (etag.to_owned(), typed.to_owned());
            let again = form(&site, &enrollment, etag, typed, Some(refusal.message));
            answer::with_status(refusal.status, &again)
        }
    }
}

fn form(
    site: &Site,
    enrollment: &Enrollment,
    etag: String,
    record: String,
    complaint: Option<String>,
) -> Edit {
    let name = enrollment.name();
    Edit {
        shell: Shell::new(site, format!("Edit {}", inert(name)), Some(Section::Enrollments)),
        name: name.to_owned(),
        shown: inert(name).into_owned(),
        kind: enrollment.kind().as_str(),
        address: of_enrollment(enrollment.kind(), name),
        etag,
        record,
        complaint,
    }
}

/// The record as it may be shown.
fn record(enrollment: &Enrollment) -> String {
    let members = show_to_webhook(enrollment).without(&ITS_OWN);
    serde_json::to_string(&members).unwrap_or_default()
}

/// Puts the webhook's whole address back where the record has the one that was shown.
fn with_address(record: &str, enrollment: &Enrollment) -> String {
    let Some(definition) = &enrollment.custom_allocation else { return record.to_owned() };
    let text = |address: &str| serde_json::to_string(address).unwrap_or_default();
    let (shown, whole) =
        (text(&definition.webhook_url.masked()), text(definition.webhook_url.as_written()));
    record.replacen(&shown, &whole, 1)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::service::enrollment::{Kind, read};

    #[test]
    fn j_251_a_record_that_is_edited_keeps_its_function_key_and_never_shows_it() {
        let json = br#"{"enrollmentGroupId":"g","attestation":{"type":"symmetricKey"},"allocationPolicy":"custom",
            "customAllocationDefinition":{"webhookUrl":"https://f/api?code=s3cret","apiVersion":"2021-10-01"},
            "initialTwin":{"tags":{"n":1.50}}}"#;
        let enrollment = read(Kind::Group, json, UNIX_EPOCH, 0, None).unwrap();

        let shown = record(&enrollment);
        let sent = with_address(&shown, &enrollment);

        assert!(!shown.contains("s3cret") && !shown.contains("etag"), "{shown}");
        assert!(shown.contains("1.50"), "K-7: {shown}");
        assert!(sent.contains(r#""webhookUrl":"https://f/api?code=s3cret""#), "{sent}");
        assert_eq!(with_address("{}", &enrollment), "{}");
    }
}
