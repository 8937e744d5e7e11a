//! Connection strings, as flags and variables give them.

use crate::api_client::{ConnectionString, ConnectionStringError};
use crate::cli::input::{read, wrong_value};
use crate::cli::report::Report;
use crate::cli::secret::{Secret, secret_variable};
use crate::text::unquoted;

const FLAG: &str = "--connection-string";
/// Holds one, so that it need not stand on a command line.
pub(crate) const VARIABLE: &str = "PROVISION_SIM_CONNECTION_STRING";

/// The connection string of the flag, or else of the variable, if there is one.
pub(crate) fn given(flag: Option<&Secret>) -> Result<Option<ConnectionString>, Report> {
    match (flag, secret_variable(VARIABLE)) {
        (Some(argument), _) => connection(FLAG, argument).map(Some),
        (None, Some(text)) => connection(VARIABLE, &text).map(Some),
        (None, None) => Ok(None),
    }
}

/// The connection string that an argument stands for; `name` is where it is from.
pub(crate) fn connection(name: &str, argument: &str) -> Result<ConnectionString, Report> {
    let text = read(name, argument)?;
    unquoted(&text).parse().map_err(|error| {
        wrong(name, argument, &error).remedy(
            "copy it whole, as `az iot dps connection-string show` or the portal's page \"Shared access policies\" shows it; in a shell, in single quotes",
        )
    })
}

/// Those of hubs that an argument stands for, one a line.
pub(crate) fn hubs(name: &str, argument: &str) -> Result<Vec<ConnectionString>, Report> {
    let text = read(name, argument)?;
    let lines = text.lines().map(unquoted).filter(|line| !line.trim().is_empty());
    let read = lines.map(|line| {
        ConnectionString::of_hub(line).map_err(|error| {
            wrong(name, argument, &error).remedy(
                "copy it whole, as `az iot hub connection-string show` shows it; in a shell, in single quotes",
            )
        })
    });
    read.collect()
}

/// How the flag is given again, without its secret.
pub(crate) fn as_given(flag: Option<&Secret>) -> Option<String> {
    let argument = flag?;
    let shown = if argument.starts_with('@') { argument } else { "-" };
    Some(format!("{FLAG} {}", crate::text::shell_word(shown)))
}

fn wrong(name: &str, argument: &str, error: &ConnectionStringError) -> Report {
    wrong_value(argument, Report::usage(format!("{name}: {error}")))
}
