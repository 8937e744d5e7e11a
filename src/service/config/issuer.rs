//! `[[certificateAuthorities]]`: who issues certificates to devices that ask for one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::error::ConfigError;
use crate::pki::IssuingAuthority;
use crate::service::instance::{CertificateIssuer, CertificatePolicy};
use crate::text::{MAX_FILE, MemberPath, read_file};

/// The longest name: it becomes part of a certificate's, and of a file's.
const MAX_NAME: usize = 40;

/// An authority that issues certificates to devices.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateAuthorityConfig {
    /// `namespaceName`, by which enrollments call the namespace that it belongs to.
    pub namespace_name: String,
    /// `certificateAuthorityName`, by which enrollments call it.
    pub name: String,
    /// Its certificate, then those above it: PEM, or the file that has it. Made if it is left out.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Its key, PKCS #8, in the same forms.
    #[serde(default)]
    pub key: Option<String>,
    /// What it issues.
    pub policies: Vec<CertificatePolicyConfig>,
}

/// What an authority issues.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificatePolicyConfig {
    /// `certificatePolicyName`, by which enrollments call it; `credentialPolicyName` in older versions.
    pub name: String,
    /// How long certificates are valid, such as `30d` or `5m`.
    pub validity: String,
}

/// It may hold a key.
impl fmt::Debug for CertificateAuthorityConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAuthorityConfig")
            .field("namespace_name", &self.namespace_name)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl CertificateAuthorityConfig {
    /// The one that there is where a configuration says nothing of them (J-436).
    pub(super) fn default_one() -> Self {
        let name = || "provision-sim".to_owned();
        let policy =
            CertificatePolicyConfig { name: "default".to_owned(), validity: "30d".to_owned() };
        Self {
            namespace_name: name(),
            name: name(),
            certificate: None,
            key: None,
            policies: vec![policy],
        }
    }

    /// All of them, if each has what it needs and their names differ.
    pub(super) fn records(all: &[Self]) -> Result<Vec<CertificateIssuer>, ConfigError> {
        let mut records: Vec<CertificateIssuer> = Vec::new();
        for (index, written) in all.iter().enumerate() {
            let record = written.record().map_err(|error| written.within(index, error))?;
            if records.iter().any(|other| other.is(&record.namespace, &record.name)) {
                return Err(written.within(index, wrong(&[], "it is there twice")));
            }
            records.push(record);
        }
        Ok(records)
    }

    fn record(&self) -> Result<CertificateIssuer, ConfigError> {
        check_name("namespaceName", &self.namespace_name)?;
        check_name("name", &self.name)?;
        if self.certificate.is_some() != self.key.is_some() {
            let missing = if self.key.is_none() { "key" } else { "certificate" };
            let reason = "certificate and key go together; leave out both to have them made";
            return Err(wrong(&[missing], reason));
        }
        if self.policies.is_empty() {
            return Err(wrong(&["policies"], "it needs one at least, or it issues nothing"));
        }
        let mut policies: Vec<CertificatePolicy> = Vec::new();
        for (index, written) in self.policies.iter().enumerate() {
            let list = MemberPath::of(&["policies"]);
            let within =
                |error: ConfigError| error.within(&list, index, Some(written.name.clone()));
            let policy = written.record().map_err(within)?;
            if policies.iter().any(|other| other.name.eq_ignore_ascii_case(&policy.name)) {
                return Err(within(wrong(&[], "it is there twice")));
            }
            policies.push(policy);
        }
        let (namespace, name) = (self.namespace_name.clone(), self.name.clone());
        Ok(CertificateIssuer { namespace, name, policies })
    }

    /// Files are meant as seen from this folder.
    pub(super) fn place_files(&mut self, folder: &Path) {
        for text in [&mut self.certificate, &mut self.key].into_iter().flatten() {
            if !is_pem(text) {
                *text = folder.join(&*text).to_string_lossy().into_owned();
            }
        }
    }

    /// Those that are given, whether all that they consist of is in them: files are for later.
    pub(super) fn check_written(all: &[Self]) -> Result<(), ConfigError> {
        for (index, written) in all.iter().enumerate() {
            if written.certificate.iter().chain(&written.key).all(|text| is_pem(text)) {
                written.authority().map_err(|error| written.within(index, error))?;
            }
        }
        Ok(())
    }

    /// Each that is given, in their order.
    pub(super) fn authorities(all: &[Self]) -> Result<Vec<Option<IssuingAuthority>>, ConfigError> {
        let read = |(index, written): (usize, &Self)| {
            written.authority().map_err(|error| written.within(index, error))
        };
        all.iter().enumerate().map(read).collect()
    }

    fn authority(&self) -> Result<Option<IssuingAuthority>, ConfigError> {
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else {
            return Ok(None);
        };
        let certificates = pem_of("certificate", certificate)?;
        let key = pem_of("key", key)?;
        let read = IssuingAuthority::from_pem(certificates.as_bytes(), key.as_bytes());
        read.map(Some).map_err(|error| wrong(&["certificate"], error))
    }

    fn within(&self, index: usize, error: ConfigError) -> ConfigError {
        let list = MemberPath::of(&["certificateAuthorities"]);
        error.within(&list, index, Some(self.name.clone()))
    }
}

