//! What all devices of a fleet have in common, and how one of them is made of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use thiserror::Error;

use super::files::{FileFault, FileKind, Files};
use super::member::Member;
use super::request::{KeyRequest, Requests};
use super::template::{PayloadTemplate, PayloadTemplateError};
use crate::attestation::{Deriver, DeviceCertificate, IdentityFault};
use crate::device::{Credential, Ports, Settings, Transport};
use crate::net::{Endpoint, Route};
use crate::pki::{PkiError, TestAuthority, Validity};
use crate::tutorial;
use crate::wire::{ApiVersion, IdScope, RegistrationId};

/// How devices prove who they are that bring no key of their own.
#[derive(Debug)]
#[non_exhaustive]
pub enum Identity {
    /// By a key derived from their group's.
    Group(Deriver),
    /// By a key derived from that of the group of the tutorial's world that lets them in.
    Tutorial {
        /// The group of the tutorial.
        custom: Deriver,
        /// The one that takes all others.
        open: Deriver,
    },
    /// By what stands in files of their own.
    Files(Files),
    /// By a certificate that is made for each.
    Minted(Box<TestAuthority>),
    /// They all bring their own.
    Own,
}

/// What all devices have in common.
#[derive(Debug)]
pub struct Blueprint {
    /// The service.
    pub endpoint: Endpoint,
    /// The transports' own ports.
    pub ports: Ports,
    /// How to talk to it.
    pub transport: Transport,
    /// How to get to it.
    pub route: Route,
    /// Addresses of this machine to connect from, in turn; empty leaves it to the operating system.
    pub sources: Vec<IpAddr>,
    /// The instance.
    pub id_scope: IdScope,
    /// Which shape of replies they want.
    pub api_version: ApiVersion,
    /// Whom they trust; one for all.
    pub tls: Arc<ClientConfig>,
    /// Each device ends within this, all its tries together.
    pub timeout: Duration,
    /// How long each SAS token is valid.
    pub token_lifetime: Duration,
    /// Their proofs.
    pub identity: Identity,
    /// What they have to say to a custom allocation webhook.
    pub payload: Option<PayloadTemplate>,
    /// Whether they ask for certificates, by an [`api_version`](Self::api_version) that
    /// [has them](ApiVersion::issues_certificates) where theirs does not.
    pub requests: Option<Requests>,
}

