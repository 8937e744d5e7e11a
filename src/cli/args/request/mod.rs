//! What a device asks a certificate for, as arguments give it, and the files that come of it: its key, and
//! what it is issued.
//!
//! Whatever is wrong with them is said here, before anything is sent: a certificate that is issued and then
//! cannot be written is lost.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `csr`: a request that is there already, and what of any request nobody would grant.
//! - `key_file`: the key that asks, in a file or put there now.
//! - `target`: the file for what is issued.
//! - `asking`: a request, and what is to become of the answer.

mod asking;
mod csr;
mod key_file;
mod target;

use std::path::PathBuf;

use clap::Args;

pub(crate) use self::asking::Asking;
use crate::attestation::DeviceCertificate;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::pki::request_of;
use crate::wire::RegistrationId;

/// How the file with a certificate is called that belongs to a key.
const CERTIFICATE_EXTENSION: &str = "crt";

/// A certificate that a device asks for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Certificate options")]
pub(crate) struct CertificateRequestArgs {
    /// Ask for a certificate for the key in this file; if there is no such file, a key is made
    #[arg(long, value_name = "FILE", conflicts_with = "csr")]
    new_key: Option<PathBuf>,
    /// Ask for a certificate by this request (PKCS #10, in PEM or DER), made elsewhere
    #[arg(long, value_name = "FILE|-")]
    pub(crate) csr: Option<String>,
    /// Keep the certificate here, as PEM, and those above it [default: as --new-key, with .crt]
    #[arg(long, value_name = "FILE")]
    issued_cert: Option<PathBuf>,
}

impl CertificateRequestArgs {
    pub(crate) fn is_given(&self) -> bool {
        self.new_key.is_some() || self.csr.is_some()
    }

    /// Whether the certificate can be used right away: `what` would do that.
    pub(crate) fn check_key_at_hand(&self, what: &str) -> Result<(), Report> {
        match &self.csr {
            None => Ok(()),
            Some(_) => Err(Report::usage(format!(
                "{what} is not possible with --csr: the key of the request is not here"
            ))
            .remedy("give --new-key FILE with that key in place of --csr, and a request is made with it")
            .remedy(format!("or leave out {what}"))),
        }
    }

    /// The request for a certificate of this name; `None` if there is to be none. A key that is made is
    /// written at once, so that no certificate is ever issued for one that is lost.
    pub(crate) fn resolve(
        &self,
        name: &RegistrationId,
        printer: &Printer,
    ) -> Result<Option<Asking>, Report> {
        if let (Some(_), false) = (&self.issued_cert, self.is_given()) {
            return Err(Report::usage("--issued-cert: no certificate is asked for")
                .remedy("give --new-key FILE, or --csr FILE, too"));
        }
        let target = self.target()?;
        if let Some(target) = &target {
            target::check(target)?;
        }
        let (der, flag, key) = match (&self.new_key, &self.csr) {
            (Some(path), _) => {
                let request = key_file::request(path, name, printer)?;
                let key = request.key_pem();
                (request.der().to_vec(), "--new-key", Some((path.clone(), key)))
            }
            (None, Some(argument)) => (csr::read(argument)?, "--csr", None),
            (None, None) => return Ok(None),
        };
        Ok(Some(Asking { csr: csr::checked(&der, name, flag)?, flag, key, target }))
    }

    /// The same for a device that has a certificate: where neither another key nor a request is given, the key
    /// of that one asks (J-478).
    pub(crate) fn resolve_or_same(
        &self,
        name: &RegistrationId,
        identity: &DeviceCertificate,
        printer: &Printer,
    ) -> Result<Asking, Report> {
        if self.is_given()
            && let Some(asking) = self.resolve(name, printer)?
        {
            return Ok(asking);
        }
        let target = self.issued_cert.clone();
        target.as_deref().map_or(Ok(()), target::check)?;
        let flag = "--cert-key";
        let der = request_of(identity, name.as_str()).map_err(|error| {
            Report::usage(format!("{flag}: {error}"))
                .remedy("ask for a certificate for another key: --new-key FILE")
        })?;
        Ok(Asking { csr: csr::checked(&der, name, flag)?, flag, key: None, target })
    }

    fn target(&self) -> Result<Option<PathBuf>, Report> {
        let inputs = [("--new-key", &self.new_key), ("--csr", &self.csr.as_ref().map(Into::into))];
        let target = match (&self.issued_cert, &self.new_key) {
            (Some(target), _) => target.clone(),
            (None, Some(key)) => key.with_extension(CERTIFICATE_EXTENSION),
            (None, None) => return Ok(None),
        };
        match inputs.iter().find(|(_, path)| path.as_ref() == Some(&target)) {
            Some((flag, _)) => Err(Report::usage(format!(
                "--issued-cert and {flag} are both {}",
                target.display()
            ))
            .remedy("give --issued-cert another name")),
            None => Ok(Some(target)),
        }
    }
}
