//! The key that asks for a certificate: in a file, or made and put there.

use std::io::ErrorKind;
use std::path::Path;

use zeroize::Zeroizing;

use crate::attestation::PemFault;
use crate::attestation::pem::{PKCS_8, Section, sections, to_pem};
use crate::cli::input::plain;
use crate::cli::output::printer::Printer;
use crate::cli::private_file;
use crate::cli::report::Report;
use crate::pki::{NewRequest, PkiError, new_request, request_with};
use crate::text::{MAX_FILE, read_pem};
use crate::wire::RegistrationId;

/// A request by the key that is in the file, or by one that is put there now.
pub(super) fn request(
    path: &Path,
    name: &RegistrationId,
    printer: &Printer,
) -> Result<NewRequest, Report> {
    let shown = path.display();
    match read_pem(path, MAX_FILE) {
        Ok(text) => {
            printer.note(&format!("with the key that is in {shown} already"));
            let key = key_in(&text, path)?;
            request_with(name.as_str(), &key).map_err(|error| no_request(&error, path))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let request = new_request(name.as_str()).map_err(|error| no_request(&error, path))?;
            private_file::create(path, request.key_pem().as_bytes()).map_err(|error| {
                Report::usage(format!("--new-key: cannot write {shown}: {}", plain(&error)))
            })?;
            Ok(request)
        }
        Err(error) => {
            Err(Report::usage(format!("--new-key: cannot read {shown}: {}", plain(&error))))
        }
    }
}

/// The private key in a file, among whatever else tools write beside it.
fn key_in(text: &[u8], path: &Path) -> Result<Zeroizing<String>, Report> {
    let shown = path.display();
    let found = match sections(text) {
        Err(PemFault::NotPem) => Vec::new(),
        found => found.map_err(|fault| Report::usage(format!("--new-key {shown}: {fault}")))?,
    };
    if let Some(key) = found.iter().find(|section| section.label == PKCS_8) {
        return Ok(to_pem(PKCS_8, &key.content));
    }
    Err(match found.iter().any(Section::is_private_key) {
        true => Report::usage(format!(
            "--new-key {shown}: the key is encrypted, or not in the form PKCS #8"
        ))
        .remedy(format!("convert it: openssl pkcs8 -topk8 -nocrypt -in {shown} -out new.key")),
        false => Report::usage(format!("--new-key {shown}: the file holds no private key"))
            .remedy("give the name of a file that is not there yet, and a key is made"),
    })
}

fn no_request(error: &PkiError, path: &Path) -> Report {
    match error {
        PkiError::NameTooLong { .. } => Report::usage(format!("--new-key: {error}")),
        PkiError::Minting(reason) => {
            Report::usage(format!("--new-key {}: {reason}", path.display()))
                .remedy("give a key on P-256 or P-384, or the name of a file that is not there yet")
        }
        other => Report::internal(other),
    }
}
