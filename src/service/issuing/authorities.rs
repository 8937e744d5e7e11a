//! All authorities that issue certificates to devices, and what they issue.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::error::IssuingError;
use super::kept::Kept;
use crate::attestation::Certificate;
use crate::pki::{CertificateRequest, IssuingAuthority};
use crate::service::enrollment::IssuerNames;
use crate::service::instance::{CertificateIssuer, Instance, NoIssuer};
use crate::service::record::{IssuedChain, IssuerName};
use crate::sources::Sources;

/// The authorities of the configuration.
#[derive(Debug)]
pub struct Authorities {
    all: Vec<Kept>,
    instance: Instance,
    sources: Sources,
}

/// What is otherwise with a certificate than its policy says, on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Otherwise {
    /// How long it is valid.
    pub validity: Option<Duration>,
    /// How many certificates the chain has.
    pub chain_length: Option<u8>,
}

/// What was issued.
#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// The certificates.
    pub chain: IssuedChain,
    /// The first of them.
    pub leaf: Certificate,
    /// Who issued it.
    pub issuer: IssuerName,
}

impl Authorities {
    /// Those of `instance`; `given` are in the same order, and nothing where one has to be made. What is
    /// made is kept in `folder`, if there is one.
    ///
    /// # Errors
    ///
    /// If one that was kept cannot be used any more.
    pub fn open(
        instance: &Instance,
        given: Vec<Option<IssuingAuthority>>,
        folder: Option<&Path>,
        sources: Sources,
    ) -> Result<Self, IssuingError> {
        let given = given.into_iter().chain(std::iter::repeat_with(|| None));
        let all = instance.issuers.iter().cloned().zip(given);
        let all = all.map(|(issuer, given)| Kept::open(issuer, given, folder));
        Ok(Self { all: all.collect::<Result<_, _>>()?, instance: instance.clone(), sources })
    }

    /// The authority of these names, if it is configured; case does not matter.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn find(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<IssuingAuthority>>, IssuingError> {
        let found = self.all.iter().find(|kept| kept.issuer.is(namespace, name));
        found.map(|kept| kept.authority(&self.sources)).transpose()
    }

    /// All of them, in the order of the configuration.
    ///
    /// # Errors
    ///
    /// If one cannot be made.
    pub fn list(&self) -> Result<Vec<(&CertificateIssuer, Arc<IssuingAuthority>)>, IssuingError> {
        self.all.iter().map(|kept| Ok((&kept.issuer, kept.authority(&self.sources)?))).collect()
    }

    /// Grants a request by the policy to which the names of an enrollment lead.
    ///
    /// # Errors
    ///
    /// If they lead to nobody, or nothing can be issued.
    pub fn issue_for(
        &self,
        names: &IssuerNames,
        request: &CertificateRequest,
    ) -> Result<Issued, IssuingError> {
        self.issue_otherwise(names, request, Otherwise::default())
    }

    /// The same, with something of it otherwise.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn issue_otherwise(
        &self,
        names: &IssuerNames,
        request: &CertificateRequest,
        otherwise: Otherwise,
    ) -> Result<Issued, IssuingError> {
        let (issuer, policy) = self.instance.issuer(names)?;
        let CertificateIssuer { namespace, name, .. } = issuer;
        let authority = self.find(namespace, name)?;
        let authority = authority.ok_or_else(|| NoIssuer::Authority(name.clone()))?;
        let validity = otherwise.validity.unwrap_or(policy.validity);
        let mut chain = authority.issue(request, validity, &self.sources)?;
        if let Some(length) = otherwise.chain_length {
            chain = authority.lengthened(chain, usize::from(length), &self.sources)?;
        }
        let leaf = chain.first().cloned().unwrap_or_else(|| Vec::new().into());
        let leaf = Certificate::from_der(leaf)
            .map_err(|error| crate::pki::PkiError::Minting(error.to_string()))?;
        Ok(Issued {
            chain: chain.into(),
            leaf,
            issuer: IssuerName {
                namespace: namespace.clone(),
                authority: name.clone(),
                policy: policy.name.clone(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::new_request;
    use crate::service::config::Config;

    fn instance(authorities: &str) -> Instance {
        let text = format!("idScope = \"0ne00002193\"\n{authorities}");
        Config::from_toml(&text, &[]).unwrap().instance().unwrap()
    }

    fn request() -> CertificateRequest {
        CertificateRequest::from_der(new_request("pump-0042").unwrap().der()).unwrap()
    }

    fn by_policy(policy: &str) -> IssuerNames {
        IssuerNames { policy: Some(policy.to_owned()), ..IssuerNames::default() }
    }

    fn open(folder: Option<&Path>) -> Result<Authorities, IssuingError> {
        Authorities::open(&instance(""), Vec::new(), folder, Sources::default())
    }

    #[test]
    fn j_437_a_request_is_granted_by_the_policy_that_is_meant_whatever_the_case() {
        let authorities = open(None).unwrap();

        let issued = authorities.issue_for(&by_policy("DEFAULT"), &request()).unwrap();
        let again = authorities.issue_for(&by_policy("default"), &request()).unwrap();

        assert_eq!(issued.issuer.to_string(), "provision-sim/provision-sim");
        assert_eq!(issued.issuer.policy, "default");
        assert_eq!(issued.leaf.common_name(), Some("pump-0042"));
        assert_eq!(issued.chain.certificates()[1..], again.chain.certificates()[1..]);
        let info = issued.leaf.info();
        let validity = info.not_after.duration_since(info.not_before).unwrap();
        assert_eq!(validity, Duration::from_secs(30 * 24 * 3600 + 300));
        let none = authorities.issue_for(&by_policy("other"), &request()).unwrap_err();
        assert!(matches!(none, IssuingError::NoIssuer(NoIssuer::Policy(_))), "{none}");
    }

    #[test]
    fn j_438_what_was_made_is_found_again_in_the_folder_of_the_state_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("issuer.provision-sim+provision-sim.pem");
        let root = |authorities: &Authorities| {
            let issued = authorities.issue_for(&by_policy("default"), &request()).unwrap();
            issued.chain.certificates()[2].clone()
        };

        let first = open(Some(folder.path())).unwrap();
        assert!(!path.exists(), "nobody has asked for a certificate yet");
        let made = root(&first);

        assert_eq!(root(&open(Some(folder.path())).unwrap()), made);
        assert_ne!(root(&open(None).unwrap()), made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&path, "hello").unwrap();
        let damaged = open(Some(folder.path())).unwrap_err();
        assert!(matches!(damaged, IssuingError::Damaged { .. }), "{damaged}");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(open(Some(folder.path())), Err(IssuingError::Damaged { .. })));
    }
}
