//! The ways in which a device's certificate can be bad.

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is another device's.
    WrongName,
    /// It is signed by an authority that is not enrolled.
    WrongChain,
    /// It is signed by itself.
    SelfSigned,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Expired, Self::NotYetValid, Self::WrongName, Self::WrongChain, Self::SelfSigned];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        self.registration_id().trim_start_matches("bad-")
    }

    /// A registration ID for a device with such a certificate.
    pub fn registration_id(self) -> &'static str {
        match self {
            Self::Expired => "bad-expired",
            Self::NotYetValid => "bad-not-yet-valid",
            Self::WrongName => "bad-wrong-name",
            Self::WrongChain => "bad-wrong-chain",
            Self::SelfSigned => "bad-self-signed",
        }
    }

    /// What is wrong, in words.
    pub fn description(self) -> &'static str {
        match self {
            Self::Expired => "expired yesterday",
            Self::NotYetValid => "valid in nine years",
            Self::WrongName => "made out to CN=another-device",
            Self::WrongChain => "signed by an authority that is not enrolled",
            Self::SelfSigned => "self-signed",
        }
    }
}
