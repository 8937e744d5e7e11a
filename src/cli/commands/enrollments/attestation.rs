//! How devices of a record prove who they are: flags in, the attestation of the REST API out (E.3).

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgAction, Args};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::member::object_at;
use super::words::{words, yes_or_no};
use crate::api_client::Kind;
use crate::attestation::{Certificate, DeviceKey, GroupKey};
use crate::cli::args::key::hexadecimal;
use crate::cli::input::{plain, read, wrong_value};
use crate::cli::report::Report;
use crate::cli::secret::Secret;
use crate::text::{MAX_FILE, decode_text, key_text, read_bytes};

const SYMMETRIC_KEY: &str = "symmetricKey";
const X509: &str = "x509";
const TPM: &str = "tpm";

/// The flags.
#[derive(Debug, Args)]
#[command(next_help_heading = "Attestation")]
pub(super) struct AttestationArgs {
    /// symmetricKey, x509 or tpm; of a group it follows from the other flags
    #[arg(long, alias = "at", value_name = "TYPE", ignore_case = true, value_parser = words(&[SYMMETRIC_KEY, X509, TPM]), hide_possible_values = true)]
    attestation_type: Option<String>,
    /// Symmetric key; one that is not given is made by the service
    #[arg(long, alias = "pk", value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    primary_key: Option<Secret>,
    /// Second symmetric key
    #[arg(long, alias = "sk", value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    secondary_key: Option<Secret>,
    /// Certificate of the device, or for a group of the CA that signs the devices'
    #[arg(long, alias = "cp", value_name = "FILE")]
    certificate_path: Option<PathBuf>,
    /// Second certificate
    #[arg(long, alias = "scp", value_name = "FILE")]
    secondary_certificate_path: Option<PathBuf>,
    /// Take the certificate, or the name of the CA, out of the record
    #[arg(long, alias = "rc", value_name = "BOOL", num_args = 0..=1, action = ArgAction::Set, default_value = "false", default_missing_value = "true", value_parser = yes_or_no(), hide_default_value = true)]
    remove_certificate: bool,
    /// Take the second one out of the record
    #[arg(long, alias = "rsc", value_name = "BOOL", num_args = 0..=1, action = ArgAction::Set, default_value = "false", default_missing_value = "true", value_parser = yes_or_no(), hide_default_value = true)]
    remove_secondary_certificate: bool,
}

/// What the flags say of attestation, read and checked.
pub(super) struct Given {
    attestation_type: Option<&'static str>,
    keys: [Option<Zeroizing<String>>; 2],
    certificates: [Option<String>; 2],
    ca_names: [Option<String>; 2],
    removed: [bool; 2],
    endorsement_key: Option<String>,
}

impl AttestationArgs {
    /// The arguments that may come from standard input.
    pub(super) fn keys(&self) -> [&Option<Secret>; 2] {
        [&self.primary_key, &self.secondary_key]
    }

