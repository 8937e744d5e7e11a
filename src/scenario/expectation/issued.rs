//! The certificate that a device must be issued, or that it must be issued none.

use std::fmt;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bounds::Bounds;
use super::text::TextPattern;
use crate::device::IssuedChain;
use crate::text::written;

/// What the certificate of a device must be like: `true`, `false`, or an object.
#[derive(Debug, Clone)]
pub enum IssuedPattern {
    /// That there is one, or none.
    Is(bool),
    /// That there is one, with these properties.
    Like(Box<CertificatePattern>),
}

/// What a certificate must be like; what is not named may be anything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificatePattern {
    /// Common name of the certificate.
    pub subject: Option<TextPattern>,
    /// Common name of who signed it.
    pub issuer: Option<TextPattern>,
    /// How many certificates there are, those above it included.
    pub length: Option<usize>,
    /// How long it is valid, from its beginning to its end.
    pub validity: Option<Bounds>,
}

/// What a device was issued, as programs are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issued {
    /// Common name of the certificate.
    pub subject: String,
    /// Common name of who signed it.
    pub issuer: String,
    /// How many certificates there are.
    pub length: usize,
    /// How long it is valid.
    #[serde(serialize_with = "as_text")]
    pub validity: Duration,
}

fn as_text<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&written(*duration))
}

impl Issued {
    /// Of a chain.
    pub fn of(chain: &IssuedChain) -> Self {
        let info = chain.leaf().info();
        let name = |name: &str| name.strip_prefix("CN=").unwrap_or(name).to_owned();
        Self {
            subject: name(&info.subject_name),
            issuer: name(&info.issuer_name),
            length: chain.certificates().len(),
            validity: info.not_after.duration_since(info.not_before).unwrap_or_default(),
        }
    }
}

impl IssuedPattern {
    /// Whether a device must be issued one.
    pub fn wants_one(&self) -> bool {
        !matches!(self, Self::Is(false))
    }

    /// Each way in which it is not as expected: `issued.subject: expected "pump-1", got "pump-2"`.
    pub fn differences(&self, actual: Option<&Issued>) -> Vec<String> {
        let (pattern, actual) = match (self, actual) {
            (Self::Is(false), None) | (Self::Is(true), Some(_)) => return Vec::new(),
            (Self::Is(false), Some(issued)) => {
                return vec![format!("issued: expected none, got {:?}", issued.subject)];
            }
            (_, None) => return vec!["issued: expected a certificate, got none".to_owned()],
            (Self::Like(pattern), Some(actual)) => (pattern, actual),
        };
        let texts = [
            ("subject", &pattern.subject, &actual.subject),
            ("issuer", &pattern.issuer, &actual.issuer),
        ];
        let texts = texts.into_iter().filter_map(|(member, pattern, actual)| {
            let pattern = pattern.as_ref().filter(|pattern| !pattern.matches(actual))?;
            Some(format!("issued.{member}: expected {pattern}, got {actual:?}"))
        });
        let length = pattern.length.filter(|expected| *expected != actual.length);
        let length =
            length.map(|it| format!("issued.length: expected {it}, got {}", actual.length));
        let validity = pattern.validity.as_ref();
        let validity = validity.and_then(|it| it.difference("issued.validity", actual.validity));
        texts.chain(length).chain(validity).collect()
    }
}

impl<'de> Deserialize<'de> for IssuedPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = IssuedPattern;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean or an object")
            }

            fn visit_bool<E>(self, is_issued: bool) -> Result<Self::Value, E> {
                Ok(IssuedPattern::Is(is_issued))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let pattern = CertificatePattern::deserialize(MapAccessDeserializer::new(map))?;
                Ok(IssuedPattern::Like(Box::new(pattern)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn issued() -> Issued {
        Issued {
            subject: "pump-1".to_owned(),
            issuer: "line-1 issuing 0badcafe".to_owned(),
            length: 3,
            validity: Duration::from_secs(3900),
        }
    }

    fn told(pattern: Value, actual: Option<&Issued>) -> Vec<String> {
        serde_json::from_value::<IssuedPattern>(pattern).unwrap().differences(actual)
    }

    #[test]
    fn each_member_is_held_against_the_chain() {
        let good = json!({
            "subject": "pump-1", "issuer": { "regex": "^line-1" }, "length": 3,
            "validity": { "atLeast": "1h", "atMost": "2h" },
        });
        let bad = json!({
            "subject": "pump-2", "issuer": "line-2", "length": 1, "validity": { "atMost": "1m" },
        });

        assert_eq!(told(good, Some(&issued())), [""; 0]);
        assert_eq!(
            told(bad, Some(&issued())),
            [
                "issued.subject: expected \"pump-2\", got \"pump-1\"",
                "issued.issuer: expected \"line-2\", got \"line-1 issuing 0badcafe\"",
                "issued.length: expected 1, got 3",
                "issued.validity: expected at most 1m, got 1h5m",
            ]
        );
    }

    #[test]
    fn the_short_form_says_whether_there_is_one() {
        assert_eq!(told(json!(true), Some(&issued())), [""; 0]);
        assert_eq!(told(json!(false), None), [""; 0]);
        assert_eq!(told(json!(false), Some(&issued())), ["issued: expected none, got \"pump-1\""]);
        for pattern in [json!(true), json!({ "length": 3 })] {
            assert_eq!(told(pattern, None), ["issued: expected a certificate, got none"]);
        }
        let wrong = serde_json::from_value::<IssuedPattern>(json!("yes")).unwrap_err().to_string();
        assert!(wrong.contains("a boolean or an object"), "{wrong}");
    }
}
