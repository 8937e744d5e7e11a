//! The way to the service: transport, proxy, and whom to dial in its place.

use clap::{Args, ValueEnum};

use super::proxy::ProxyArgs;
use crate::cli::report::Report;
use crate::device;
use crate::net::{ConnectTo, Endpoint, Route};

/// How the device gets to the service.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network options")]
pub(crate) struct RouteArgs {
    /// How to talk to the service: mqtt (port 8883), mqtt-ws, https (both 443), amqp (5671), amqp-ws
    /// (443), or auto: the first of them that the network lets through [default: mqtt, and https with a TPM]
    #[arg(long, value_enum, value_name = "TRANSPORT", hide_possible_values = true)]
    transport: Option<Transport>,
    #[command(flatten)]
    proxy: ProxyArgs,
    /// For HOST:PORT dial ADDR:PORT; the name that is verified stays. Empty fields stand for any,
    /// or the same; may be given again
    #[arg(long, value_name = "HOST:PORT:ADDR:PORT")]
    connect_to: Vec<ConnectTo>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transport {
    Mqtt,
    MqttWs,
    Https,
    Amqp,
    AmqpWs,
    Auto,
}

impl RouteArgs {
    /// The transport that was asked for; MQTT, if none was.
    pub(crate) fn transport(&self) -> device::Transport {
        self.given_transport().unwrap_or_default()
    }

    /// The same for a device whose TPM, if it has one, was named by this flag: a TPM cannot prove itself over MQTT
    /// (B.5).
    pub(crate) fn transport_with(
        &self,
        tpm: Option<&'static str>,
    ) -> Result<device::Transport, Report> {
        match (tpm, self.given_transport()) {
            (Some(flag), Some(transport)) if !transport.is_for_tpms() => Err(Report::usage(
                format!("{flag}: a device with a TPM cannot prove itself over {transport}"),
            )
            .remedy(
                "give --transport https, amqp, amqp-ws or auto, or leave it out: then it is https",
            )),
            (_, given) => Ok(given.unwrap_or(device::Transport::usual(tpm.is_some()))),
        }
    }

    /// The transport, if one was asked for.
    pub(crate) fn given_transport(&self) -> Option<device::Transport> {
        self.transport.map(|transport| match transport {
            Transport::Mqtt => device::Transport::Mqtt,
            Transport::MqttWs => device::Transport::MqttWs,
            Transport::Https => device::Transport::Https,
            Transport::Amqp => device::Transport::Amqp,
            Transport::AmqpWs => device::Transport::AmqpWs,
            Transport::Auto => device::Transport::Auto,
        })
    }

    /// What was given, flag by flag, without the credentials of a proxy.
    pub(crate) fn as_given(&self) -> Vec<(&'static str, String)> {
        let mut given = Vec::new();
        if let Some(transport) = self.given_transport() {
            given.push(("--transport", transport.to_string()));
        }
        given.extend(self.connect_to.iter().map(|rule| ("--connect-to", rule.to_string())));
        given.extend(self.proxy.as_given());
        given
    }

    /// The way to `host` by `transport`. The proxy is the one that is given, else the environment's; that one only
    /// where `is_local` is not.
    pub(crate) fn route(
        &self,
        host: &Endpoint,
        transport: device::Transport,
        ports: device::Ports,
        is_local: bool,
    ) -> Result<Route, Report> {
        let route = Route::default().with_connect_to(self.connect_to.clone());
        self.proxy.add_to(route, host, &transport.ports(ports), is_local)
    }
}
