//! What can be wrong with a server certificate on purpose.

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFlaw {
    /// It has expired.
    Expired,
    /// It is for another name.
    WrongName,
    /// It is by an authority that nobody knows.
    Untrusted,
    /// It is 100 KB long, and good for all that: some clients have no room for it.
    Long,
}

impl CertificateFlaw {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Expired, Self::WrongName, Self::Untrusted, Self::Long];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::WrongName => "wrong-name",
            Self::Untrusted => "untrusted",
            Self::Long => "long",
        }
    }
}
