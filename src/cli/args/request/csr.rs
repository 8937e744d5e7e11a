//! A request that is there already, and what of any request nobody would grant.

use std::fmt;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::attestation::PemFault;
use crate::attestation::pem::{Section, sections};
use crate::cli::input::plain;
use crate::cli::report::Report;
use crate::device::Csr;
use crate::pki::{CertificateRequest, CertificateRequestFault};
use crate::text::{MAX_FILE, Source};
use crate::wire::RegistrationId;

/// A request as tools write it.
pub(super) fn read(argument: &str) -> Result<Vec<u8>, Report> {
    let source = Source::of(Path::new(argument));
    let mut bytes = Zeroizing::new(Vec::new());
    source.bytes().and_then(|it| it.take(MAX_FILE).read_to_end(&mut bytes)).map_err(|error| {
        Report::usage(format!("--csr: cannot read {source}: {}", plain(&error)))
    })?;
    let sections = match sections(&bytes) {
        Err(PemFault::NotPem) => return Ok(bytes.to_vec()),
        found => found.map_err(|fault| Report::usage(format!("--csr {source}: {fault}")))?,
    };
    let is_request = |section: &&Section| {
        matches!(&section.label[..], "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST")
    };
    if let Some(request) = sections.iter().find(is_request) {
        return Ok(request.content.to_vec());
    }
    let labels: Vec<_> = sections.iter().map(|section| format!("`{}`", section.label)).collect();
    let report = Report::usage(format!(
        "--csr {source}: it holds {}, and no certificate request",
        labels.join(", ")
    ));
    Err(match sections.iter().any(Section::is_private_key) {
        true => report.remedy(format!("to have a request made with that key: --new-key {source}")),
        false => {
            report.remedy("openssl req -new -key KEY -subj /CN=REGISTRATION-ID -out FILE makes one")
        }
    })
}

/// What nobody would grant is not sent. Kinds of keys are for the service to judge.
pub(super) fn checked(der: &[u8], name: &RegistrationId, flag: &str) -> Result<Csr, Report> {
    let wrong = |fault: &dyn fmt::Display| {
        Report::usage(format!("{flag}: {fault}"))
            .remedy(format!("openssl req -new -key KEY -subj /CN={name} -out FILE makes a request"))
    };
    match CertificateRequest::from_der(der) {
        Ok(request) => request.check_name(name.as_str()).map_err(|fault| wrong(&fault))?,
        Err(fault @ CertificateRequestFault::Key { .. }) => {
            tracing::warn!("{flag}: {fault}; it is sent all the same, for the service to judge");
        }
        Err(fault) => return Err(wrong(&fault)),
    }
    Csr::from_der(der).map_err(|fault| wrong(&fault))
}