    /// Reads what the flags name.
    pub(super) fn read(
        &self,
        kind: Kind,
        ca_names: (Option<&str>, Option<&str>),
        endorsement_key: Option<&str>,
    ) -> Result<Given, Report> {
        let removed = [self.remove_certificate, self.remove_secondary_certificate];
        let endorsement_key = endorsement_key.map(str::to_owned);
        let keys = [
            key(kind, "--primary-key", self.primary_key.as_ref())?,
            key(kind, "--secondary-key", self.secondary_key.as_ref())?,
        ];
        let certificates = [
            certificate("--certificate-path", self.certificate_path.as_deref())?,
            certificate(
                "--secondary-certificate-path",
                self.secondary_certificate_path.as_deref(),
            )?,
        ];
        let ca_names = [ca_names.0, ca_names.1].map(|name| name.map(str::to_owned));
        let has_keys = keys.iter().any(Option::is_some);
        let has_x509 =
            certificates.iter().chain(&ca_names).any(Option::is_some) || removed.contains(&true);
        if endorsement_key.is_some() && (has_keys || has_x509) {
            return Err(Report::usage(
                "--endorsement-key goes with --attestation-type tpm, not with keys or certificates",
            ));
        }
        let attestation_type = match (self.attestation_type.as_deref(), has_keys, has_x509) {
            (Some(TPM), false, false) => Some(TPM),
            (None, false, false) if endorsement_key.is_some() => Some(TPM),
            (Some(TPM), ..) => {
                return Err(Report::usage(
                    "--attestation-type tpm goes with --endorsement-key, not with keys or certificates",
                ));
            }
            (_, true, true) => {
                return Err(Report::usage(
                    "keys and certificates are both given; a record has one kind of attestation",
                ));
            }
            (Some(SYMMETRIC_KEY), _, true) => {
                return Err(Report::usage(
                    "--attestation-type symmetricKey goes with keys, not with certificates",
                ));
            }
            (Some(X509), true, _) => {
                return Err(Report::usage(
                    "--attestation-type x509 goes with certificates, not with keys",
                ));
            }
            (Some(X509), ..) | (None, false, true) => Some(X509),
            (Some(_), ..) | (None, true, false) => Some(SYMMETRIC_KEY),
            (None, false, false) => None,
        };
        Ok(Given { attestation_type, keys, certificates, ca_names, removed, endorsement_key })
    }
}

impl Given {
    /// The attestation of a new record.
    pub(super) fn created(&self, kind: Kind) -> Result<Value, Report> {
        let by_default = match kind {
            Kind::Group => Some(SYMMETRIC_KEY),
            Kind::Individual => None,
        };
        let attestation_type = self.attestation_type.or(by_default).ok_or_else(|| {
            Report::usage("--attestation-type is missing: symmetricKey, x509 or tpm")
        })?;
        self.applied(kind, attestation_type, json!({}))
    }

    /// An attestation with what the flags change of it.
    pub(super) fn updated(&self, kind: Kind, mut current: Value) -> Result<Value, Report> {
        let Some(attestation_type) = self.attestation_type else { return Ok(current) };
        if current["type"] != attestation_type {
            current = json!({});
        }
        self.applied(kind, attestation_type, current)
    }

    fn applied(&self, kind: Kind, kind_of: &str, mut current: Value) -> Result<Value, Report> {
        current["type"] = kind_of.into();
        if kind_of == SYMMETRIC_KEY {
            for (member, key) in ["primaryKey", "secondaryKey"].into_iter().zip(&self.keys) {
                if let Some(key) = key {
                    object_at(&mut current, SYMMETRIC_KEY)[member] = key.as_str().into();
                }
            }
            return Ok(current);
        }
        if kind_of == TPM {
            if let Some(key) = &self.endorsement_key {
                object_at(&mut current, TPM)["endorsementKey"] = key.as_str().into();
            }
            if !current[TPM]["endorsementKey"].is_string() {
                return Err(Report::usage("no key for tpm: give --endorsement-key"));
            }
            return Ok(current);
        }
        let has_names = current[X509]["caReferences"].is_object();
        let is_named = self.ca_names.iter().any(Option::is_some);
        let is_given = self.certificates.iter().any(Option::is_some);
        // A removal alone is one from what is there.
        let uses_ca_names = is_named || (has_names && !is_given);
        let member = match kind {
            Kind::Individual => "clientCertificates",
            Kind::Group if uses_ca_names => "caReferences",
            Kind::Group => "signingCertificates",
        };
        // Of the three there is one: another one goes when this one comes.
        let slots = object_at(&mut current, X509)[member].take();
        let mut slots = if slots.is_object() { slots } else { json!({}) };
        for (index, slot) in ["primary", "secondary"].into_iter().enumerate() {
            if self.removed[index] {
                slots[slot] = Value::Null;
            }
            if let Some(name) = &self.ca_names[index] {
                slots[slot] = name.as_str().into();
            }
            if let Some(certificate) = &self.certificates[index] {
                slots[slot] = json!({ "certificate": certificate });
            }
        }
        if slots["primary"].is_null() && slots["secondary"].is_null() {
            return Err(Report::usage(format!(
                "no certificate for x509: give --certificate-path{}",
                if kind == Kind::Group { " or --root-ca-name" } else { "" }
            )));
        }
        current[X509] = json!({ member: slots });
        Ok(current)
    }
}

