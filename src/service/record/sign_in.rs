//! Whether somebody who signs in to a hub is the device that it says (I).

use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::authentication::{Authentication, IssuerName};
use super::identity::HubDevice;
use crate::attestation::{Certificate, CertificateInfo, Malformed, SasToken};
use crate::wire::{DeviceId, HubName};

impl HubDevice {
    /// Whether whoever brings `proof` is this device. `issuer` is the certificate of the authority that
    /// issues the device's certificates, if they are issued and the authority is still there.
    ///
    /// # Errors
    ///
    /// Which check failed, for our own log: the device is told nothing but CONNACK 5.
    pub fn admit(
        &self,
        proof: &HubProof,
        issuer: Option<&Certificate>,
        now: SystemTime,
    ) -> Result<Admission, HubFault> {
        if !self.is_enabled {
            return Err(HubFault::Disabled);
        }
        match (&self.authentication, proof) {
            (Authentication::Keys { primary, secondary }, HubProof::Sas(token)) => {
                let claims = token.claims()?;
                check_resource(&claims.resource(), &self.hub, &self.device_id)?;
                if ![primary, secondary].into_iter().any(|key| claims.is_signed_with(key)) {
                    return Err(HubFault::Signature);
                }
                match claims.expired_since(now) {
                    Some(since) => Err(HubFault::Expired(since)),
                    None => Ok(Admission { until: Some(claims.expires()) }),
                }
            }
            (Authentication::Thumbprints { primary, secondary }, HubProof::Certificate(leaf)) => {
                let info = leaf.info();
                let is_it = |thumbprint: &&String| {
                    thumbprint.eq_ignore_ascii_case(&info.sha256_thumbprint)
                        || thumbprint.eq_ignore_ascii_case(&info.sha1_thumbprint)
                };
                if !std::iter::once(primary).chain(secondary).any(|it| is_it(&it)) {
                    let presented = info.sha256_thumbprint.clone();
                    return Err(HubFault::Thumbprint { presented, enrolled: primary.clone() });
                }
                check_validity(info, now)?;
                // A session outlives its certificate (J-181).
                Ok(Admission { until: None })
            }
            (
                Authentication::CertificateAuthority { issuer: name, common_name },
                HubProof::Certificate(leaf),
            ) => {
                let issuer = issuer.ok_or_else(|| HubFault::AuthorityGone(name.clone()))?;
                check_issued(leaf, common_name, issuer, name)?;
                check_validity(leaf.info(), now)?;
                // As above.
                Ok(Admission { until: None })
            }
            (Authentication::CertificateAuthority { .. }, HubProof::Sas(_)) => {
                Err(HubFault::OnboardingKey)
            }
            (Authentication::CertificateAuthority { .. }, HubProof::Absent) => {
                Err(HubFault::NoIssuedCertificate)
            }
            (Authentication::Keys { .. }, _) => Err(HubFault::NoToken),
            (Authentication::Thumbprints { .. }, _) => Err(HubFault::NoCertificate),
        }
    }
}

/// What somebody brings who signs in.
#[derive(Debug)]
#[non_exhaustive]
pub enum HubProof {
    /// A SAS token, or whatever stood in its place.
    Sas(SasToken),
    /// The certificate of the TLS handshake.
    Certificate(Box<Certificate>),
    /// Nothing.
    Absent,
}

/// A device that may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// When its token ends.
    pub until: Option<SystemTime>,
}

