//! Who issues certificates to devices, as the management listener tells it: names, policies and certificates,
//! and never a key.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde::Serialize;

use super::answer;
use super::handlers::Admin;
use crate::attestation::Certificate;
use crate::text::written;
use crate::wire::timestamp;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IssuerView<'a> {
    namespace_name: &'a str,
    name: &'a str,
    policies: Vec<PolicyView<'a>>,
    /// The issuing authority, then those above it, the root last.
    certificates: Vec<CertificateView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyView<'a> {
    name: &'a str,
    /// As a configuration has it.
    validity: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateView {
    subject_name: String,
    not_after_utc: String,
    pem: String,
}

impl From<&Certificate> for CertificateView {
    fn from(certificate: &Certificate) -> Self {
        Self {
            subject_name: certificate.info().subject_name.clone(),
            not_after_utc: timestamp(certificate.info().not_after),
            pem: certificate.to_pem(),
        }
    }
}

/// `GET /certificate-authorities` (J-443). Those that nobody has needed yet are made for it.
pub(super) async fn issuers(State(admin): State<Arc<Admin>>) -> Response<Body> {
    let listed = match admin.registrar.authorities.list() {
        Ok(listed) => listed,
        Err(error) => return answer::internal(&error.to_string()),
    };
    let shown = listed.iter().map(|(issuer, authority)| IssuerView {
        namespace_name: &issuer.namespace,
        name: &issuer.name,
        policies: issuer
            .policies
            .iter()
            .map(|policy| PolicyView { name: &policy.name, validity: written(policy.validity) })
            .collect(),
        certificates: authority.certificates().iter().map(CertificateView::from).collect(),
    });
    answer::json(&shown.collect::<Vec<_>>())
}
