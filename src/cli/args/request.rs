//! What a device asks a certificate for, as arguments give it, and the files that come of it: its key, and
//! what it is issued.
//!
//! Whatever is wrong with them is said here, before anything is sent: a certificate that is issued and then
//! cannot be written is lost.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use crate::attestation::DeviceCertificate;
use crate::cli::input::plain;
use crate::cli::output::printer::Printer;
use crate::cli::private_file;
use crate::cli::report::Report;
use crate::device::{Csr, IssuedChain};
use crate::pki::{
    CertificateRequest, CertificateRequestFault, NewRequest, PkiError, new_request, request_of,
    request_with,
};
use crate::sources::Clock;
use crate::text::{MAX_FILE, Source, moment, read_bytes};
use crate::wire::RegistrationId;

/// How the file with a certificate is called that belongs to a key.
const CERTIFICATE_EXTENSION: &str = "crt";

/// A certificate that a device asks for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Certificate options")]
pub(crate) struct RequestArgs {
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

/// A request for a certificate, with what is known of its key and of what is to become of the answer.
pub(crate) struct Asking {
    csr: Csr,
    /// Whence it is.
    flag: &'static str,
    /// The key as PEM, and where it is. None if whoever made the request keeps it.
    key: Option<(PathBuf, Zeroizing<String>)>,
    target: Option<PathBuf>,
}

impl RequestArgs {
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
            check_target(target)?;
        }
        let (der, flag, key) = match (&self.new_key, &self.csr) {
            (Some(path), _) => {
                let request = with_key(path, name, printer)?;
                let key = request.key_pem();
                (request.der().to_vec(), "--new-key", Some((path.clone(), key)))
            }
            (None, Some(argument)) => (read_request(argument)?, "--csr", None),
            (None, None) => return Ok(None),
        };
        Ok(Some(Asking { csr: checked(&der, name, flag)?, flag, key, target }))
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
        target.as_deref().map_or(Ok(()), check_target)?;
        let flag = "--cert-key";
        let der = request_of(identity, name.as_str()).map_err(|error| {
            Report::usage(format!("{flag}: {error}"))
                .remedy("ask for a certificate for another key: --new-key FILE")
        })?;
        Ok(Asking { csr: checked(&der, name, flag)?, flag, key: None, target })
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

impl Asking {
    pub(crate) fn csr(&self) -> &Csr {
        &self.csr
    }

    /// What the request is by, for whoever finds something wrong with it.
    pub(crate) fn flag(&self) -> &'static str {
        self.flag
    }

    /// Where what is issued is kept, if in a file.
    pub(crate) fn target(&self) -> Option<&Path> {
        self.target.as_deref()
    }

    /// Keeps what was issued: the file is written whole or not at all. What is printed for it says where it
    /// is; without a file, the certificates themselves.
    pub(crate) fn keep(&self, chain: &IssuedChain, printer: &mut Printer) -> Result<(), Report> {
        let (leaf, pem) = (chain.leaf().info(), chain.to_pem());
        let until = moment(leaf.not_after);
        if printer.is_text() {
            let (subject, issuer) = (&leaf.subject_name, &leaf.issuer_name);
            printer.line("");
            printer.line(format!("Issued certificate: {subject}, by {issuer}, good until {until}"));
        }
        let Some(path) = &self.target else {
            if printer.is_text() {
                printer.lines(pem.trim_end());
            }
            return Ok(());
        };
        private_file::replace(path, pem.as_bytes()).map_err(|error| {
            let reason = plain(&error);
            cannot_write(path, &reason)
                .cause("a certificate was issued all the same; the service keeps none back")
                .remedy(
                    "once the file can be written, run the same command again: another is issued",
                )
        })?;
        if printer.is_text() {
            printer.line(format!("Kept in: {}", path.display()));
        }
        Ok(())
    }

    /// What the device shows whoever wants to see what it was issued; `None` without the key.
    pub(crate) fn identity(&self, chain: &IssuedChain) -> Option<DeviceCertificate> {
        let (_, key) = self.key.as_ref()?;
        DeviceCertificate::read(chain.to_pem().as_bytes(), Some(key.as_bytes()), None).ok()
    }