impl CertificatePolicyConfig {
    fn record(&self) -> Result<CertificatePolicy, ConfigError> {
        check_name("name", &self.name)?;
        let written = &self.validity;
        let validity = humantime::parse_duration(written).map_err(|error| {
            wrong(
                &["validity"],
                format!("{written:?}: {error}; write a duration such as 30d or 5m"),
            )
        })?;
        if validity < Duration::from_secs(1) {
            return Err(wrong(&["validity"], "must be at least 1s"));
        }
        Ok(CertificatePolicy { name: self.name.clone(), validity })
    }
}

fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN")
}

fn pem_of(member: &str, written: &str) -> Result<Zeroizing<String>, ConfigError> {
    if is_pem(written) {
        return Ok(Zeroizing::new(written.to_owned()));
    }
    let path = PathBuf::from(written);
    let read = read_file(&path, MAX_FILE);
    let text = read.map_err(|error| wrong(&[member], format!("{written}: {error}")))?;
    Ok(Zeroizing::new(text.to_string()))
}

fn check_name(member: &str, name: &str) -> Result<(), ConfigError> {
    let is_fine = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    let begins = name.chars().next().is_some_and(|it| it.is_ascii_alphanumeric());
    match begins && name.len() <= MAX_NAME && name.chars().all(is_fine) {
        true => Ok(()),
        false => Err(wrong(
            &[member],
            format!(
                "{name:?} is no name for it: letters, digits, `-`, `_` and `.`, up to {MAX_NAME}, the \
                 first a letter or a digit"
            ),
        )),
    }
}

