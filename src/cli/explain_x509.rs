//! Why a device with a certificate is refused, and what to try. All that the service says is 401,
//! or a TLS alert; the certificate itself tells the rest.

use super::explain::Context;
use super::report::Report;
use crate::attestation::DeviceCertificate;

/// 401 at the register request (A.6): nothing enrolled vouches for the certificate.
pub(super) fn refused(
    report: Report,
    certificate: &DeviceCertificate,
    context: &Context,
) -> Report {
    let id = &context.registration_id;
    let leaf = certificate.leaf().info();
    let report = report
        .cause(no_enrollment(certificate))
        .cause(format!(
            "{id} has an individual enrollment, and it is for another certificate (not the one with \
             the SHA-1 thumbprint {}), or for a symmetric key or TPM",
            leaf.sha1_thumbprint
        ))
        .cause("the group's CA was uploaded, but its possession not proved: DPS counts verified ones only");
    if context.is_local {
        return report.remedy("read the log of `provision-sim serve`: it says which check failed");
    }
    report
        .remedy(format!(
            "compare the enrollment: az iot dps enrollment show --enrollment-id {id}, or \
             az iot dps enrollment-group list for the groups' certificates"
        ))
        .remedy("look whether the CA is verified: az iot dps certificate list")
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

/// A TLS alert, which may be about the certificate.
pub(super) fn alert(report: Report, alert: &str, sent: Option<&DeviceCertificate>) -> Report {
    let Some(certificate) = sent else {
        return match alert {
            "certificate_required" | "handshake_failure" => report
                .cause("the server insists on a client certificate, and the device proves itself by a key")
                .remedy("DPS takes both on one port, so check --host; or give a certificate: --cert PEM"),
            _ => report,
        };
    };
    let subject = &certificate.leaf().info().subject_name;
    match alert {
        "unknown_ca" | "bad_certificate" | "certificate_unknown" => report
            .cause(format!("the server does not trust who signed the device's certificate ({subject})"))
            .cause("an intermediate is missing, or they are in the wrong order")
            .remedy("give leaf and intermediates in --cert, each signed by the next"),
        "certificate_expired" | "certificate_revoked" => report
            .cause(format!("by the server's clock the device's certificate ({subject}), or one above it, is over or revoked"))
            .remedy("compare the clocks: `date -u`; renew the certificate"),
        "unsupported_certificate" | "decrypt_error" | "handshake_failure" | "illegal_parameter" => report
            .cause(format!("the server does not take this kind of key or certificate ({subject})"))
            .remedy("try a certificate with an RSA key of 2048 bits or an EC key on P-256"),
        "access_denied" | "certificate_required" => report
            .cause(format!("the server does not let the device's certificate in ({subject})"))
            .remedy("DPS lets any certificate in and judges it later, so check --host"),
        _ => report,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;
    use crate::pki::TestCertificate;

    #[test]
    fn an_alert_is_explained_by_what_the_device_showed() {
        let made = TestCertificate::self_signed("pump-0042").unwrap();
        let key = made.key_pem();
        let certificate =
            DeviceCertificate::read(made.pem().as_bytes(), Some(key.as_bytes()), None).unwrap();
        let explained =
            |name, sent| alert(Report::new("tls", Exit::Network, "no TLS"), name, sent).causes;

        for name in ["unknown_ca", "certificate_expired", "decrypt_error", "access_denied"] {
            let causes = explained(name, Some(&certificate));
            assert!(causes[0].contains("CN=pump-0042"), "{name}: {causes:?}");
        }
        let without = explained("certificate_required", None);
        assert!(without[0].contains("insists on a client certificate"), "{without:?}");
        assert!(explained("internal_error", Some(&certificate)).is_empty());
    }
}
