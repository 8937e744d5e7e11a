//! The flags of `serve` that limit how often the service may be asked.

use clap::{Args, ValueEnum};

use crate::service::{Quota, Quotas, Rate};

/// Limits, on top of those of the configuration.
#[derive(Debug, Args)]
pub(crate) struct QuotaArguments {
    /// Limits to start from, in place of the configuration's: azure (1000 registrations and 1000
    /// calls of the service API a minute, and for each device 5 polls in 10 s), or none
    /// [default: `quotas` of the configuration, else none]
    #[arg(long, value_enum, value_name = "PRESET", hide_possible_values = true)]
    quotas: Option<Preset>,
    /// One limit: registrations, operations (of the service API) or polls (of each device), as
    /// COUNT/DURATION, such as registrations=10/1s, or none to lift it; can be repeated, the last
    /// one of a name counts
    #[arg(long = "quota", value_parser = limit, value_name = "NAME=LIMIT")]
    limits: Vec<Limit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    Azure,
    None,
}

/// One limit as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    quota: Quota,
    rate: Option<Rate>,
}

impl QuotaArguments {
    /// What holds, where the configuration says `configured`.
    pub(crate) fn over(&self, configured: Quotas) -> Quotas {
        with(self.quotas.map_or(configured, Preset::quotas), &self.limits)
    }
}

impl Preset {
    pub(crate) fn quotas(self) -> Quotas {
        match self {
            Self::Azure => Quotas::AZURE,
            Self::None => Quotas::NONE,
        }
    }
}

/// Single limits go before what they are set over; of a name the last one counts.
pub(crate) fn with(mut quotas: Quotas, limits: &[Limit]) -> Quotas {
    for Limit { quota, rate } in limits {
        quotas.set(*quota, *rate);
    }
    quotas
}

/// The limits that there are, as `--quota` takes them; `None` if there are none.
pub(crate) fn shown(quotas: &Quotas) -> Option<String> {
    let limits: Vec<_> = Quota::ALL
        .into_iter()
        .filter_map(|quota| quotas.get(quota).map(|rate| format!("{quota}={rate}")))
        .collect();
    (!limits.is_empty()).then(|| limits.join(", "))
}

/// Reads `--quota`.
pub(crate) fn limit(text: &str) -> Result<Limit, String> {
    let (name, rate) = text
        .split_once('=')
        .ok_or("expected NAME=LIMIT, such as registrations=1000/min or polls=none")?;
    let quota = name.parse::<Quota>().map_err(|error| error.to_string())?;
    let rate = Rate::read_limit(rate).map_err(|error| error.to_string())?;
    Ok(Limit { quota, rate })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        quotas: QuotaArguments,
    }

    fn over(configured: Quotas, arguments: &[&str]) -> Result<Option<String>, String> {
        let command = Command::try_parse_from([&["serve"], arguments].concat());
        command
            .map(|command| shown(&command.quotas.over(configured)))
            .map_err(|error| error.to_string())
    }

    fn told(configured: Quotas, arguments: &[&str]) -> String {
        over(configured, arguments).unwrap().unwrap_or_default()
    }

    #[test]
    fn flags_go_before_the_configuration() {
        let mut own = Quotas::NONE;
        own.set(Quota::Polls, Some("7/min".parse().unwrap()));

        assert_eq!(over(Quotas::NONE, &[]), Ok(None));
        assert_eq!(told(own, &[]), "polls=7/min");
        assert_eq!(told(own, &["--quota", "operations=2/s"]), "operations=2/s, polls=7/min");
        assert_eq!(
            told(own, &["--quotas", "azure"]),
            "registrations=1000/min, operations=1000/min, polls=5/10s"
        );
        assert_eq!(over(own, &["--quotas", "none"]), Ok(None));
        assert_eq!(over(own, &["--quota", "polls=none"]), Ok(None));
    }

    #[test]
    fn single_limits_go_before_the_preset_and_the_last_one_counts() {
        let arguments = [
            "--quota=polls=1/s",
            "--quotas=azure",
            "--quota=registrations=10/1s",
            "--quota=polls=none",
        ];

        assert_eq!(told(Quotas::NONE, &arguments), "registrations=10/s, operations=1000/min");
    }

    #[test]
    fn a_mistake_is_told_with_what_was_expected() {
        let refused = |arguments: &[&str]| over(Quotas::NONE, arguments).unwrap_err();

        assert!(refused(&["--quota", "registrations"]).contains("registrations=1000/min or"));
        assert!(refused(&["--quota", "poll=1/s"]).contains("there is no quota \"poll\"; expected"));
        assert!(refused(&["--quota", "polls=often"]).contains("COUNT/DURATION such as 1000/min"));
        assert!(refused(&["--quota", "polls=0/s"]).contains("`none` lifts a limit"));
        assert!(refused(&["--quotas", "aws"]).contains("azure"));
    }
}