/// Why somebody may not sign in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubFault {
    /// No such hub is linked.
    #[error("the hub \"{0}\" is not linked to this service")]
    UnknownHub(HubName),
    /// The hub has no such device.
    #[error("the hub has no device \"{0}\"; it must be provisioned first, or was moved or deleted")]
    UnknownDevice(DeviceId),
    /// It is disabled.
    #[error("the device is disabled on the hub")]
    Disabled,
    /// A token is wanted.
    #[error("it brings no SAS token; send one as the password")]
    NoToken,
    /// A certificate is wanted.
    #[error("it brings no certificate in the TLS handshake")]
    NoCertificate,
    /// The token cannot be read.
    #[error("its SAS token is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// The token is for something else.
    #[error("its SAS token is for {found:?}, expected {expected:?}")]
    Resource {
        /// What it is for.
        found: String,
        /// What it should be for.
        expected: String,
    },
    /// Another key made the signature.
    #[error("its SAS token is not signed with a key of this device")]
    Signature,
    /// The token has expired.
    #[error("its SAS token expired {} ago", crate::text::spoken(*.0))]
    Expired(Duration),
    /// The certificate has expired.
    #[error("its certificate expired {} ago", crate::text::spoken(*.0))]
    CertificateExpired(Duration),
    /// The certificate is not valid yet.
    #[error("its certificate becomes valid in {}", crate::text::spoken(*.0))]
    CertificateNotYetValid(Duration),
    /// Another certificate.
    #[error("its certificate has the thumbprint {presented}, the identity has {enrolled}")]
    Thumbprint {
        /// That of the certificate.
        presented: String,
        /// That of the identity.
        enrolled: String,
    },
    /// The certificate that was issued to the device is wanted (I).
    #[error(
        "it brings no certificate; this device signs in with the one that its registration issued to it"
    )]
    NoIssuedCertificate,
    /// It proves itself as it did to the service that provisioned it.
    #[error(
        "it brings a SAS token, signed with its onboarding key, which is good for DPS alone since a \
         certificate was issued to it; sign in with that certificate and send no password"
    )]
    OnboardingKey,
    /// The authority is not in the configuration any more, which is how its certificates are revoked.
    #[error(
        "its certificates come from the authority {0}, which is not configured any more: revoked"
    )]
    AuthorityGone(IssuerName),
    /// Somebody else made the certificate.
    #[error(
        "its certificate {subject:?} was issued by {found:?}, not by the authority {expected}; the \
         onboarding certificate is good for DPS alone"
    )]
    Foreign {
        /// Whose it is.
        subject: String,
        /// What it names as its issuer.
        found: String,
        /// Whose it should be.
        expected: IssuerName,
    },
    /// The certificate was issued to another device.
    #[error("its certificate was issued to {found:?}, this device's is for CN={expected}")]
    IssuedToOther {
        /// To whom.
        found: String,
        /// To whom this device's is.
        expected: String,
    },
}

/// Whether the authority issued the certificate, and to this device. Only the authority's key counts:
/// devices send their own certificate, or the chain with it.
fn check_issued(
    leaf: &Certificate,
    common_name: &str,
    issuer: &Certificate,
    name: &IssuerName,
) -> Result<(), HubFault> {
    if !(issuer.is_named_by(leaf) && leaf.is_signed_by(issuer)) {
        return Err(HubFault::Foreign {
            subject: leaf.info().subject_name.clone(),
            found: leaf.info().issuer_name.clone(),
            expected: name.clone(),
        });
    }
    if !leaf.common_name().is_some_and(|found| found.eq_ignore_ascii_case(common_name)) {
        return Err(HubFault::IssuedToOther {
            found: leaf.info().subject_name.clone(),
            expected: common_name.to_owned(),
        });
    }
    Ok(())
}

/// Beside the thumbprint the time is all that counts: who signed it, and for what, does not (I).
fn check_validity(info: &CertificateInfo, now: SystemTime) -> Result<(), HubFault> {
    if let Ok(ahead) = info.not_before.duration_since(now)
        && !ahead.is_zero()
    {
        return Err(HubFault::CertificateNotYetValid(ahead));
    }
    match now.duration_since(info.not_after) {
        Ok(ago) if !ago.is_zero() => Err(HubFault::CertificateExpired(ago)),
        _ => Ok(()),
    }
}

