//! The proxy on the way to a service: the one that is given, or the environment's.

use clap::Args;

use crate::cli::input::variable;
use crate::cli::report::Report;
use crate::cli::secret::Secret;
use crate::net::{Endpoint, Proxy, Route};

/// Through which proxy.
#[derive(Debug, Args)]
pub(crate) struct ProxyArgs {
    /// Go through this proxy with HTTP CONNECT; '' for none [env: HTTPS_PROXY, ALL_PROXY, NO_PROXY]
    #[arg(long, value_name = "http://[USER:PASSWORD@]HOST[:PORT]")]
    proxy: Option<Secret>,
}

impl ProxyArgs {
    /// What was given, without the credentials; a proxy that cannot be read and may have some is left
    /// out.
    pub(crate) fn as_given(&self) -> Option<(&'static str, String)> {
        let text = self.proxy.as_ref()?;
        let shown = match (text.contains('@'), text.parse::<Proxy>()) {
            (true, Ok(proxy)) => format!("http://USER:PASSWORD@{}", proxy.endpoint()),
            (true, Err(_)) => return None,
            (false, _) => text.to_string(),
        };
        Some(("--proxy", shown))
    }

    /// Adds the proxy to the way to `host`, of which `ports` will be dialled. One of the environment
    /// counts only where `is_local` is not.
    pub(crate) fn add_to(
        &self,
        route: Route,
        host: &Endpoint,
        ports: &[u16],
        is_local: bool,
    ) -> Result<Route, Report> {
        match self.proxy.as_deref() {
            Some("") => Ok(route),
            Some(text) => {
                let proxy: Proxy = text.parse().map_err(|error| bad("--proxy", error))?;
                Ok(route.through(proxy))
            }
            None if is_local => Ok(route),
            None => route
                .through_environment(host, ports, variable)
                .map_err(|error| bad(error.variable, error.source)),
        }
    }
}

fn bad(name: &str, error: impl std::fmt::Display) -> Report {
    Report::usage(format!("{name}: {error}"))
        .remedy("give an http:// proxy with --proxy, or --proxy '' for none")
}
