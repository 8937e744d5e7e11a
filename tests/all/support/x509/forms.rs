//! Private keys in every PEM form that devices have them in, written from PKCS #8.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, Encode};
use pkcs8::pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters, Pbkdf2Params, Pbkdf2Prf, Salt};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use rustls::pki_types::PrivateKeyDer;

/// A section of PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn info<'a>(key: &'a PrivateKeyDer<'_>) -> PrivateKeyInfoRef<'a> {
    PrivateKeyInfoRef::from_der(key.secret_der()).unwrap()
}

pub(crate) fn pkcs8(key: &PrivateKeyDer<'_>) -> String {
    pem("PRIVATE KEY", key.secret_der())
}

/// PKCS #8 wraps the older forms: PKCS #1 for RSA.
pub(crate) fn pkcs1(key: &PrivateKeyDer<'_>) -> String {
    pem("RSA PRIVATE KEY", info(key).private_key.as_bytes())
}

/// For EC, SEC1. OpenSSL adds the curve, before and within: `openssl ecparam -genkey`.
pub(crate) fn sec1(key: &PrivateKeyDer<'_>) -> String {
    let info = info(key);
    let curve = info.algorithm.parameters_oid().unwrap().to_der().unwrap();
    // ECPrivateKey ::= SEQUENCE { version, privateKey, [0] parameters, [1] publicKey }
    let inner = info.private_key.as_bytes();
    let (header, length) = if inner[1] == 0x81 { (3, inner[2]) } else { (2, inner[1]) };
    let body = &inner[header..header + usize::from(length)];
    let (before, after) = body.split_at(3 + 2 + usize::from(body[4]));
    let parameters = [&[0xa0, u8::try_from(curve.len()).unwrap()], &curve[..]].concat();
    let body = [before, &parameters, after].concat();
    let mut whole = vec![0x30];
    if body.len() > 127 {
        whole.push(0x81);
    }
    whole.push(u8::try_from(body.len()).unwrap());
    whole.extend(body);
    format!("{}{}", pem("EC PARAMETERS", &curve), pem("EC PRIVATE KEY", &whole))
}

/// PKCS #8 encrypted as OpenSSL 3 does it: PBES2, PBKDF2 with SHA-256, AES-256.
pub(crate) fn encrypted(key: &PrivateKeyDer<'_>, passphrase: &str) -> String {
    let parameters = Parameters {
        kdf: Kdf::Pbkdf2(Pbkdf2Params {
            salt: Salt::new([7; 16]).unwrap(),
            iteration_count: 2048,
            key_length: None,
            prf: Pbkdf2Prf::HmacWithSha256,
        }),
        encryption: EncryptionScheme::Aes256Cbc { iv: [9; 16] },
    };
    let sealed = parameters.encrypt(passphrase, key.secret_der()).unwrap();
    let sealed = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: OctetStringRef::new(&sealed).unwrap(),
    };
    pem("ENCRYPTED PRIVATE KEY", &sealed.to_der().unwrap())
}

/// The encryption of old: what is inside does not matter, for it is not read.
pub(crate) fn legacy_encrypted() -> String {
    let lines = pem("RSA PRIVATE KEY", &[7; 64]);
    lines.replacen(
        "-----\n",
        "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n",
        1,
    )
}
