//! How a hub is spoken to, which replies of 2026-11-02-preview and later say (F.3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an assigned hub is spoken to, `connectionProfile`. Where nothing is said of it, it is
/// [`Classic`](Self::Classic); words that are not known here may come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConnectionProfile {
    /// As every hub of old: MQTT 3.1.1 and AMQP.
    #[default]
    Classic,
    /// By MQTT 5, in topics of its own.
    MqttV5,
    /// Anything else.
    #[serde(untagged)]
    Other(String),
}

impl ConnectionProfile {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Classic => "classic",
            Self::MqttV5 => "mqttV5",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for ConnectionProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_446_words_that_are_not_known_are_kept_as_they_came() {
        for word in ["classic", "mqttV5", "mqttv5", "", "carrierPigeon"] {
            let profile: ConnectionProfile = serde_json::from_value(word.into()).unwrap();
            assert_eq!(profile.as_str(), word);
            assert_eq!(serde_json::to_value(&profile).unwrap(), word);
            let is_known = !matches!(profile, ConnectionProfile::Other(_));
            assert_eq!(is_known, matches!(word, "classic" | "mqttV5"), "{word}");
        }
    }
}
