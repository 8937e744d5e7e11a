//! What a device asks its hub for, and what it gets.

use thiserror::Error;

use crate::device::csr::Csr;
use crate::device::issued::IssuedChain;
use crate::wire::{CREDENTIALS_RID, IssueRequest, MAX_CSR, Replace, is_credentials_rid};

/// A certificate that a device asks its hub for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    csr: Csr,
    request_id: Option<String>,
    replace: Option<Replace>,
}

/// Why no hub takes a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RenewalFault {
    /// It is too long.
    #[error("the request has {length} characters of Base64; a hub takes {MAX_CSR}")]
    TooLong {
        /// How long it is.
        length: usize,
    },
    /// It cannot be called so.
    #[error("{name:?} is no name for a request: {CREDENTIALS_RID}")]
    Name {
        /// As it was given.
        name: String,
    },
}

/// What a hub has issued.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewed {
    /// The certificate, and those above it.
    pub chain: IssuedChain,
    /// The device's name for the request.
    pub request_id: String,
    /// The hub's name for the operation.
    pub correlation_id: String,
}

impl Renewal {
    /// Asks for what `csr` asks for. Its key may be a new one, or that of the certificate which is there.
    ///
    /// # Errors
    ///
    /// If it is longer than a hub takes.
    pub fn new(csr: Csr) -> Result<Self, RenewalFault> {
        match csr.as_base64().len() {
            length if length > MAX_CSR => Err(RenewalFault::TooLong { length }),
            _ => Ok(Self { csr, request_id: None, replace: None }),
        }
    }

    /// Calls the request so, in place of a name that nobody has used before. A hub at which a request of this
    /// name is under way takes it for the same one: so its certificate can be waited for again.
    ///
    /// # Errors
    ///
    /// If no request can be called so.
    pub fn named(mut self, request_id: &str) -> Result<Self, RenewalFault> {
        if !is_credentials_rid(request_id) {
            return Err(RenewalFault::Name { name: request_id.to_owned() });
        }
        self.request_id = Some(request_id.to_owned());
        Ok(self)
    }

    /// Takes the place of a request that is under way; without it, the hub refuses a second one.
    #[must_use]
    pub fn replacing(mut self, replace: Replace) -> Self {
        self.replace = Some(replace);
        self
    }

    /// What is asked for.
    pub fn csr(&self) -> &Csr {
        &self.csr
    }

    /// What it is called, if that was said.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// What it takes the place of.
    pub fn replaces(&self) -> Option<&Replace> {
        self.replace.as_ref()
    }

    /// The body of the request.
    pub(super) fn body(&self, device_id: &str) -> Vec<u8> {
        let request = IssueRequest {
            id: device_id.to_owned(),
            csr: self.csr.as_base64().to_owned(),
            replace: self.replace.clone(),
        };
        serde_json::to_vec(&request).unwrap_or_else(|_| unreachable!("strings always serialize"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::new_request;

    #[test]
    fn i_4_what_no_hub_takes_is_not_asked() {
        let csr = Csr::from_der(new_request("pump").unwrap().der()).unwrap();
        let renewal = Renewal::new(csr).unwrap();

        let named = renewal.clone().named("a-1b").unwrap().replacing(Replace::Any);
        let body = String::from_utf8(named.body("pump")).unwrap();
        assert!(body.starts_with(r#"{"id":"pump","csr":"MI"#), "{body}");
        assert!(body.ends_with(r#"","replace":"*"}"#), "{body}");
        assert_eq!(named.request_id(), Some("a-1b"));
        let refused = renewal.named("-a1b").unwrap_err().to_string();
        assert!(refused.starts_with("\"-a1b\" is no name for a request"), "{refused}");
    }

    #[test]
    fn i_4_a_request_that_is_too_long_for_a_hub_is_not_sent() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "o".repeat(6500));
        let request = params.serialize_request(&key).unwrap();

        let fault = Renewal::new(Csr::from_der(request.der()).unwrap()).unwrap_err();

        assert!(matches!(fault, RenewalFault::TooLong { length } if length > MAX_CSR), "{fault}");
    }
}