/// A key, checked: the service's answer to a bad one is less clear, and Azure's may come late.
fn key(
    kind: Kind,
    flag: &str,
    argument: Option<&Secret>,
) -> Result<Option<Zeroizing<String>>, Report> {
    let Some(argument) = argument else { return Ok(None) };
    let text = key_text(&read(flag, argument)?);
    let key = match kind {
        Kind::Group => text.parse().map(|key: GroupKey| (key.length(), key.to_base64())),
        Kind::Individual => text.parse().map(|key: DeviceKey| (key.length(), key.to_base64())),
    };
    let (length, key) = key.map_err(|error| {
        let report = Report::usage(format!("{flag}: {error}"));
        wrong_value(argument, report).remedy("give Base64 of 16 to 64 bytes")
    })?;
    if !(16..=64).contains(&length) {
        return Err(Report::usage(format!(
            "{flag}: the key has {length} bytes; DPS takes keys of 16 to 64"
        )));
    }
    if let Some(remark) = hexadecimal(&text) {
        tracing::warn!("{flag}: {remark}");
    }
    Ok(Some(key))
}

/// A certificate as the API takes it: PEM, or Base64 of DER.
pub(super) fn certificate(flag: &str, path: Option<&Path>) -> Result<Option<String>, Report> {
    let Some(path) = path else { return Ok(None) };
    let shown = path.display();
    let bytes = read_bytes(path, MAX_FILE).map_err(|error| {
        Report::usage(format!("{flag}: cannot read {shown}: {}", plain(&error)))
    })?;
    let text = match decode_text(&bytes) {
        Ok(text) => text.trim_end().to_owned(),
        Err(_) => STANDARD.encode(&*bytes),
    };
    if text.contains("PRIVATE KEY-----") {
        return Err(Report::usage(format!("{flag}: {shown} holds a private key"))
            .remedy("give the file of the certificate alone; the key stays with the device"));
    }
    Certificate::from_text(&text)
        .map_err(|error| Report::usage(format!("{flag}: {shown}: {error}")))?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: AttestationArgs,
    }

    fn given(flags: &[&str], secondary_ca: Option<&str>) -> Given {
        let line = Line::try_parse_from([&["x"], flags].concat()).unwrap_or_else(|e| panic!("{e}"));
        line.flags.read(Kind::Group, (None, secondary_ca), None).unwrap()
    }

    /// Two examples of az's help: a group may have the second slot alone.
    #[test]
    fn a_group_may_name_its_second_authority_alone() {
        let created = given(&[], Some("my-ca")).created(Kind::Group).unwrap();
        assert_eq!(
            created,
            json!({ "type": "x509", "x509": { "caReferences": { "secondary": "my-ca" } } })
        );

        let current = json!({ "type": "x509", "x509": { "caReferences": { "primary": "a", "secondary": "b" } } });
        let updated =
            given(&["--remove-certificate"], Some("my-ca")).updated(Kind::Group, current.clone());
        assert_eq!(
            updated.unwrap()["x509"],
            json!({ "caReferences": { "primary": null, "secondary": "my-ca" } })
        );
        let removed = given(&["--rsc"], None).updated(Kind::Group, current.clone()).unwrap();
        assert_eq!(
            removed["x509"],
            json!({ "caReferences": { "primary": "a", "secondary": null } })
        );
        assert!(given(&["--rc", "--rsc", "yes"], None).updated(Kind::Group, current).is_err());
    }
}