/// `sr` is `{hub}/devices/{deviceId}`, or what contains it.
fn check_resource(found: &str, hub: &HubName, device_id: &DeviceId) -> Result<(), HubFault> {
    let mut parts = found.splitn(3, '/');
    let is_hub = parts.next().is_some_and(|part| hub.is(part));
    let is_devices = parts.next().is_some_and(|part| part.eq_ignore_ascii_case("devices"));
    if is_hub && is_devices && parts.next() == Some(device_id.as_str()) {
        return Ok(());
    }
    let expected = format!("{hub}/devices/{device_id}");
    Err(HubFault::Resource { found: found.to_owned(), expected })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::attestation::DeviceKey;
    use crate::pki::{TestAuthority, TestCertificate, Validity};
    use crate::service::record::NewIdentity;
    use crate::service::twin::InitialTwin;

    const HUB: &str = "hub-west.azure-devices.net";
    const KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";

    fn key() -> DeviceKey {
        KEY.parse().unwrap()
    }

    fn device(authentication: Authentication) -> HubDevice {
        let identity = NewIdentity {
            device_id: "pump-0042".parse().unwrap(),
            authentication,
            is_edge: false,
            salt: 7,
        };
        HubDevice::new(&HUB.parse().unwrap(), identity, &InitialTwin::default(), UNIX_EPOCH)
    }

    fn with_keys() -> HubDevice {
        device(Authentication::Keys { primary: DeviceKey::generate(), secondary: key() })
    }

    fn token(resource: &str, key: &DeviceKey) -> HubProof {
        HubProof::Sas(SasToken::sign(resource, key, UNIX_EPOCH + Duration::from_secs(100)))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn i_either_key_of_the_identity_signs_in() {
        let proof = token("HUB-west.azure-devices.net/devices/pump-0042", &key());

        assert_eq!(with_keys().admit(&proof, None, at(99)), Ok(Admission { until: Some(at(100)) }));
        assert_eq!(
            with_keys().admit(&proof, None, at(107)),
            Err(HubFault::Expired(Duration::from_secs(7)))
        );
    }

    #[test]
    fn i_other_keys_devices_and_hubs_do_not_and_neither_does_a_disabled_device() {
        let refused = |resource: &str, key: &DeviceKey| {
            with_keys().admit(&token(resource, key), None, at(1)).unwrap_err()
        };
        let own = "hub-west.azure-devices.net/devices/pump-0042";

        assert_eq!(refused(own, &DeviceKey::generate()), HubFault::Signature);
        for other in [
            "hub-east.azure-devices.net/devices/pump-0042",
            "hub-west.azure-devices.net/devices/PUMP-0042",
            "hub-west.azure-devices.net/devices/pump-0042/modules/m",
            "0ne1/registrations/pump-0042",
            "",
        ] {
            assert!(matches!(refused(other, &key()), HubFault::Resource { .. }), "{other}");
        }
        let disabled = HubDevice { is_enabled: false, ..with_keys() };
        assert_eq!(disabled.admit(&token(own, &key()), None, at(1)), Err(HubFault::Disabled));
        assert_eq!(with_keys().admit(&HubProof::Absent, None, at(1)), Err(HubFault::NoToken));
    }

    fn proof(certificate: &Certificate) -> HubProof {
        HubProof::Certificate(Box::new(certificate.clone()))
    }

    #[test]
    fn i_a_certificate_signs_in_by_its_thumbprint() {
        let mint = || {
            let der = TestCertificate::self_signed("pump-0042").unwrap().chain()[0].clone();
            Certificate::from_der(der).unwrap()
        };
        let (own, other) = (mint(), mint());
        let now = own.info().not_before + Duration::from_secs(1);
        let thumbprints = [&own.info().sha256_thumbprint, &own.info().sha1_thumbprint];
        let thumbprints = thumbprints.map(|it| [it.clone(), it.to_lowercase()]).concat();
        for thumbprint in thumbprints {
            for (primary, secondary) in
                [(thumbprint.clone(), None), ("AB".to_owned(), Some(thumbprint))]
            {
                let device = device(Authentication::Thumbprints { primary, secondary });

                assert_eq!(device.admit(&proof(&own), None, now), Ok(Admission { until: None }));
                let refused = device.admit(&proof(&other), None, now);
                assert!(matches!(refused, Err(HubFault::Thumbprint { .. })), "{refused:?}");
                assert_eq!(
                    device.admit(&HubProof::Absent, None, now),
                    Err(HubFault::NoCertificate)
                );
            }
        }
    }

    /// J-181: nothing ends the session of one that signed in.
    #[test]
    fn i_a_certificate_must_be_in_date_at_sign_in() {
        let der = TestCertificate::self_signed("pump-0042").unwrap().chain()[0].clone();
        let own = Certificate::from_der(der).unwrap();
        let (from, until) = (own.info().not_before, own.info().not_after);
        let primary = own.info().sha256_thumbprint.clone();
        let device = device(Authentication::Thumbprints { primary, secondary: None });
        let second = Duration::from_secs(1);

        let admit = |now| device.admit(&proof(&own), None, now);
        let admitted = Ok(Admission { until: None });

        assert_eq!(admit(from - second), Err(HubFault::CertificateNotYetValid(second)));
        assert_eq!((admit(from), admit(until)), (admitted.clone(), admitted));
        assert_eq!(admit(until + second), Err(HubFault::CertificateExpired(second)));
    }

    fn issuer_name() -> IssuerName {
        let [namespace, authority, policy] = ["fleet", "line-1", "short"].map(str::to_owned);
        IssuerName { namespace, authority, policy }
    }

    fn authority() -> TestAuthority {
        TestAuthority::root("root").unwrap().intermediate("line-1").unwrap()
    }

    fn made_by(authority: &TestAuthority, name: &str) -> Certificate {
        read(&authority.device(name, Validity::TenYears).unwrap().chain()[0])
    }

    fn read(der: &rustls::pki_types::CertificateDer<'static>) -> Certificate {
        Certificate::from_der(der.clone()).unwrap()
    }

    #[test]
    fn j_461_an_issued_certificate_signs_in_and_a_foreign_one_an_other_devices_and_a_key_do_not() {
        let (authority, elsewhere) = (authority(), authority());
        let issuer = Certificate::from_text(authority.pem()).unwrap();
        let device = device(Authentication::CertificateAuthority {
            issuer: issuer_name(),
            common_name: "Pump-A".to_owned(),
        });
        let own = made_by(&authority, "pump-a");
        let now = own.info().not_before + Duration::from_secs(1);
        let admit = |proof: &HubProof| device.admit(proof, Some(&issuer), now);

        assert_eq!(admit(&proof(&own)), Ok(Admission { until: None }));
        let foreign = made_by(&elsewhere, "pump-a");
        assert!(matches!(admit(&proof(&foreign)), Err(HubFault::Foreign { .. })));
        let onboarding = TestCertificate::self_signed("pump-a").unwrap();
        let onboarding = proof(&read(&onboarding.chain()[0]));
        assert!(matches!(admit(&onboarding), Err(HubFault::Foreign { .. })));
        let other = made_by(&authority, "pump-b");
        assert!(matches!(admit(&proof(&other)), Err(HubFault::IssuedToOther { .. })));
        let key = token("hub-west.azure-devices.net/devices/pump-0042", &key());
        assert_eq!(admit(&key), Err(HubFault::OnboardingKey));
        assert_eq!(admit(&HubProof::Absent), Err(HubFault::NoIssuedCertificate));
    }

    #[test]
    fn j_461_an_expired_one_does_not_and_none_does_once_its_authority_is_gone() {
        let authority = authority();
        let issuer = Certificate::from_text(authority.pem()).unwrap();
        let device = device(Authentication::CertificateAuthority {
            issuer: issuer_name(),
            common_name: "pump-a".to_owned(),
        });
        let own = made_by(&authority, "pump-a");
        let second = Duration::from_secs(1);
        let (from, until) = (own.info().not_before, own.info().not_after);
        let admit = |issuer, now| device.admit(&proof(&own), issuer, now);

        let early = Err(HubFault::CertificateNotYetValid(second));
        assert_eq!(admit(Some(&issuer), from - second), early);
        assert_eq!(admit(Some(&issuer), until), Ok(Admission { until: None }));
        let late = Err(HubFault::CertificateExpired(second));
        assert_eq!(admit(Some(&issuer), until + second), late);
        assert_eq!(admit(None, until), Err(HubFault::AuthorityGone(issuer_name())));
    }

    #[test]
    fn keys_never_show() {
        assert!(!format!("{:?}", with_keys()).contains(KEY));
    }
}
