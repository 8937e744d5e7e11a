//! An X.509 credential as arguments give it: files in, a checked certificate with its key out.
//!
//! Whatever is wrong with them is said here, before anything is sent.

use clap::Args;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

use crate::attestation::{DeviceCertificate, IdentityFault, PrivateKeyFault};
use crate::cli::input::{plain, read};
use crate::cli::report::Report;
use crate::cli::secret::{Secret, secret_variable};
use crate::sources::Clock;
use crate::text::{self, MAX_FILE};
use crate::wire::RegistrationId;

const PASSPHRASE_VARIABLE: &str = "PROVISION_SIM_CERT_KEY_PASSPHRASE";

/// The certificate of a device, and its key.
#[derive(Debug, Args)]
pub(crate) struct CertificateArgs {
    /// X.509 in place of a key: the device's certificate, then intermediates; its key may follow
    #[arg(long, value_name = "PEM")]
    pub(crate) cert: Option<PathBuf>,
    /// Private key of --cert, if it is not in the same file
    #[arg(long, value_name = "PEM", requires = "cert")]
    pub(crate) cert_key: Option<PathBuf>,
    /// Passphrase of an encrypted private key [env: PROVISION_SIM_CERT_KEY_PASSPHRASE]
    #[arg(long, value_name = "TEXT|@FILE|-", requires = "cert", allow_hyphen_values = true)]
    pub(crate) cert_key_passphrase: Option<Secret>,
}

impl CertificateArgs {
    /// The certificate with its key, and for which device it is: `reg_id`, or whom its common name
    /// names. What is only odd is logged.
    pub(crate) fn resolve(
        &self,
        reg_id: Option<&RegistrationId>,
    ) -> Result<Option<(DeviceCertificate, RegistrationId)>, Report> {
        let Some(cert) = &self.cert else { return Ok(None) };
        let report = |fault| self.report(cert, &fault);
        let certificates = read_pem("--cert", cert)?;
        let key = self.cert_key.as_ref().map(|path| read_pem("--cert-key", path)).transpose()?;
        let passphrase = self.passphrase()?;
        let certificate = DeviceCertificate::read(
            &certificates,
            key.as_deref().map(Vec::as_slice),
            passphrase.as_deref().map(String::as_str),
        )
        .map_err(report)?;
        let registration_id = match reg_id {
            Some(id) => id.clone(),
            None => certificate.registration_id().map_err(report)?,
        };
        let now = Clock::system().now();
        certificate.check(&registration_id, now).map_err(report)?;
        for warning in certificate.warnings(now) {
            tracing::warn!("--cert {}: {warning}", cert.display());
        }
        Ok(Some((certificate, registration_id)))
    }

