//! A device on the way from its entry to what is played: what is known of it without the service, and
//! then the rest.

use std::collections::HashSet;
use std::sync::Arc;

use super::entry::{DeviceEntry, Wrong, wrong};
use super::identity;
use crate::attestation::{KeySlot, SoftwareTpm};
use crate::device::Transport;
use crate::scenario::around::Around;
use crate::scenario::authorities::Authorities;
use crate::scenario::device::{CertificateProof, DeviceSpec, Proof};
use crate::scenario::enrolled::Enrolled;
use crate::scenario::expectation::Expectation;
use crate::text::MemberPath;
use crate::wire::{ApiVersion, RegistrationId};

/// A device on the way from its entry to what is played.
pub(super) struct Begun {
    pub(super) path: MemberPath,
    pub(super) entry: DeviceEntry,
    pub(super) name: String,
    /// Its registration ID, as the file and its enrollments have it.
    pub(super) written: String,
    pub(super) id: RegistrationId,
    pub(super) certificate: Option<CertificateProof>,
    /// Its TPM, if it has one.
    pub(super) tpm: Option<Arc<SoftwareTpm>>,
}

impl Begun {
    pub(super) fn new(
        path: &MemberPath,
        entry: DeviceEntry,
        authorities: &Authorities,
        around: &Around<'_>,
    ) -> Result<Self, Wrong> {
        let written = entry.registration_id.clone().ok_or_else(|| {
            (MemberPath::default(), "the member `registrationId` is missing".to_owned())
        })?;
        // A certificate has the ID in it, and a key may have been derived from it.
        let has_own = entry.device_key.is_some()
            || entry.x509.as_ref().is_some_and(|x509| x509.certificate.is_some());
        let prefix = if has_own { "" } else { around.prefix };
        let id: RegistrationId =
            format!("{prefix}{written}").parse().map_err(|e| wrong("registrationId", e))?;
        let certificate = identity::certificate(&entry, &id, authorities, around)?;
        // Two public areas of one pair do, and take half as long (J-378).
        let tpm = entry.tpm.then(|| Arc::new(SoftwareTpm::with_one_pair()));
        let name = entry.name.clone().unwrap_or_else(|| written.clone());
        Ok(Self { path: path.clone(), entry, name, written, id, certificate, tpm })
    }

    /// Gives it a name that is not among those of the others, unless steps have to call it by one.
    pub(super) fn tell_apart(
        &mut self,
        names: &mut HashSet<String>,
        has_steps: bool,
    ) -> Result<(), Wrong> {
        // A name is taken by whoever has it first.
        let mut takes = |name: &str| names.insert(name.to_ascii_lowercase());
        if takes(&self.name) {
            return Ok(());
        }
        if self.entry.name.is_some() {
            return Err(wrong("name", "another device has this name"));
        }
        if has_steps {
            let reason =
                "another device has it too; give one of them a name, by which steps can call it";
            return Err(wrong("registrationId", reason));
        }
        let mut names = (2..).map(|number: u64| format!("{} ({number})", self.written));
        self.name = names.find(|name| takes(name)).unwrap_or_default();
        Ok(())
    }

    /// The keys that the file has for it, as they are written.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        [&self.entry.group_key, &self.entry.device_key].into_iter().flatten().map(String::as_str)
    }

    pub(super) fn finish(
        self,
        enrolled: &Enrolled,
        authorities: &Authorities,
    ) -> Result<DeviceSpec, Wrong> {
        let Self { entry, name, written, id, certificate, tpm, .. } = self;
        let proof = match tpm {
            Some(tpm) => identity::of_tpm(&entry, tpm)?,
            None => identity::prove(&entry, (&written, &id), certificate, enrolled, authorities)?,
        };
        let is_tpm = matches!(proof, Proof::Tpm(_));
        let usual = Transport::usual(is_tpm);
        let slot = entry.key.map_or(KeySlot::Primary, KeySlot::from);
        if entry.key.is_some() && !proof.has_two_keys() {
            let reason =
                "it has one proof only; key chooses between the two of its group or enrollment";
            return Err(wrong("key", reason));
        }
        let api_version = entry.api_version.map(|text| text.parse()).transpose();
        let expect = entry.expect.unwrap_or_else(Expectation::assigned);
        expect.check(&MemberPath::of(&["expect"]))?;
        Ok(DeviceSpec {
            name,
            shown: entry.name.unwrap_or(written),
            registration_id: id,
            group: entry.group,
            proof,
            slot,
            csr: entry.csr,
            payload: entry.payload,
            transport: entry.transport.map_or(usual, Into::into),
            api_version: api_version.map_err(|error| wrong("apiVersion", error))?.unwrap_or(
                if entry.csr { ApiVersion::OF_CERTIFICATES } else { ApiVersion::DEFAULT },
            ),
            expect,
        })
    }
}
