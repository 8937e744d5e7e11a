//! What went wrong in a TLS handshake, in words that a person can act on.

use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as Rustls, InvalidMessage};
use thiserror::Error;

use crate::text::spoken;

/// Why a TLS handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The server's certificate leads to no trusted authority.
    #[error("the server's certificate is not signed by a trusted authority")]
    UnknownIssuer,
    /// The server's certificate is for other names.
    #[error("the server's certificate is not for {expected}; it is for {}", list(.presented))]
    WrongName {
        /// The name that was dialled.
        expected: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// The server's certificate has expired.
    #[error("the server's certificate expired {} ago{}", spoken(*.0), clock_hint(.0))]
    Expired(
        /// How long ago, by this machine's clock.
        Duration,
    ),
    /// The server's certificate is not valid yet.
    #[error("the server's certificate becomes valid only in {}; is this machine's clock right?", spoken(*.0))]
    NotYetValid(
        /// In how long, by this machine's clock.
        Duration,
    ),
    /// The server's certificate is bad in another way.
    #[error("the server's certificate is not acceptable: {0}")]
    BadCertificate(
        /// How.
        String,
    ),
    /// The peer ended the handshake with an alert.
    #[error("the server ended the TLS handshake with the alert `{0}`")]
    Alert(
        /// Its name.
        String,
    ),
    /// What came back is no TLS.
    #[error("the server does not speak TLS on this port")]
    NotTls,
    /// The connection ended before the handshake did.
    #[error("the server closed the connection during the TLS handshake")]
    Closed,
    /// Anything else.
    #[error("the TLS handshake failed: {0}")]
    Other(
        /// What rustls or the operating system says.
        String,
    ),
}

impl TlsFault {
    /// Whether the certificate was the trouble.
    pub fn is_about_certificate(&self) -> bool {
        matches!(
            self,
            Self::UnknownIssuer
                | Self::WrongName { .. }
                | Self::Expired(_)
                | Self::NotYetValid(_)
                | Self::BadCertificate(_)
        )
    }
}

impl From<io::Error> for TlsFault {
    /// tokio-rustls wraps rustls's errors in I/O errors; what matters is inside.
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Rustls>()) {
            Some(inner) => inner.into(),
            None if is_closed(error.kind()) => Self::Closed,
            None => Self::Other(error.to_string()),
        }
    }
}

fn is_closed(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

impl From<&Rustls> for TlsFault {
    fn from(error: &Rustls) -> Self {
        match error {
            Rustls::InvalidCertificate(inner) => inner.into(),
            Rustls::AlertReceived(alert) => Self::Alert(alert_name(*alert)),
            // The first bytes are no TLS record: an HTTP server, a plain MQTT broker, SSH.
            Rustls::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload,
            ) => Self::NotTls,
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<&CertificateError> for TlsFault {
    fn from(error: &CertificateError) -> Self {
        match error {
            // A bad signature is what a CA of the same name leaves behind when it is made anew.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::ExpiredContext { time, not_after } => {
                Self::Expired(between(*not_after, *time))
            }
            CertificateError::NotValidYetContext { time, not_before } => {
                Self::NotYetValid(between(*time, *not_before))
            }
            CertificateError::NotValidForNameContext { expected, presented } => Self::WrongName {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().map(|name| readable_name(name)).collect(),
            },
            // A self-signed certificate that is used as its own authority.
            CertificateError::Other(inner) if inner.to_string().contains("CaUsedAsEndEntity") => {
                Self::BadCertificate("a CA certificate is used as the server's own".to_owned())
            }
            other => Self::BadCertificate(other.to_string()),
        }
    }
}

/// As RFC 8446 writes it, such as `bad_certificate`.
fn alert_name(alert: AlertDescription) -> String {
    if alert == AlertDescription::UnknownCA {
        return "unknown_ca".to_owned();
    }
    let mut name = String::new();
    for c in format!("{alert:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

fn between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

/// `DnsName("localhost")` and `IpAddress(::1)` as rustls presents them, without the wrapping.
fn readable_name(presented: &str) -> String {
    match presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')) {
        Some(name) => name.trim_matches('"').to_owned(),
        None => presented.to_owned(),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") }
}

fn clock_hint(ago: &Duration) -> &'static str {
    // Far beyond any renewal that somebody forgot.
    const LONG: Duration = Duration::from_secs(3 * 365 * 24 * 3600);
    if *ago > LONG { "; is this machine's clock right?" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn expiry_is_told_with_its_age() {
        let fault = TlsFault::from(&CertificateError::ExpiredContext {
            time: at(1_000_000),
            not_after: at(1_000_000 - 3 * 24 * 3600 - 60),
        });

        assert_eq!(fault.to_string(), "the server's certificate expired 3 days ago");
        assert!(fault.is_about_certificate());
    }

    #[test]
    fn rustls_errors_are_found_inside_io_errors() {
        let error = io::Error::new(
            io::ErrorKind::InvalidData,
            Rustls::InvalidCertificate(CertificateError::UnknownIssuer),
        );

        assert_eq!(TlsFault::from(error), TlsFault::UnknownIssuer);
        assert_eq!(TlsFault::from(io::Error::from(io::ErrorKind::UnexpectedEof)), TlsFault::Closed);
    }

    #[test]
    fn alerts_have_the_names_of_the_standard() {
        for (alert, name) in [
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::CertificateRequired, "certificate_required"),
            (AlertDescription::DecryptError, "decrypt_error"),
        ] {
            assert_eq!(
                TlsFault::from(&Rustls::AlertReceived(alert)),
                TlsFault::Alert(name.to_owned())
            );
        }
    }

    #[test]
    fn names_are_shown_without_rustls_wrapping() {
        assert_eq!(readable_name("DnsName(\"localhost\")"), "localhost");
        assert_eq!(readable_name("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(readable_name("localhost"), "localhost");
    }
}
