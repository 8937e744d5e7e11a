//! `register --connect`: what the device does on the hub that it was assigned to.

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::cli::args::route::RouteArgs;
use crate::cli::exit::Exit;
use crate::cli::input::{read, wrong_json};
use crate::cli::local::Local;
use crate::cli::output::narration::HubStep;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::device::{
    HubClient, HubError, HubSettings, HubSettingsError, Settings, Transport, Twin,
};
use crate::net::Endpoint;
use crate::wire::{DeviceId, HubName, Payload, PayloadError};

/// What to do on the hub.
#[derive(Debug, Args)]
#[command(next_help_heading = "Hub options")]
pub(crate) struct HubArgs {
    /// Afterwards sign in to the assigned hub, with the certificate that was issued or else with the
    /// same credential, and show the twin
    #[arg(long)]
    pub(crate) connect: bool,
    /// Report these properties first: a JSON object; null deletes
    #[arg(
        long,
        alias = "report",
        value_name = "JSON|@FILE|-",
        requires = "connect",
        allow_hyphen_values = true
    )]
    pub(crate) reported: Option<String>,
    /// Send this many messages
    #[arg(long, value_name = "N", requires = "connect")]
    telemetry: Option<u32>,
    /// Dial this in the hub's place; the name that is verified stays the hub's [default with
    /// --local: the local service]
    #[arg(long, value_name = "HOST[:PORT]", requires = "connect")]
    hub_gateway: Option<Endpoint>,
}

/// What to do on the hub, checked.
#[derive(Debug)]
pub(crate) struct HubTasks {
    report: Option<Payload>,
    messages: u32,
    gateway: Option<Endpoint>,
}

impl HubArgs {
    /// What is to be done; `None` if the device does not go on to its hub.
    pub(crate) fn tasks(&self) -> Result<Option<HubTasks>, Report> {
        if !self.connect {
            return Ok(None);
        }
        let report = self.reported.as_deref().map(properties).transpose()?;
        let (messages, gateway) = (self.telemetry.unwrap_or(0), self.hub_gateway.clone());
        Ok(Some(HubTasks { report, messages, gateway }))
    }
}

/// Properties to report, with their digits as they are written.
fn properties(argument: &str) -> Result<Payload, Report> {
    let text = read("--reported", argument)?;
    let bad = |reason: &str| wrong_json("--reported", argument, &text, reason, r#"{"fw":"1.0"}"#);
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(_)) => text.parse().map_err(|error: PayloadError| bad(&error.to_string())),
        Ok(_) => Err(bad("it is no JSON object")),
        Err(error) => Err(bad(&format!("not valid JSON: {error}"))),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "event")]
enum Event<'a> {
    #[serde(rename_all = "camelCase")]
    HubConnected {
        hub: &'a str,
        device_id: &'a str,
        transport: &'static str,
    },
    Reported {
        version: Option<u64>,
    },
    Messages {
        sent: u32,
    },
}

impl HubTasks {
    /// Where the hub is: by the gateway, if there is one. `transport` is the one that the network lets
    /// through, where that is known.
    pub(crate) fn hub(
        &self,
        assignment: (&HubName, &DeviceId),
        settings: &Settings,
        route: &RouteArgs,
        local: Option<&Local>,
        transport: Transport,
    ) -> Result<HubSettings, Report> {
        let (name, device_id) = assignment;
        let mut hub = HubSettings::new(settings, name, device_id).map_err(no_hub)?;
        hub.transport = transport;
        let gateway = match (&self.gateway, local) {
            (Some(gateway), _) => Some(gateway.clone()),
            (None, Some(local)) => {
                hub.ports = local.ports()?;
                Some(local.address()?.without_port())
            }
            (None, None) => None,
        };
        let is_local = self.gateway.is_none() && local.is_some();
        let dialled = gateway.as_ref().unwrap_or(hub.endpoint());
        hub.route = route.route(dialled, settings.transport, hub.ports, is_local)?;
        Ok(match gateway {
            Some(gateway) => hub.through(&gateway),
            None => hub,
        })
    }

    /// Signs in, reports, sends, and reads the twin, in this order: what is shown includes what was
    /// reported (J-142). Everything ends at `deadline`.
    pub(crate) async fn run(
        &self,
        hub: &HubSettings,
        deadline: Instant,
        printer: &mut Printer,
        tell: &mut (dyn FnMut(HubStep<'_>) + Send),
    ) -> Result<Twin, HubError> {
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut settings = hub.clone();
        settings.timeout = left();
        tell(HubStep::SigningIn { hub });
        let mut client = HubClient::connect(&settings).await?;
        tell(HubStep::SignedIn { transport: client.transport() });
        connected(printer, hub, client.transport());
        client.set_timeout(left());
        if let Some(properties) = &self.report {
            let version = client.report(properties).await?;
            tell(HubStep::Reported { version });
            reported(printer, version);
        }
        for n in 0..self.messages {
            client.set_timeout(left());
            client.send(serde_json::json!({ "messageIndex": n }).to_string().into_bytes()).await?;
        }
        if self.messages > 0 {
            tell(HubStep::Messages { sent: self.messages });
            sent(printer, self.messages);
        }
        client.set_timeout(left());
        let twin = client.twin().await?;
        tell(HubStep::Twin { twin: &twin });
        client.close().await;
        Ok(twin)
    }
}

fn no_hub(error: HubSettingsError) -> Report {
    Report::new("hub-name", Exit::NotAssigned, error)
        .cause("the allocation webhook, or who linked the hub, gave a name that is none")
        .remedy("correct the name of the hub where it is linked, or in the webhook's answer")
}

fn connected(printer: &mut Printer, hub: &HubSettings, transport: Transport) {
    let (name, device_id) = (hub.hub(), hub.device_id());
    if printer.is_text() {
        let by = match hub.transport {
            Transport::Https => format!("by {transport}, for a hub is not spoken to over https"),
            _ => format!("by {transport}"),
        };
        printer.line("");
        printer.line(format!("Connected to hub {name}, deviceId: {device_id} ({by})"));
    }
    let transport = transport.name();
    printer.event(&Event::HubConnected {
        hub: name.as_str(),
        device_id: device_id.as_str(),
        transport,
    });
}

fn reported(printer: &mut Printer, version: Option<u64>) {
    if printer.is_text() {
        let version = version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
        printer.line(format!("Properties reported, version: {version}"));
    }
    printer.event(&Event::Reported { version });
}

fn sent(printer: &mut Printer, sent: u32) {
    if printer.is_text() {
        printer.line(format!("Messages sent: {sent}"));
    }
    printer.event(&Event::Messages { sent });
}

/// Prints the twin; for programs as the member `twin` of `body`, a JSON object.
pub(crate) fn print_twin(printer: &mut Printer, body: &str, twin: &Twin) {
    if printer.is_text() {
        printer.pretty_json(&format!("Desired properties: {}", pretty(&twin.desired)));
        printer.pretty_json(&format!("Reported properties: {}", pretty(&twin.reported)));
        return;
    }
    // The service's own text stays as it came.
    let Some(members) = body.trim_end().strip_suffix('}') else { return printer.raw_json(body) };
    let twin = serde_json::to_string(twin).unwrap_or_default();
    printer.raw_json(&format!("{members},\"twin\":{twin}}}"));
}

fn pretty(properties: &Map<String, Value>) -> String {
    serde_json::to_string_pretty(properties).unwrap_or_default()
}
