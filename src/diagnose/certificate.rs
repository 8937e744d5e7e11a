//! The certificate that a server presents, trusted or not.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::net::crypto;
use crate::text::day;

/// From when until when a certificate is good.
pub(super) type Validity = (SystemTime, SystemTime);

/// What is said of a server's own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Presented {
    names: Vec<String>,
    issuer: String,
    pub(super) validity: Validity,
    chain: usize,
}

impl Presented {
    /// Reads the first certificate of a chain; `None` if it is none.
    pub(super) fn of_chain(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (_, leaf) = X509Certificate::from_der(chain.first()?).ok()?;
        let mut names: Vec<_> = match leaf.subject_alternative_name() {
            Ok(Some(alternative)) => {
                alternative.value.general_names.iter().filter_map(name).collect()
            }
            _ => Vec::new(),
        };
        if names.is_empty() {
            names.push(leaf.subject().to_string());
        }
        Some(Self {
            names,
            issuer: leaf.issuer().to_string(),
            validity: (
                at(leaf.validity().not_before.timestamp()),
                at(leaf.validity().not_after.timestamp()),
            ),
            chain: chain.len(),
        })
    }

    /// For whom, by whom, from when until when.
    pub(super) fn describe(&self) -> String {
        let (from, until) = self.validity;
        let certificates = if self.chain == 1 { "certificate" } else { "certificates" };
        format!(
            "it presents {} {certificates}, its own for {}, issued by {}, valid {} to {}",
            self.chain,
            few(&self.names),
            self.issuer,
            day(from),
            day(until)
        )
    }
}

/// Servers with a name for every customer are no rarity.
fn few(names: &[String]) -> String {
    const FEW: usize = 4;
    match names.len().saturating_sub(FEW) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..FEW].join(", ")),
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(a, b, c, d).to_string()),
            _ => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    }
}

/// Years beyond the clock's range are as good as its end.
fn at(timestamp: i64) -> SystemTime {
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(timestamp).unwrap_or(0).min(LAST);
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A configuration that takes any certificate, to see what a server presents and what time it is
/// there. Nothing that is secret may be sent over such a connection.
pub(super) fn observing_config() -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("ring has cipher suites for both default versions"))
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Observing(crypto())))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// Takes any chain, but wants the server to have the key of its certificate.
#[derive(Debug)]
struct Observing(Arc<CryptoProvider>);

impl ServerCertVerifier for Observing {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn a_certificate_is_described_by_names_issuer_and_dates() {
        let names = ["hub.example".to_owned(), "10.0.0.1".to_owned(), "::1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 2);
        params.not_after = date_time_ymd(2021, 3, 4);
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();

        let text = Presented::of_chain(&[der]).unwrap().describe();

        assert!(
            text.starts_with(
                "it presents 1 certificate, its own for hub.example, 10.0.0.1, ::1, issued by "
            ),
            "{text}"
        );
        assert!(text.ends_with(", valid 2020-01-02 to 2021-03-04"), "{text}");
    }

    #[test]
    fn of_many_names_a_few_are_told() {
        let names = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>();

        assert_eq!(few(&names(4)), "n0, n1, n2, n3");
        assert_eq!(few(&names(6)), "n0, n1, n2, n3 and 2 more");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), time in any::<i64>()) {
            let _ = Presented::of_chain(&[bytes.into()]);
            let _ = day(at(time));
        }
    }
}