    fn passphrase(&self) -> Result<Option<Zeroizing<String>>, Report> {
        let given = match &self.cert_key_passphrase {
            Some(argument) => Some(("--cert-key-passphrase", argument.clone())),
            None => secret_variable(PASSPHRASE_VARIABLE).map(|value| (PASSPHRASE_VARIABLE, value)),
        };
        let Some((name, argument)) = given else { return Ok(None) };
        let text = read(name, &argument)?;
        // Editors end a file with a line end, which is none of the passphrase.
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Some(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned())))
    }

    fn report(&self, cert: &Path, fault: &IdentityFault) -> Report {
        let (flag, path) = match &self.cert_key {
            Some(key) if fault.is_about_key() => ("--cert-key", key.as_path()),
            _ => ("--cert", cert),
        };
        let path = path.display();
        let report = Report::usage(format!("{flag} {path}: {fault}"));
        match fault {
            IdentityFault::NoCertificate { found } if found.iter().any(|label| is_private_key(label)) => {
                report.remedy("give the certificate with --cert, its private key with --cert-key")
            }
            IdentityFault::NoKey { found } if self.cert_key.is_some() && found.iter().any(|label| is_certificate(label)) => {
                report.remedy("give the certificate with --cert, its private key with --cert-key")
            }
            IdentityFault::NoKey { .. } if self.cert_key.is_none() => {
                report.remedy("give its private key with --cert-key PEM")
            }
            IdentityFault::CertificatePem(_) | IdentityFault::NoCertificate { .. } | IdentityFault::Malformed { .. } => report
                .remedy("give PEM with `-----BEGIN CERTIFICATE-----`")
                .remedy(format!("if it is DER, convert it: openssl x509 -inform DER -in {path} -out cert.pem"))
                .remedy(format!("if it is PKCS #12, convert it: openssl pkcs12 -in {path} -nodes -out cert.pem")),
            IdentityFault::KeyPem(_) | IdentityFault::NoKey { .. } => report
                .remedy("give PEM with `-----BEGIN PRIVATE KEY-----`")
                .remedy(format!("if it is DER, convert it: openssl pkey -inform DER -in {path} -out key.pem")),
            IdentityFault::Key(fault) => key_remedy(report, fault, &path.to_string()),
            IdentityFault::UnsupportedKey { .. } => report.remedy(
                "have a certificate made for another key: openssl ecparam -name prime256v1 -genkey -noout -out key.pem",
            ),
            IdentityFault::NotFirst { .. } => report
                .remedy("put the device's own certificate first, then the one that signed it, and so on"),
            IdentityFault::OtherKey { .. } => report
                .remedy("give the key with which the certificate was requested; these two must be the same:")
                .remedy(format!("openssl x509 -in {} -noout -pubkey", cert.display()))
                .remedy(format!("openssl pkey -in {path} -pubout")),
            IdentityFault::CommonName { found, .. } => {
                let report = report.remedy("DPS wants both to be the same; case does not matter");
                match found {
                    Some(name) => report.remedy(format!(
                        "give --reg-id {name} (or leave out --reg-id, and unset IOTHUB_DEVICE_DPS_DEVICE_ID), or another --cert"
                    )),
                    None => report.remedy("give a certificate whose subject has the registration ID as CN"),
                }
            }
            IdentityFault::NoCommonName | IdentityFault::NoRegistrationId { .. } => {
                report.remedy("give a certificate whose subject has the registration ID as CN")
            }
            IdentityFault::Expired { .. } => {
                report.remedy("renew the certificate, or check the clock: `date -u`")
            }
            IdentityFault::NotYetValid { .. } => {
                report.remedy("check the clock: `date -u`, or wait")
            }
        }
    }
}

fn key_remedy(report: Report, fault: &PrivateKeyFault, path: &str) -> Report {
    match fault {
        PrivateKeyFault::NoPassphrase => report
            .remedy(format!("give --cert-key-passphrase @FILE, or set {PASSPHRASE_VARIABLE}"))
            .remedy(decrypt_with_openssl(path)),
        PrivateKeyFault::WrongPassphrase => {
            report.remedy(format!("find out which one does: openssl pkey -in {path} -noout"))
        }
        PrivateKeyFault::LegacyEncryption | PrivateKeyFault::UnsupportedEncryption { .. } => report
            .remedy(format!(
                "encrypt it anew: openssl pkcs8 -topk8 -v2 aes256 -in {path} -out new-key.pem"
            ))
            .remedy(decrypt_with_openssl(path)),
        PrivateKeyFault::Form { .. } | PrivateKeyFault::Unusable => report
            .remedy(format!("convert it: openssl pkcs8 -topk8 -nocrypt -in {path} -out key.pem")),
    }
}

fn decrypt_with_openssl(path: &str) -> String {
    format!("or decrypt it: openssl pkcs8 -topk8 -nocrypt -in {path} -out plain-key.pem")
}

fn is_private_key(label: &str) -> bool {
    label.ends_with("PRIVATE KEY")
}

fn is_certificate(label: &str) -> bool {
    label == "CERTIFICATE"
}

/// Reads PEM, which may hold a key; wiped when dropped.
pub(crate) fn read_pem(flag: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Report> {
    text::read_pem(path, MAX_FILE).map_err(|error| {
        Report::usage(format!("{flag}: cannot read {}: {}", path.display(), plain(&error)))
            .remedy("check the path, and whether the file may be read")
    })
}
