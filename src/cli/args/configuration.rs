//! What a service is to serve: a configuration, or the description of an instance on Azure.

use std::path::PathBuf;

use clap::Args;

use crate::cli::input::read_file;
use crate::cli::report::Report;
use crate::contoso::{self, FUNCTION_URL};
use crate::service::Config;
use crate::text::yaml;

/// The two ways to say it.
#[derive(Debug, Args)]
pub(crate) struct ConfigurationArgs {
    /// Configuration (TOML): ID scope, linked hubs, enrollment groups
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Description of a service on Azure whose hubs, policy and ID scope to take: what `az iot dps
    /// show` prints, an ARM template, or the state of Terraform (JSON)
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    from: Option<PathBuf>,
}

impl ConfigurationArgs {
    /// Whether nothing is said: then it is the world of the tutorial.
    pub(crate) fn is_default(&self) -> bool {
        self.config.is_none() && self.from.is_none()
    }

    /// The configuration, checked as far as it can be before the service starts.
    pub(crate) fn read(&self) -> Result<Config, Report> {
        if let Some(path) = &self.from {
            let shown = path.display();
            let text = read_file("--from", path)?;
            let wrong = |reason: String| Report::usage(format!("--from: {shown}: {reason}"));
            // `az … -o yaml` says the same in another form.
            let is_json = text.trim_start().starts_with(['{', '[']);
            let read = if is_json { None } else { yaml(&text) };
            let json = read.as_deref().and_then(<[_]>::first).map(ToString::to_string);
            let config = Config::from_description(json.as_ref().unwrap_or(&text)).map_err(wrong)?;
            config.check(&[]).map_err(|error| wrong(error.to_string()))?;
            return Ok(config);
        }
        let Some(path) = &self.config else { return Ok(contoso::config()) };
        let shown = path.display();
        let text = read_file("--config", path)?;
        let mut config = Config::from_toml(&text, &[FUNCTION_URL])
            .map_err(|fault| Report::usage(format!("--config: {shown}, {fault}")))?;
        if let Some(folder) = path.parent() {
            config.place_files(folder);
        }
        Ok(config)
    }
}
