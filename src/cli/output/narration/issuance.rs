//! The certificate that a device asks for along with its registration, and what it is issued.

use super::text::{Paragraph, paragraph, printable};
use crate::device::{IssuedChain, Settings};
use crate::text::moment;

/// What the device asks for, if it does.
pub(super) fn asked(settings: &Settings) -> Option<Paragraph> {
    let csr = settings.csr.as_ref()?;
    Some(
        paragraph("It asks for a certificate")
            .line(format!(
                "request  PKCS #10 in DER, {} characters of Base64: the member `csr` of what it sends",
                csr.as_base64().len()
            ))
            .line(format!("version  {}, for older ones have no such requests", settings.api_version))
            .line("In the request stand the device's name and the public half of a key, signed with the")
            .line("private half, which stays here. Who the device is, it proves as without a request."),
    )
}

/// What it was issued.
pub(super) fn issued(chain: &IssuedChain) -> Paragraph {
    let told = paragraph(format!("A certificate was issued, and {} above it", above(chain)));
    let certificates = chain.certificates().iter().enumerate();
    certificates
        .fold(told, |told, (index, certificate)| {
            let info = certificate.info();
            told.line(format!("  {}. {}", index + 1, printable(&info.subject_name)))
                .line(format!("     issued by {}", printable(&info.issuer_name)))
                .line(format!(
                    "     valid {} to {}",
                    moment(info.not_before),
                    moment(info.not_after)
                ))
        })
        .line(
            "The first is for the device's key, and each is signed by the next. With it the device",
        )
        .line("signs in to its hub; to register it still needs what it registered with.")
}

fn above(chain: &IssuedChain) -> String {
    match chain.certificates().len() - 1 {
        0 => "none".to_owned(),
        count => count.to_string(),
    }
}
