//! A root, an intermediate, and what they sign.

use super::authority::{TestAuthority, TestCertificate, Validity};
use super::error::PkiError;
use super::flaw::Flaw;
use crate::sources::Sources;
use crate::wire::RegistrationId;

/// A root and an intermediate that signs the certificates of devices.
#[derive(Debug)]
pub struct TestPki {
    root: TestAuthority,
    intermediate: TestAuthority,
}

impl TestPki {
    /// A new one, unlike any other.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random numbers.
    pub fn new() -> Result<Self, PkiError> {
        Self::made_by(&Sources::default())
    }

    /// The same, valid around the time of these sources. Where their chance is seeded, keys and
    /// certificates are the same each time.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn made_by(sources: &Sources) -> Result<Self, PkiError> {
        // The number tells infrastructures apart that were made at different times.
        let number = sources.chance.salt("pki");
        let root =
            TestAuthority::root_by(&format!("provision-sim test root {number:08x}"), sources)?;
        let intermediate =
            root.intermediate(&format!("provision-sim test intermediate {number:08x}"))?;
        Ok(Self { root, intermediate })
    }

    /// The root: what an enrollment group would enroll for all devices.
    pub fn root(&self) -> &TestAuthority {
        &self.root
    }

    /// The authority that signs devices' certificates.
    pub fn intermediate(&self) -> &TestAuthority {
        &self.intermediate
    }

    /// A good certificate for a device; its chain has the intermediate.
    ///
    /// # Errors
    ///
    /// If the ID is longer than a common name may be.
    pub fn device(&self, registration_id: &RegistrationId) -> Result<TestCertificate, PkiError> {
        self.intermediate.device(registration_id.as_str(), Validity::TenYears)
    }

    /// A certificate with which this device is refused.
    ///
    /// # Errors
    ///
    /// As [`device`](Self::device).
    pub fn bad_device(
        &self,
        registration_id: &RegistrationId,
        flaw: Flaw,
    ) -> Result<TestCertificate, PkiError> {
        self.intermediate.flawed(registration_id.as_str(), flaw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attestation::Certificate;

    #[test]
    fn d_5_a_devices_chain_leads_from_its_own_certificate_to_below_the_root() {
        let pki = TestPki::new().unwrap();

        let device = pki.device(&"pump-0042".parse().unwrap()).unwrap();

        let chain: Vec<_> =
            device.chain().iter().map(|der| Certificate::from_der(der.clone()).unwrap()).collect();
        let [leaf, intermediate] = &chain[..] else { panic!("{chain:?}") };
        let root = Certificate::from_text(pki.root().pem()).unwrap();
        assert_eq!(leaf.common_name(), Some("pump-0042"));
        assert!(leaf.is_signed_by(intermediate) && intermediate.is_signed_by(&root));
        assert!(root.is_self_signed() && root.authority().is_some());
        assert!(leaf.authority().is_none() && intermediate.authority().is_some());
        assert_eq!(device.chain_pem().matches("BEGIN CERTIFICATE").count(), 2);
        assert!(device.chain_pem().starts_with(device.pem()));
    }

    #[test]
    fn d_1_a_name_that_fits_no_certificate_is_refused() {
        let pki = TestPki::new().unwrap();
        let id = |length| "x".repeat(length).parse().unwrap();

        assert!(pki.device(&id(64)).is_ok());
        assert!(matches!(pki.device(&id(65)), Err(PkiError::NameTooLong { .. })));
    }

    #[test]
    fn keys_do_not_show_themselves_in_debug() {
        let pki = TestPki::new().unwrap();
        let device = pki.device(&"pump-0042".parse().unwrap()).unwrap();

        for shown in [format!("{pki:?}"), format!("{device:?}")] {
            assert!(shown.contains("key redacted") && !shown.contains("PRIVATE"), "{shown}");
        }
    }
}
