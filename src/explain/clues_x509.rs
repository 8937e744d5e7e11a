//! What a device's certificate gives away where it is refused. All that the service says is 401, or
//! a TLS alert; the certificate itself tells the rest.

use super::Context;
use super::catalogue::certificate_text;
use super::entry::About;
use super::facts::Clue;
use crate::attestation::DeviceCertificate;

/// 401 at the register request (A.6): nothing enrolled vouches for the certificate. What the service
/// said of it leaves some of the reasons out.
pub(super) fn refused(certificate: &DeviceCertificate, said: &str, context: &Context) -> Vec<Clue> {
    let key = certificate_text(said).map(|entry| entry.key);
    let (of_group, of_ca, of_individual) = match key {
        Some("ca-not-found") => (true, true, false),
        Some("signing-certificate") => (true, false, false),
        Some("invalid-certificate") => (false, false, true),
        _ => (true, true, true),
    };
    let id = &context.registration_id;
    let thumbprint = &certificate.leaf().info().sha1_thumbprint;
    let no_enrollment = Clue::new(About::Certificate, no_enrollment(certificate));
    let individual = Clue::new(
        About::Enrollment,
        format!(
            "{id} has an individual enrollment, and it is for another certificate (not the one with \
             the SHA-1 thumbprint {thumbprint}), or for a symmetric key or TPM"
        ),
    )
    .remedy_unless(
        context.is_local,
        format!(
            "compare the enrollment: az iot dps enrollment show --enrollment-id {id}, or \
             az iot dps enrollment-group list for the groups' certificates"
        ),
    );
    let unverified = Clue::new(
        About::Certificate,
        "the group's CA is not uploaded to the instance, or possession of its key not proved: DPS \
         counts verified ones only",
    )
    .remedy_unless(
        context.is_local,
        "look whether the CA is verified: az iot dps certificate list",
    );
    [(of_group, no_enrollment), (of_individual, individual), (of_ca, unverified)]
        .into_iter()
        .filter_map(|(is_possible, clue)| is_possible.then_some(clue))
        .collect()
}

/// Where the chain ends, for that is where an enrollment group has to meet it (D.5).
fn no_enrollment(certificate: &DeviceCertificate) -> String {
    if certificate.leaf().is_self_signed() {
        return "the certificate is self-signed: it needs an individual enrollment of its own, with \
                exactly this certificate"
            .to_owned();
    }
    let mut last = certificate.leaf();
    for next in certificate.chain().iter().skip(1) {
        if next.is_named_by(last) {
            last = next;
        }
    }
    let info = last.info();
    if last.is_self_signed() {
        return format!(
            "the chain ends at {}, which is in no enrollment group, nor is one below it",
            info.subject_name
        );
    }
    format!(
        "the chain ends at {}, signed by {}: neither is in an enrollment group; or an intermediate \
         between them is missing in --cert",
        info.subject_name, info.issuer_name
    )
}

/// A TLS alert about the certificate that was shown; the words are those of RFC 8446.
pub(super) fn alert(alert: &str, certificate: &DeviceCertificate) -> Vec<Clue> {
    let subject = &certificate.leaf().info().subject_name;
    let clue = |cause: String| Clue::new(About::Certificate, cause);
    match alert {
        "unknown_ca" | "bad_certificate" | "certificate_unknown" => vec![
            clue(format!("the server does not trust who signed the device's certificate ({subject})")),
            clue("an intermediate is missing, or they are in the wrong order".to_owned())
                .remedy("give leaf and intermediates in --cert, each signed by the next"),
        ],
        "certificate_expired" | "certificate_revoked" => vec![
            clue(format!("by the server's clock the device's certificate ({subject}), or one above it, has expired or is revoked"))
                .remedy("compare the clocks: `date -u`; renew the certificate"),
        ],
        "unsupported_certificate" | "decrypt_error" | "handshake_failure" | "illegal_parameter" => vec![
            clue(format!("the server does not take this kind of key or certificate ({subject})"))
                .remedy("try a certificate with an RSA key of 2048 bits or an EC key on P-256"),
        ],
        "access_denied" | "certificate_required" => vec![
            clue(format!("the server does not let the device's certificate in ({subject})"))
                .remedy("DPS lets any certificate in and judges it later, so check --host"),
        ],
        _ => Vec::new(),
    }
}
