//! `[[device]]`, as it is written.

use serde::Deserialize;

use crate::attestation::KeySlot;
use crate::device::Transport;
use crate::scenario::expectation::Expectation;
use crate::text::MemberPath;
use crate::wire::Payload;

/// A member of a record, and what is wrong with it.
pub(super) type Wrong = (MemberPath, String);

pub(super) fn wrong(member: &str, reason: impl ToString) -> Wrong {
    (MemberPath::of(&[member]), reason.to_string())
}

/// A device, or several that are alike.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeviceEntry {
    pub(super) registration_id: Option<String>,
    /// What the file calls it, where several have one registration ID.
    pub(super) name: Option<String>,
    /// So many, with `{n}` in the registration ID.
    pub(super) count: Option<u64>,
    /// One for each line of a file.
    pub(super) csv: Option<String>,
    pub(super) group: Option<String>,
    pub(super) group_key: Option<String>,
    pub(super) device_key: Option<String>,
    pub(super) x509: Option<X509Entry>,
    /// Whether it has a TPM, made on the spot.
    #[serde(default)]
    pub(super) tpm: bool,
    pub(super) key: Option<KeyWord>,
    #[serde(default)]
    pub(super) csr: bool,
    pub(super) transport: Option<TransportWord>,
    pub(super) api_version: Option<String>,
    pub(super) payload: Option<Payload>,
    pub(super) expect: Option<Expectation>,
}

/// A certificate: from files, or made on the spot.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct X509Entry {
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
    pub(super) passphrase: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) flaw: Option<String>,
    #[serde(default)]
    pub(super) self_signed: bool,
}

/// Which of the keys of an enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyWord {
    Primary,
    Secondary,
}

/// How a device talks to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransportWord {
    Mqtt,
    MqttWs,
    Https,
    Amqp,
    AmqpWs,
    Auto,
}

impl From<KeyWord> for KeySlot {
    fn from(word: KeyWord) -> Self {
        match word {
            KeyWord::Primary => Self::Primary,
            KeyWord::Secondary => Self::Secondary,
        }
    }
}

impl From<TransportWord> for Transport {
    fn from(word: TransportWord) -> Self {
        match word {
            TransportWord::Mqtt => Self::Mqtt,
            TransportWord::MqttWs => Self::MqttWs,
            TransportWord::Https => Self::Https,
            TransportWord::Amqp => Self::Amqp,
            TransportWord::AmqpWs => Self::AmqpWs,
            TransportWord::Auto => Self::Auto,
        }
    }
}

/// It may hold keys.
impl std::fmt::Debug for DeviceEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceEntry({:?})", self.registration_id)
    }
}
