//! PEM files as devices have them, taken apart into sections.
//!
//! Knows what is wrong with a text, and nothing of what a section means.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

/// What a section with a private key is called that is not encrypted, whatever kind of key it is.
pub(crate) const PKCS_8: &str = "PRIVATE KEY";

const BEGIN: &str = "-----BEGIN ";

/// Why a file is not the PEM text that it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PemFault {
    /// No line begins a section.
    #[error("it is not PEM: it has no line `-----BEGIN …-----`")]
    NotPem,
    /// A section does not end.
    #[error("a section has no line `-----END …-----`; was the end of the file cut off?")]
    CutOff,
    /// A section ends as another one.
    #[error("a section begins as {begin:?} and ends as {end:?}")]
    Ending {
        /// What the first line says.
        begin: String,
        /// What the last line says.
        end: String,
    },
    /// Anything else.
    #[error("a section is damaged: what stands between BEGIN and END is not Base64")]
    Damaged,
}

/// What stands between a `BEGIN` and its `END`. Wiped when dropped, for it may be a key.
pub(crate) struct Section {
    /// What the first line says, such as `CERTIFICATE`.
    pub(crate) label: String,
    /// Whether it is encrypted in the way that came before PKCS #8: the headers of RFC 1421.
    pub(super) has_legacy_encryption: bool,
    pub(crate) content: Zeroizing<Vec<u8>>,
}

impl Section {
    pub(super) fn is_certificate(&self) -> bool {
        matches!(&self.label[..], "CERTIFICATE" | "X509 CERTIFICATE")
    }

    pub(crate) fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

/// The content is not shown.
impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Section({}, redacted)", self.label)
    }
}

/// The sections of a text in their order; what stands around them is skipped, as tools write words
/// there. At least one.
pub(crate) fn sections(text: &[u8]) -> Result<Vec<Section>, PemFault> {
    let begun = text.windows(BEGIN.len()).filter(|window| *window == BEGIN.as_bytes()).count();
    if begun == 0 {
        return Err(PemFault::NotPem);
    }
    let found = pem::parse_many(text).map_err(|error| match error {
        pem::PemError::MismatchedTags(begin, end) => PemFault::Ending { begin, end },
        _ => PemFault::Damaged,
    })?;
    // The library stops without a word where a section does not end.
    if found.len() < begun {
        return Err(PemFault::CutOff);
    }
    Ok(found.into_iter().map(section).collect())
}

/// A section as a file has it.
#[cfg(feature = "tpm")]
pub(crate) fn to_pem(label: &str, content: &[u8]) -> Zeroizing<String> {
    let section = pem::Pem::new(label, content);
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let text = Zeroizing::new(pem::encode_config(&section, config));
    let _wiped = Zeroizing::new(section.into_contents());
    text
}

fn section(pem: pem::Pem) -> Section {
    let procedure = pem.headers().get("Proc-Type").unwrap_or_default();
    Section {
        has_legacy_encryption: procedure.contains("ENCRYPTED"),
        label: pem.tag().to_owned(),
        content: Zeroizing::new(pem.into_contents()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> PemFault {
        sections(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn sections_are_found_between_words_and_with_either_line_end() {
        let text = "Bag Attributes\r\n-----BEGIN A-----\r\nAAAA\r\n-----END A-----\r\n\
                    subject=x\n-----BEGIN B PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                    DEK-Info: AES-128-CBC,00\n\nAAAA\n-----END B PRIVATE KEY-----";

        let found = sections(text.as_bytes()).unwrap();

        let [a, b] = &found[..] else { panic!("{}", found.len()) };
        assert_eq!((&a.label[..], &a.content[..]), ("A", &[0, 0, 0][..]));
        assert!(!a.has_legacy_encryption && b.has_legacy_encryption && b.is_private_key());
    }

    #[test]
    fn a_text_that_is_no_pem_says_why() {
        let (begin, end) = ("-----BEGIN A-----\n", "-----END A-----\n");

        assert_eq!(fault(""), PemFault::NotPem);
        assert_eq!(fault("hello"), PemFault::NotPem);
        assert_eq!(fault(begin), PemFault::CutOff);
        assert_eq!(fault(&format!("{begin}AAAA\n{end}{begin}AAAA\n")), PemFault::CutOff);
        assert_eq!(fault(&format!("{begin}AA*A\n{end}")), PemFault::Damaged);
        assert!(matches!(fault(&format!("{begin}AAAA\n-----END B-----")), PemFault::Ending { .. }));
    }
}
