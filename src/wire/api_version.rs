//! The API version that a request names, and what depends on it (A.3).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A text that is no API version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an API version is a date such as 2021-06-01, optionally followed by -preview")]
pub struct ApiVersionError;

/// A dated API version, such as `2021-06-01` or `2018-09-01-preview`. Ordered by date; a preview
/// comes before the release of the same day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    date: [u8; 10],
    // `false` sorts before `true`, which is the order wanted: preview, then release.
    is_release: bool,
}

impl ApiVersion {
    /// What the C SDK's sample sends today, and so what this device sends.
    pub const DEFAULT: Self = Self::release(b"2021-06-01");

    /// What enrollments with a webhook name most often: the version of the model in which the webhook
    /// is shown its enrollment (G.3).
    pub const OF_WEBHOOKS: Self = Self::release(b"2021-10-01");

    /// The first release in which a device asks for a certificate along with its registration, and
    /// enrollments name who issues it.
    pub const OF_CERTIFICATES: Self = Self::release(b"2026-11-01");

    /// The versions seen on devices (A.3).
    const KNOWN: [Self; 15] = [
        Self::preview(b"2017-08-31"),
        Self::release(b"2017-11-15"),
        Self::release(b"2018-04-01"),
        Self::preview(b"2018-09-01"),
        Self::release(b"2018-11-01"),
        Self::release(b"2019-03-31"),
        Self::release(b"2019-04-15"),
        Self::DEFAULT,
        Self::OF_WEBHOOKS,
        Self::preview(b"2021-11-01"),
        Self::preview(b"2025-07-01"),
        Self::preview(b"2026-07-01"),
        Self::OF_CERTIFICATES,
        Self::preview(b"2026-11-02"),
        Self::preview(b"2026-11-15"),
    ];

    const fn release(date: &[u8; 10]) -> Self {
        Self { date: *date, is_release: true }
    }

    const fn preview(date: &[u8; 10]) -> Self {
        Self { date: *date, is_release: false }
    }

    /// Whether a device was ever seen with this version, or an SDK or specification has it.
    pub fn is_known(&self) -> bool {
        Self::KNOWN.contains(self)
    }

    /// Whether this version is newer than the one most SDKs speak; an unknown one is served only
    /// then (J-11).
    pub fn is_newer_than_2019_03_31(&self) -> bool {
        *self > Self::release(b"2019-03-31")
    }

    /// Whether this version is newer than all that are known: one that Azure may have by now (J-64).
    pub fn is_newer_than_known(&self) -> bool {
        Self::KNOWN.iter().all(|known| self > known)
    }

    /// Whether replies may say `reprovisionedToInitialAssignment` (F.6).
    pub fn tells_reprovisioned_to_initial(&self) -> bool {
        *self >= Self::release(b"2019-04-15")
    }

    /// Whether replies name the group of a symmetric key (J-6).
    pub fn tells_symmetric_key_group(&self) -> bool {
        *self >= Self::DEFAULT
    }

    /// Whether a device may ask for a certificate along with its registration.
    pub fn issues_certificates(&self) -> bool {
        *self >= Self::preview(b"2025-07-01")
    }

    /// Whether a device that names this version at its hub may ask it for certificates: versions of hubs
    /// have dates of their own.
    pub fn renews_certificates(&self) -> bool {
        *self >= Self::preview(b"2025-08-01")
    }

    /// Whether enrollments name a certificate authority by its namespace, its name and its policy, where
    /// older ones name a policy alone.
    pub fn names_certificate_authorities(&self) -> bool {
        *self >= Self::OF_CERTIFICATES
    }

    /// Whether replies say how the assigned hub is spoken to.
    pub fn tells_connection_profile(&self) -> bool {
        *self >= Self::preview(b"2026-11-02")
    }

    /// Whether a device of this version keeps its hub when its enrollment has no reprovision
    /// policy (F.6, J-23).
    pub fn is_sticky_without_policy(&self) -> bool {
        *self <= Self::release(b"2018-04-01")
    }
}

impl FromStr for ApiVersion {
    type Err = ApiVersionError;

    fn from_str(text: &str) -> Result<Self, ApiVersionError> {
        let (date, is_release) = match text.strip_suffix("-preview") {
            Some(date) => (date, false),
            None => (text, true),
        };
        let date: [u8; 10] = date.as_bytes().try_into().map_err(|_| ApiVersionError)?;
        let is_date = date.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if is_date { Ok(Self { date, is_release }) } else { Err(ApiVersionError) }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only ASCII digits and dashes can get in.
        for byte in self.date {
            write!(f, "{}", char::from(byte))?;
        }
        f.write_str(if self.is_release { "" } else { "-preview" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ApiVersion {
        text.parse().unwrap()
    }

    #[test]
    fn a_5_every_version_seen_on_devices_is_known_and_printed_as_read() {
        for text in [
            "2017-08-31-preview",
            "2017-11-15",
            "2018-04-01",
            "2018-09-01-preview",
            "2018-11-01",
            "2019-03-31",
            "2019-04-15",
            "2021-06-01",
            "2021-10-01",
            "2021-11-01-preview",
            "2025-07-01-preview",
            "2026-07-01-preview",
            "2026-11-01",
            "2026-11-02-preview",
            "2026-11-15-preview",
        ] {
            assert!(version(text).is_known(), "{text}");
            assert_eq!(version(text).to_string(), text);
        }
        assert!(!version("2030-01-01").is_known());
        assert!(version("2026-11-15").is_newer_than_known());
        assert!(!version("2026-11-15-preview").is_newer_than_known());
        assert!(!version("2024-01-01").is_newer_than_known());
    }

    #[test]
    fn versions_are_ordered_by_date_and_previews_come_first() {
        assert!(version("2021-06-01-preview") < version("2021-06-01"));
        assert!(version("2019-04-15").tells_reprovisioned_to_initial());
        assert!(!version("2019-03-31").tells_reprovisioned_to_initial());
        assert!(version("2018-04-01").is_sticky_without_policy());
        assert!(!version("2019-03-31").tells_symmetric_key_group());
        assert!(version("2025-07-01-preview").issues_certificates());
        assert!(!version("2021-11-01-preview").issues_certificates());
        assert!(!version("2026-07-01-preview").names_certificate_authorities());
        assert!(version("2026-11-01").names_certificate_authorities());
        assert!(!version("2026-11-01").tells_connection_profile());
        assert!(version("2026-11-02-preview").tells_connection_profile());
    }

    #[test]
    fn anything_but_a_date_is_refused() {
        for text in ["", "2021", "2021-6-1", "2021/06/01", "2021-06-01-beta", "２０21-06-01"] {
            assert!(text.parse::<ApiVersion>().is_err(), "{text}");
        }
    }
}
