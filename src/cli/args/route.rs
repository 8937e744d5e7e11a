//! The way to the service: transport, proxy, and whom to dial in its place.

use clap::{Args, ValueEnum};

use crate::cli::input::variable;
use crate::cli::report::Report;
use crate::cli::secret::Secret;
use crate::device;
use crate::net::{ConnectTo, Endpoint, Proxy, Route};

/// How the device gets to the service.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network options")]
pub(crate) struct RouteArgs {
    /// How to talk to the service: mqtt (port 8883), mqtt-ws, https (both 443), or auto: the first
    /// of them that the network lets through
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "TRANSPORT",
        hide_possible_values = true
    )]
    transport: Transport,
    /// Go through this proxy with HTTP CONNECT; '' for none [env: HTTPS_PROXY, ALL_PROXY, NO_PROXY]
    #[arg(long, value_name = "http://[USER:PASSWORD@]HOST[:PORT]")]
    proxy: Option<Secret>,
    /// For HOST:PORT dial ADDR:PORT; the name that is verified stays. Empty fields stand for any,
    /// or the same; may be given again
    #[arg(long, value_name = "HOST:PORT:ADDR:PORT")]
    connect_to: Vec<ConnectTo>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Transport {
    #[default]
    Mqtt,
    MqttWs,
    Https,
    Auto,
}

impl RouteArgs {
    /// The transport.
    pub(crate) fn transport(&self) -> device::Transport {
        match self.transport {
            Transport::Mqtt => device::Transport::Mqtt,
            Transport::MqttWs => device::Transport::MqttWs,
            Transport::Https => device::Transport::Https,
            Transport::Auto => device::Transport::Auto,
        }
    }

    /// What was given, flag by flag, without the credentials of a proxy.
    pub(crate) fn as_given(&self) -> Vec<(&'static str, String)> {
        let mut given = Vec::new();
        if self.transport != Transport::default() {
            given.push(("--transport", self.transport().to_string()));
        }
        given.extend(self.connect_to.iter().map(|rule| ("--connect-to", rule.to_string())));
        if let Some(text) = &self.proxy {
            let shown = match (text.contains('@'), text.parse::<Proxy>()) {
                (true, Ok(proxy)) => format!("http://USER:PASSWORD@{}", proxy.endpoint()),
                (true, Err(_)) => return given,
                (false, _) => text.to_string(),
            };
            given.push(("--proxy", shown));
        }
        given
    }

    /// The way to `host`. The proxy is the one that is given, else the environment's; that one only
    /// where `is_local` is not.
    pub(crate) fn route(
        &self,
        host: &Endpoint,
        ports: device::Ports,
        is_local: bool,
    ) -> Result<Route, Report> {
        let route = Route::default().with_connect_to(self.connect_to.clone());
        match self.proxy.as_deref() {
            Some("") => Ok(route),
            Some(text) => {
                let proxy: Proxy = text.parse().map_err(|error| bad("--proxy", error))?;
                Ok(route.through(proxy))
            }
            None if is_local => Ok(route),
            None => route
                .through_environment(host, &self.transport().ports(ports), variable)
                .map_err(|error| bad(error.variable, error.source)),
        }
    }
}

fn bad(name: &str, error: impl std::fmt::Display) -> Report {
    Report::usage(format!("{name}: {error}"))
        .remedy("give an http:// proxy with --proxy, or --proxy '' for none")
}
