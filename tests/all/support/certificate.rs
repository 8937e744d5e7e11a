//! Certificates of servers that are made by hand, each with an authority of its own.

use std::sync::Arc;

use provision_sim::net::crypto;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// The server's certificate and the authority that signed it.
pub(crate) struct Certificate {
    pub(crate) config: Arc<ServerConfig>,
    ca_pem: String,
}

/// How to make a [`Certificate`].
pub(crate) struct Issue {
    /// The authority's own name.
    pub(crate) ca_name: &'static str,
    /// The names that the certificate is for.
    pub(crate) names: Vec<&'static str>,
    /// The first year in which it is not valid any more.
    pub(crate) not_after: i32,
}

impl Default for Issue {
    fn default() -> Self {
        Self { ca_name: "scripted test CA", names: vec!["localhost", "127.0.0.1"], not_after: 4096 }
    }
}

impl Certificate {
    /// The authority, as a device trusts it.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

impl Issue {
    /// A certificate and a new authority of its own.
    pub(crate) fn make(self) -> Certificate {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, self.ca_name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();

        let names: Vec<_> = self.names.into_iter().map(str::to_owned).collect();
        let mut leaf = CertificateParams::new(names).unwrap();
        leaf.not_after = date_time_ymd(self.not_after, 1, 1);
        let key = KeyPair::generate().unwrap();
        let leaf = leaf.signed_by(&key, &ca).unwrap();

        let config = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        Certificate { config: Arc::new(config), ca_pem: ca.pem() }
    }
}