/// Why a device cannot even be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MemberError {
    /// It has no key, and there is none to derive it from.
    #[error("{0} has neither deviceKey nor certificate, and there is no group key")]
    NoKey(
        /// The device.
        RegistrationId,
    ),
    /// The template makes no payload for it.
    #[error("the payload: {0}")]
    Payload(#[from] PayloadTemplateError),
    /// Its file cannot be used.
    #[error("{0}")]
    File(#[from] FileFault),
    /// No certificate can be made for it.
    #[error("its certificate: {0}")]
    Certificate(#[from] PkiError),
    /// The certificate that was made for it cannot be used.
    #[error("its certificate: {0}")]
    Identity(#[from] IdentityFault),
    /// No request for a certificate can be made for it.
    #[error("its request for a certificate: {0}")]
    Request(PkiError),
}

impl Blueprint {
    /// The settings of one device.
    ///
    /// # Errors
    ///
    /// If something of its own does not fit, see [`MemberError`].
    pub fn settings(&self, member: &Member) -> Result<Settings, MemberError> {
        let id = &member.registration_id;
        let payload = match (&member.payload, &self.payload) {
            (Some(own), _) => Some(own.clone()),
            (None, Some(template)) => Some(template.payload(id, member.number)?),
            (None, None) => None,
        };
        Ok(Settings {
            ports: self.ports,
            route: self.route_for(member.number),
            transport: self.transport,
            payload,
            api_version: self.api_version.clone(),
            timeout: self.timeout,
            token_lifetime: self.token_lifetime,
            ..Settings::new(
                self.endpoint.clone(),
                self.id_scope.clone(),
                id.clone(),
                self.credential(member)?,
                self.tls.clone(),
            )
        })
    }

    /// A new key of the device's, and its request for a certificate; nothing if devices ask for none.
    pub(super) fn request(&self, member: &Member) -> Result<Option<KeyRequest>, MemberError> {
        let wanted = self.requests.as_ref();
        wanted
            .map(|_| KeyRequest::make(&member.registration_id).map_err(MemberError::Request))
            .transpose()
    }

    /// The device with its TPM, if it is one in a file: reading that takes some of a processor's time. What is
    /// wrong with the file is told when the device begins.
    pub(super) fn with_tpm(&self, member: Member) -> Member {
        let (id, number) = (&member.registration_id, member.number);
        let credential = match (&member.credential, &self.identity) {
            (None, Identity::Files(files)) if matches!(files.kind, FileKind::Tpm(_)) => {
                files.credential(id, number).ok()
            }
            (own, _) => own.clone(),
        };
        Member { credential, ..member }
    }

    fn credential(&self, member: &Member) -> Result<Credential, MemberError> {
        let id = &member.registration_id;
        if let Some(own) = &member.credential {
            return Ok(own.clone());
        }
        Ok(match &self.identity {
            Identity::Group(deriver) => Credential::SymmetricKey(deriver.derive(id)),
            Identity::Tutorial { custom, open } => {
                let is_custom = tutorial::group_of(id.as_str()).0 == tutorial::GROUP;
                let group = if is_custom { custom } else { open };
                Credential::SymmetricKey(group.derive(id))
            }
            Identity::Files(files) => files.credential(id, member.number)?,
            Identity::Minted(authority) => {
                let made = authority.device(id.as_str(), Validity::TenYears)?;
                let (chain, key) = (made.chain_pem(), made.key_pem());
                Credential::X509(DeviceCertificate::read(
                    chain.as_bytes(),
                    Some(key.as_bytes()),
                    None,
                )?)
            }
            Identity::Own => return Err(MemberError::NoKey(id.clone())),
        })
    }

    fn route_for(&self, number: u64) -> Route {
        let route = self.route.clone();
        let place = number.checked_rem(self.sources.len() as u64);
        let source = place.and_then(|place| self.sources.get(usize::try_from(place).ok()?));
        match source {
            Some(source) => route.from_source(*source),
            None => route,
        }
    }
}

/// A blueprint that leads nowhere.
#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::net::{Trust, client_config};
    use crate::pki::TestCertificate;

    pub(in super::super) fn blueprint(identity: Identity) -> Blueprint {
        let trusted = TestCertificate::self_signed("unused").unwrap();
        Blueprint {
            endpoint: "localhost".parse().unwrap(),
            ports: Ports::default(),
            transport: Transport::Mqtt,
            route: Route::default(),
            sources: Vec::new(),
            id_scope: "0ne00002193".parse().unwrap(),
            api_version: ApiVersion::DEFAULT,
            tls: client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
            timeout: Duration::from_secs(1),
            token_lifetime: Duration::from_secs(1),
            identity,
            payload: Some(PayloadTemplate::new("{\"n\":{n}}")),
            requests: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::blueprint;
    use super::*;
    use crate::attestation::GroupKey;
    use crate::pki::TestPki;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

    fn member(number: u64) -> Member {
        Member {
            number,
            registration_id: format!("pump-{number}").parse().unwrap(),
            credential: None,
            payload: None,
            expected_hub: None,
            expected_error_code: None,
        }
    }

    #[test]
    fn what_a_device_brings_goes_before_what_all_have() {
        let group: GroupKey = KEY.parse().unwrap();
        let all = blueprint(Identity::Group(group.deriver()));
        let own = Member {
            credential: Some(Credential::SymmetricKey(KEY.parse().unwrap())),
            payload: Some("[1]".parse().unwrap()),
            ..member(3)
        };

        let key = |settings: &Settings| match &settings.credential {
            Credential::SymmetricKey(key) => key.to_base64(),
            other => panic!("{other:?}"),
        };
        let common = all.settings(&member(3)).unwrap();
        assert_eq!(*key(&common), *group.derive(&"pump-3".parse().unwrap()).to_base64());
        assert_eq!(common.payload.unwrap().as_json(), "{\"n\":3}");
        let brought = all.settings(&own).unwrap();
        assert_eq!(*key(&brought), KEY);
        assert_eq!(brought.payload.unwrap().as_json(), "[1]");
        assert!(matches!(
            blueprint(Identity::Own).settings(&member(1)),
            Err(MemberError::NoKey(_))
        ));
    }

    #[test]
    fn d_5_a_certificate_is_made_for_each_device_by_an_authority_of_files() {
        let pki = TestPki::new().unwrap();
        let authority = pki.intermediate();
        let read = TestAuthority::from_pem(authority.pem(), authority.key_pem()).unwrap();

        let settings = blueprint(Identity::Minted(Box::new(read))).settings(&member(7)).unwrap();

        let Credential::X509(certificate) = settings.credential else { panic!("no certificate") };
        assert_eq!(certificate.registration_id().unwrap().as_str(), "pump-7");
        assert_eq!(certificate.chain().len(), 2, "its own, and the intermediate");
        assert!(certificate.leaf().is_signed_by(&certificate.chain()[1]));
        assert_eq!(certificate.warnings(std::time::SystemTime::now()), []);
    }

    #[test]
    fn an_authority_that_is_none_says_why() {
        let pki = TestPki::new().unwrap();
        let (root, device) = (pki.root(), pki.device(&"pump-1".parse().unwrap()).unwrap());
        let refused = |certificates: &str, key: &str| {
            TestAuthority::from_pem(certificates, key).unwrap_err().to_string()
        };

        let leaf = refused(device.pem(), &device.key_pem());
        assert!(leaf.contains("pump-1 is the certificate of no authority"), "{leaf}");
        assert!(refused(root.pem(), &device.key_pem()).contains("key"));
        assert!(refused("nothing", "nothing").contains("it is not PEM"));
    }

    #[test]
    fn source_addresses_are_taken_in_turn() {
        let mut all = blueprint(Identity::Own);
        assert_eq!(all.route_for(5).source, None);
        all.sources = vec!["127.0.0.2".parse().unwrap(), "127.0.0.3".parse().unwrap()];

        let sources: Vec<_> =
            (0..3).map(|number| all.route_for(number).source.unwrap().to_string()).collect();

        assert_eq!(sources, ["127.0.0.2", "127.0.0.3", "127.0.0.2"]);
    }
}
