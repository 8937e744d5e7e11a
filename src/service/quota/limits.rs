//! The quotas of an instance.

use std::time::Duration;

use serde::Deserialize;

use super::kind::Quota;
use super::rate::{Rate, RateError};

/// The quotas of an instance (H.3). The default is none at all.
///
/// In a configuration they are the table `[quotas]`: a `preset`, `azure` or `none`, and single
/// limits that go before it.
///
/// ```
/// use provision_sim::service::{Quota, Quotas};
///
/// let quotas: Quotas = toml::from_str("preset = \"azure\"\npolls = \"none\"")?;
///
/// assert_eq!(quotas.get(Quota::Registrations), Quotas::AZURE.get(Quota::Registrations));
/// assert_eq!(quotas.get(Quota::Polls), None);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub struct Quotas {
    registrations: Option<Rate>,
    operations: Option<Rate>,
    polls: Option<Rate>,
}

impl Quotas {
    /// No limits.
    pub const NONE: Self = Self { registrations: None, operations: None, polls: None };

    /// Those that Azure documents: 1000 registrations and 1000 operations a minute, and for each
    /// device 5 polls in 10 s (H.3).
    pub const AZURE: Self = Self {
        registrations: Some(Rate::of(1000, Duration::from_secs(60))),
        operations: Some(Rate::of(1000, Duration::from_secs(60))),
        polls: Some(Rate::of(5, Duration::from_secs(10))),
    };

    /// Whether there is any limit.
    pub fn is_limited(&self) -> bool {
        *self != Self::NONE
    }

    /// The limit of one quota; `None` if there is none.
    pub fn get(&self, quota: Quota) -> Option<Rate> {
        match quota {
            Quota::Registrations => self.registrations,
            Quota::Operations => self.operations,
            Quota::Polls => self.polls,
        }
    }

    /// Sets the limit of one quota; `None` lifts it.
    pub fn set(&mut self, quota: Quota, rate: Option<Rate>) {
        match quota {
            Quota::Registrations => self.registrations = rate,
            Quota::Operations => self.operations = rate,
            Quota::Polls => self.polls = rate,
        }
    }
}

/// `[quotas]` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    preset: Preset,
    registrations: Option<Limit>,
    operations: Option<Limit>,
    polls: Option<Limit>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Preset {
    Azure,
    #[default]
    None,
}

/// `none` lifts a limit of the preset; what is not written leaves it.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Limit(Option<Rate>);

impl TryFrom<String> for Limit {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, RateError> {
        Rate::read_limit(&text).map(Self)
    }
}

impl From<Written> for Quotas {
    fn from(written: Written) -> Self {
        let mut quotas = match written.preset {
            Preset::Azure => Self::AZURE,
            Preset::None => Self::NONE,
        };
        for (quota, limit) in [
            (Quota::Registrations, written.registrations),
            (Quota::Operations, written.operations),
            (Quota::Polls, written.polls),
        ] {
            if let Some(Limit(rate)) = limit {
                quotas.set(quota, rate);
            }
        }
        quotas
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Quotas, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn h_3_the_preset_is_what_azure_documents() {
        let azure = read("preset = \"azure\"").unwrap();

        let told = Quota::ALL.map(|quota| azure.get(quota).unwrap().to_string());
        assert_eq!(told, ["1000/min", "1000/min", "5/10s"]);
        assert_eq!(read("").unwrap(), Quotas::NONE);
        assert_eq!(read("preset = \"none\"").unwrap(), Quotas::default());
    }

    #[test]
    fn single_limits_go_before_the_preset() {
        let quotas =
            read("preset = \"azure\"\nregistrations = \"10/s\"\npolls = \"none\"").unwrap();

        assert_eq!(quotas.get(Quota::Registrations).unwrap().to_string(), "10/s");
        assert_eq!(quotas.get(Quota::Operations), Quotas::AZURE.operations);
        assert_eq!(quotas.get(Quota::Polls), None);
    }

    #[test]
    fn a_mistake_is_told_with_what_was_expected() {
        assert_eq!(
            read("registrations = \"ten\"").unwrap_err(),
            "\"ten\": expected COUNT/DURATION such as 1000/min or 5/10s, or none"
        );
        assert!(read("polls = \"5\"").unwrap_err().contains("5/10s"));
        assert!(read("polls = 5").unwrap_err().contains("expected a string"));
        assert!(read("preset = \"aws\"").unwrap_err().contains("expected `azure` or `none`"));
        assert!(read("register = \"1/s\"").unwrap_err().contains("unknown field `register`"));
        assert_eq!(
            "poll".parse::<Quota>().unwrap_err().to_string(),
            "there is no quota \"poll\"; expected registrations, operations or polls"
        );
    }
}
