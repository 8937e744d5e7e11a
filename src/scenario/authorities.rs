//! `[[authority]]`: certification authorities that a scenario makes on the spot, or has in files.
//!
//! `${authority:NAME}` is the certificate of one, as PEM, wherever the file wants it: in an
//! enrollment, as a certificate of the instance, in a step.

use serde::Deserialize;

use super::around::Around;
use crate::pki::TestAuthority;
use crate::text::{MemberPath, nearest};

/// An authority as the file has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AuthorityEntry {
    name: String,
    /// The authority above it; without one it is a root.
    issuer: Option<String>,
    /// Its certificate and those above it: a file, or PEM.
    certificate: Option<String>,
    /// The key of that, likewise.
    key: Option<String>,
}

/// The authorities of a scenario.
#[derive(Debug, Default)]
pub(super) struct Authorities(Vec<(String, TestAuthority)>);

impl Authorities {
    /// Makes or reads all of them, in the order of the file.
    ///
    /// # Errors
    ///
    /// The member, and what is wrong with it.
    pub(super) fn new(
        entries: &[AuthorityEntry],
        around: &Around<'_>,
    ) -> Result<Self, (MemberPath, String)> {
        let mut authorities = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            let path = MemberPath::of(&["authority"]).item(index);
            let made = authorities
                .make(entry, around)
                .map_err(|(member, reason)| (path.member(member), reason))?;
            authorities.0.push((entry.name.clone(), made));
        }
        Ok(authorities)
    }

    fn make(
        &self,
        entry: &AuthorityEntry,
        around: &Around<'_>,
    ) -> Result<TestAuthority, (&'static str, String)> {
        let AuthorityEntry { name, issuer, certificate, key } = entry;
        if self.find(name).is_some() {
            return Err(("name", "an [[authority]] above has this name".to_owned()));
        }
        match (issuer, certificate, key) {
            (None, None, None) => TestAuthority::root_by(name, &around.sources)
                .map_err(|error| ("name", error.to_string())),
            (Some(issuer), None, None) => {
                let above = self.get(issuer).map_err(|reason| ("issuer", reason))?;
                above.intermediate(name).map_err(|error| ("name", error.to_string()))
            }
            (None, Some(certificate), Some(key)) => {
                let certificate = around.pem(certificate).map_err(|it| ("certificate", it))?;
                let key = around.pem(key).map_err(|it| ("key", it))?;
                TestAuthority::from_pem(&*certificate, &*key)
                    .map_err(|error| ("certificate", error.to_string()))
            }
            (Some(_), ..) => Err((
                "issuer",
                "an authority either has an issuer and is made, or has a certificate and a key"
                    .to_owned(),
            )),
            (None, Some(_), None) => {
                Err(("certificate", "it has no key; give both, or neither".to_owned()))
            }
            (None, None, Some(_)) => {
                Err(("key", "it has no certificate; give both, or neither".to_owned()))
            }
        }
    }

    fn find(&self, name: &str) -> Option<&TestAuthority> {
        self.0.iter().find_map(|(other, authority)| (other == name).then_some(authority))
    }

    /// The authority of this name.
    ///
    /// # Errors
    ///
    /// That there is none.
    pub(super) fn get(&self, name: &str) -> Result<&TestAuthority, String> {
        self.find(name).ok_or_else(|| {
            let near = nearest(name, self.0.iter().map(|(name, _)| name.as_str()));
            let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            format!("no [[authority]] above has the name {name:?}{near}")
        })
    }

    /// The first whose certificate is one of these.
    pub(super) fn with_certificate(&self, is_one: impl Fn(&str) -> bool) -> Option<&TestAuthority> {
        self.0.iter().map(|(_, authority)| authority).find(|authority| is_one(authority.pem()))
    }
}