fn wrong(member: &[&str], reason: impl ToString) -> ConfigError {
    ConfigError::new(MemberPath::of(member), reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::config::Config;
    use crate::sources::Sources;

    const ISSUER: &str = r#"
        [[certificateAuthorities]]
        namespaceName = "fleet"
        name = "line-1"
        [[certificateAuthorities.policies]]
        name = "short"
        validity = "5m"
    "#;

    fn read(text: &str) -> Result<Config, String> {
        let text = format!("idScope = \"0ne00002193\"\n{text}");
        Config::from_toml(&text, &[]).map_err(|fault| fault.to_string())
    }

    #[test]
    fn authorities_and_their_policies_are_read() {
        let instance = read(ISSUER).unwrap().instance().unwrap();

        let [issuer] = &instance.issuers[..] else { panic!("{:?}", instance.issuers) };
        assert_eq!((&*issuer.namespace, &*issuer.name), ("fleet", "line-1"));
        let policy =
            CertificatePolicy { name: "short".to_owned(), validity: Duration::from_secs(300) };
        assert_eq!(issuer.policies, [policy]);
    }

    #[test]
    fn j_436_where_nothing_is_said_of_them_there_is_one() {
        let config = read("").unwrap();
        let instance = config.instance().unwrap();

        let [issuer] = &instance.issuers[..] else { panic!("{:?}", instance.issuers) };
        assert_eq!((&*issuer.namespace, &*issuer.name), ("provision-sim", "provision-sim"));
        assert_eq!(issuer.policies[0].name, "default");
        assert!(matches!(&config.issuing_authorities().unwrap()[..], [None]));
        let none = read("certificateAuthorities = []").unwrap().instance().unwrap();
        assert!(none.issuers.is_empty());
    }

    #[test]
    fn a_policy_is_added_to_the_first_authority_or_to_one_that_is_made_for_it() {
        for text in ["", "certificateAuthorities = []"] {
            let mut config = read(text).unwrap();
            config.add_certificate_policy("short", Duration::from_millis(90_500));

            let issuers = config.instance().unwrap().issuers;
            let policy = issuers[0].policy("short").unwrap();
            assert_eq!((policy.validity, issuers.len()), (Duration::from_millis(90_500), 1));
        }
    }

    #[test]
    fn what_is_wrong_with_one_is_told_by_its_name_and_member() {
        let told = |from: &str, to: &str| read(&ISSUER.replace(from, to)).unwrap_err();

        let twice = read(&format!("{ISSUER}{ISSUER}")).unwrap_err();
        assert!(twice.ends_with("certificateAuthorities \"line-1\": it is there twice"), "{twice}");
        let validity = told("\"5m\"", "\"soon\"");
        assert!(validity.contains("validity: \"soon\": "), "{validity}");
        assert!(validity.ends_with("such as 30d or 5m"), "{validity}");
        assert!(told("\"5m\"", "\"0s\"").ends_with("must be at least 1s"));
        assert!(told("\"fleet\"", "\"a/b\"").contains("namespaceName: \"a/b\" is no name"));
        let alone = told("name = \"line-1\"", "name = \"line-1\"\ncertificate = \"ca.pem\"");
        assert!(alone.contains("key: certificate and key go together"), "{alone}");
        let begin = ISSUER.find("[[certificateAuthorities.policies]]").unwrap();
        let none = read(&format!("{}policies = []", &ISSUER[..begin])).unwrap_err();
        assert!(none.contains("policies: it needs one at least"), "{none}");
        assert!(told("name = \"line-1\"", "name = \"line-1\"\nnmae = 1").contains("nmae"));
    }

    #[test]
    fn a_given_authority_is_read_from_its_text_or_from_files_beside_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let made = IssuingAuthority::make("line-1", &Sources::default()).unwrap();
        std::fs::write(folder.path().join("ca.pem"), made.pem()).unwrap();
        std::fs::write(folder.path().join("ca.key"), made.key_pem().as_bytes()).unwrap();
        let with = |certificate: &str, key: &str| {
            let members = format!("name = \"line-1\"\ncertificate = {certificate}\nkey = {key}");
            read(&ISSUER.replace("name = \"line-1\"", &members))
        };
        let text = |pem: &str| format!("\"\"\"\n{pem}\"\"\"");

        let written = with(&text(&made.pem()), &text(&made.key_pem())).unwrap();
        let mut files = with("\"ca.pem\"", "\"ca.key\"").unwrap();
        assert!(files.issuing_authorities().unwrap_err().to_string().contains("ca.pem: "));
        files.place_files(folder.path());

        for config in [written, files] {
            let read = config.issuing_authorities().unwrap().remove(0).unwrap();
            assert_eq!(read.certificates(), made.certificates());
            assert!(!format!("{:?}", config.certificate_authorities).contains("PRIVATE"));
        }
        let other = IssuingAuthority::make("line-1", &Sources::default()).unwrap();
        let foreign = with(&text(&made.pem()), &text(&other.key_pem())).unwrap_err();
        assert!(foreign.contains("certificateAuthorities \"line-1\": certificate: "), "{foreign}");
        assert!(!foreign.contains("PRIVATE"), "{foreign}");
    }
}
