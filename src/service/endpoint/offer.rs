//! What a client offers in its first message of TLS, and with what it can be served (J-207).
//!
//! Pure.

use std::fmt;

use rustls::server::ClientHello;
use rustls::{CipherSuite, SignatureScheme};

use crate::service::authority::Chain;

/// Signatures and cipher suites of a client.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    suites: Vec<CipherSuite>,
    schemes: Vec<SignatureScheme>,
}

/// Cipher suites of TLS 1.2 with which an RSA key is shown; with the others, one on a curve.
const RSA_SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];
const ECDSA_SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];
/// Those of TLS 1.3, with either.
const SUITES_OF_1_3: [CipherSuite; 3] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
];
const PSS: [SignatureScheme; 3] = [
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
];
const PKCS1: [SignatureScheme; 3] = [
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

impl Offer {
    pub(super) fn of(hello: &ClientHello<'_>) -> Self {
        Self { suites: hello.cipher_suites().to_vec(), schemes: hello.signature_schemes().to_vec() }
    }

    /// The chain with which the client can be served, ECDSA if possible; none if with none.
    pub(super) fn chain(&self) -> Option<Chain> {
        let any_suite = |suites: &[CipherSuite]| self.suites.iter().any(|it| suites.contains(it));
        let any = |schemes: &[SignatureScheme]| self.schemes.iter().any(|it| schemes.contains(it));
        let is_1_3 = any_suite(&SUITES_OF_1_3);
        let knows_ecdsa = any(&[SignatureScheme::ECDSA_NISTP256_SHA256]);
        if knows_ecdsa && (is_1_3 || any_suite(&ECDSA_SUITES)) {
            return Some(Chain::Ecdsa);
        }
        let with_1_2 = any_suite(&RSA_SUITES) && (any(&PSS) || any(&PKCS1));
        let with_1_3 = is_1_3 && any(&PSS);
        match (with_1_2 || with_1_3, knows_ecdsa) {
            (false, _) => None,
            (true, true) => Some(Chain::RsaBelowEcdsa),
            // Certificates are signed in the older way, which every client of this kind takes.
            (true, false) => Some(Chain::Rsa),
        }
    }
}

/// What was offered, and what would work.
impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it offers {} and {}; served are TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305, or TLS 1.3, and signatures by ECDSA on P-256 or by RSA, with SHA-256 (J-207)",
            listed("the cipher suites", &self.suites, |suite| suite_name(*suite)),
            listed("the signatures", &self.schemes, |scheme| format!("{scheme:?}"))
        )
    }
}

/// Suites that firmware offers and the TLS library has no names for. [IANA, TLS Cipher Suites]
const OTHER_NAMES: [(u16, &str); 14] = [
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
];

fn suite_name(suite: CipherSuite) -> String {
    let number = u16::from(suite);
    match OTHER_NAMES.iter().find(|(it, _)| *it == number) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{suite:?}"),
    }
}

/// The first of them by name; those that nobody knows as numbers.
fn listed<T>(what: &str, all: &[T], name: impl Fn(&T) -> String) -> String {
    const SHOWN: usize = 12;
    if all.is_empty() {
        return what.replacen("the", "no", 1);
    }
    let names: Vec<_> = all.iter().take(SHOWN).map(name).collect();
    let more = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{what} {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use rustls::{CipherSuite as Suite, SignatureScheme as Scheme};

    use super::*;

    fn chain(suites: &[Suite], schemes: &[Scheme]) -> Option<Chain> {
        Offer { suites: suites.to_vec(), schemes: schemes.to_vec() }.chain()
    }

    #[test]
    fn j_207_whoever_can_is_served_by_ecdsa_and_whoever_cannot_by_rsa() {
        let (rsa, ecdsa) = (RSA_SUITES[0], ECDSA_SUITES[0]);
        let (of_1_3, cbc) = (SUITES_OF_1_3[0], Suite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA);
        let static_rsa = Suite::TLS_RSA_WITH_AES_128_GCM_SHA256;
        let (curve, pss, pkcs1) =
            (Scheme::ECDSA_NISTP256_SHA256, Scheme::RSA_PSS_SHA256, Scheme::RSA_PKCS1_SHA256);

        for (suites, schemes, expected) in [
            (&[of_1_3, rsa][..], &[curve, pss, pkcs1][..], Some(Chain::Ecdsa)),
            (&[ecdsa, rsa], &[pkcs1, curve], Some(Chain::Ecdsa)),
            (&[rsa], &[pkcs1, curve], Some(Chain::RsaBelowEcdsa)),
            (&[rsa], &[pkcs1], Some(Chain::Rsa)),
            (&[of_1_3], &[pss, pkcs1], Some(Chain::Rsa)),
            (&[of_1_3], &[pkcs1], None),
            (&[ecdsa], &[pkcs1], None),
            (&[cbc, static_rsa], &[pkcs1, curve], None),
            (&[rsa], &[], None),
        ] {
            assert_eq!(chain(suites, schemes), expected, "{suites:?} {schemes:?}");
        }
    }

    #[test]
    fn j_207_what_cannot_be_served_is_said_in_words() {
        let offer =
            Offer { suites: vec![Suite::TLS_RSA_WITH_AES_128_CBC_SHA; 14], schemes: vec![] };

        let said = offer.to_string();

        assert!(
            said.starts_with("it offers the cipher suites TLS_RSA_WITH_AES_128_CBC_SHA, "),
            "{said}"
        );
        assert!(said.contains(" and 2 more and no signatures; served are TLS 1.2"), "{said}");
    }
}