    /// What was issued for this key before, and is still good; in words, why there is nothing such.
    pub(crate) fn kept(&self, name: &RegistrationId) -> Result<DeviceCertificate, String> {
        let (Some((_, key)), Some(path)) = (&self.key, &self.target) else {
            return Err("there is no file to look for one".to_owned());
        };
        let told = |reason: &dyn fmt::Display| format!("{}: {reason}", path.display());
        let text = read_bytes(path, MAX_FILE).map_err(|error| told(&plain(&error)))?;
        let kept = DeviceCertificate::read(&text, Some(key.as_bytes()), None)
            .map_err(|fault| told(&fault))?;
        kept.check(name, Clock::system().now()).map_err(|fault| told(&fault))?;
        Ok(kept)
    }
}

/// The key is not shown.
impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|(path, _)| path);
        f.debug_struct("Asking").field("key", &key).field("target", &self.target).finish()
    }
}

/// What would be lost with a wrong name: a key, or a file that is no certificate at all (J-483).
fn check_target(path: &Path) -> Result<(), Report> {
    let there = match read_bytes(path, MAX_FILE) {
        Err(error) if error.kind() == ErrorKind::NotFound => Zeroizing::default(),
        there => there.map_err(|error| cannot_write(path, &plain(&error)))?,
    };
    let text = String::from_utf8_lossy(&there);
    let has_key = text.contains("PRIVATE KEY-----");
    let is_other = !text.trim().is_empty() && !text.contains("-----BEGIN CERTIFICATE-----");
    if has_key || is_other {
        let what = if has_key { "a private key" } else { "no certificate" };
        return Err(Report::usage(format!(
            "--issued-cert: {} is already there and holds {what}; it is not overwritten",
            path.display()
        ))
        .remedy("give --issued-cert another name"));
    }
    private_file::check(path).map_err(|error| cannot_write(path, &plain(&error)))
}

fn cannot_write(path: &Path, reason: &str) -> Report {
    Report::usage(format!("--issued-cert: cannot write {}: {reason}", path.display()))
}

/// A request by the key that is in the file, or by one that is put there now.
fn with_key(path: &Path, name: &RegistrationId, printer: &Printer) -> Result<NewRequest, Report> {
    let shown = path.display();
    match read_bytes(path, MAX_FILE) {
        Ok(bytes) => {
            printer.note(&format!("with the key that is in {shown} already"));
            let key = key_in(&bytes, path)?;
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
fn key_in(bytes: &[u8], path: &Path) -> Result<Zeroizing<String>, Report> {
    const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
    const END: &str = "-----END PRIVATE KEY-----";
    let shown = path.display();
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let begun = text.find(BEGIN).map(|at| &text[at..]);
    if let Some(begun) = begun
        && let Some(end) = begun.find(END)
    {
        return Ok(Zeroizing::new(begun[..end + END.len()].to_owned()));
    }
    Err(match text.contains("PRIVATE KEY-----") {
        true => Report::usage(format!(
            "--new-key {shown}: the key is encrypted, cut off, or not in the form PKCS #8"
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

/// A request as tools write it.
fn read_request(argument: &str) -> Result<Vec<u8>, Report> {
    let source = Source::of(Path::new(argument));
    let mut bytes = Zeroizing::new(Vec::new());
    source.bytes().and_then(|it| it.take(MAX_FILE).read_to_end(&mut bytes)).map_err(|error| {
        Report::usage(format!("--csr: cannot read {source}: {}", plain(&error)))
    })?;
    if !bytes.windows(10).any(|window| window == b"-----BEGIN") {
        return Ok(bytes.to_vec());
    }
    let sections = pem::parse_many(&bytes[..])
        .map_err(|error| Report::usage(format!("--csr {source}: the PEM is damaged: {error}")))?;
    let is_request =
        |it: &&pem::Pem| matches!(it.tag(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST");
    if let Some(request) = sections.iter().find(is_request) {
        return Ok(request.contents().to_vec());
    }
    let tags: Vec<_> = sections.iter().map(|section| format!("`{}`", section.tag())).collect();
    let report = Report::usage(format!(
        "--csr {source}: it holds {}, and no certificate request",
        if tags.is_empty() { "nothing that is whole".to_owned() } else { tags.join(", ") }
    ));
    Err(match sections.iter().any(|section| section.tag().ends_with("PRIVATE KEY")) {
        true => report.remedy(format!("to have a request made with that key: --new-key {source}")),
        false => {
            report.remedy("openssl req -new -key KEY -subj /CN=REGISTRATION-ID -out FILE makes one")
        }
    })
}

/// What nobody would grant is not sent. Kinds of keys are for the service to judge.
fn checked(der: &[u8], name: &RegistrationId, flag: &str) -> Result<Csr, Report> {
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
