//! `serve`: a local Device Provisioning Service.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::local::{Published, Ready, state_folder};
use super::output::Printer;
use super::{Exit, Output, Report, input};
use crate::contoso::{self, SampleFunction};
use crate::scenario::toml_place;
use crate::service::{
    AllocationPolicy, Authority, AuthorityError, Config, HttpsPort, Observer, Options, Pace,
    Service, StartError, WebhookSettings, retry_after,
};

/// What Azure tells devices to wait (A.5).
const AZURE_RETRY_AFTER: Duration = Duration::from_secs(3);

/// Run a local Device Provisioning Service
#[derive(Debug, Args)]
#[command(after_help = "\
Without --config it serves the world of Microsoft's tutorial \"Use custom allocation policies\": its
enrollment group, its linked hub and its allocation function as a real HTTP webhook; and a second
group, simulated-devices, that takes any registration ID. Ctrl-C stops it.

Examples:
  provision-sim serve
  provision-sim serve --mqtt-port 0 --https-port 0 --retry-after 0s -o jsonl
  provision-sim serve --config fixtures/contoso/world.toml

Then, in another terminal: provision-sim register --local --reg-id contoso-toaster-007")]
pub(super) struct Serve {
    /// Configuration (TOML): ID scope, linked hubs, enrollment groups
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    bind: IpAddr,
    /// Port of MQTT over TLS; 0 picks a free one
    #[arg(long, default_value_t = crate::wire::MQTT_PORT, value_name = "PORT")]
    mqtt_port: u16,
    /// Port of HTTPS and of MQTT over WebSocket; 0 picks a free one [default: 443, or a free one
    /// where 443 is refused]
    #[arg(long, value_name = "PORT")]
    https_port: Option<u16>,
    /// What devices are told to wait between polls [default: 3s, as Azure]
    #[arg(long, value_parser = retry_after, value_name = "DURATION")]
    retry_after: Option<Duration>,
    /// How many polls at least are answered `assigning` [default: 0]
    #[arg(long, value_name = "N")]
    assigning_polls: Option<u32>,
    /// Folder of the local CA; made there once [default: ca/ in the state folder]
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct ReadyLine<'a> {
    event: &'static str,
    #[serde(flatten)]
    ready: &'a Ready,
}

impl Serve {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        // Each connection is a file; the usual soft limit of 1,024 is a mistake for a server.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(Report::internal)?;
        let result = runtime.block_on(self.serve(printer));
        // Webhook calls that hang must not hold up the end.
        runtime.shutdown_background();
        result
    }

    async fn serve(&self, printer: &mut Printer) -> Result<Exit, Report> {
        let stop = StopSignal::new()?;
        let mut config = self.read_config()?;
        let _function = SampleFunction::start_for(&mut config).await.map_err(|error| {
            Report::usage(format!("the sample allocation function: {}", input::plain(&error)))
        })?;
        let ca_dir = match &self.ca_dir {
            Some(folder) => folder.clone(),
            None => state_folder()?.join("ca"),
        };
        let authority = Authority::in_folder(&ca_dir).map_err(|error| authority_report(&error))?;
        let options = self.options(&config, authority, printer.format);
        let service =
            Service::start(&config, options).await.map_err(|error| start_report(&error))?;
        let ready = self.ready(&service, &ca_dir);
        let _published = Published::new(&ready, self.config.is_none())?;
        match printer.format {
            Output::Text => screen(printer, &service, &ready, self.config.is_none()),
            Output::Json | Output::Jsonl => {
                printer.json(&ReadyLine { event: "ready", ready: &ready })
            }
        }
        stop.received().await?;
        service.stop().await;
        Ok(Exit::Done)
    }

    fn read_config(&self) -> Result<Config, Report> {
        let Some(path) = &self.config else { return Ok(contoso::config()) };
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Report::usage(format!("--config: cannot read {shown}: {}", input::plain(&error)))
        })?;
        toml::from_str(&text).map_err(|error| {
            Report::usage(format!(
                "--config: {shown}, {}: {}",
                toml_place(&text, &error),
                error.message()
            ))
        })
    }

    fn options(&self, config: &Config, authority: Authority, format: Output) -> Options {
        let observer = match format {
            // A printer of its own: the service tells from its own threads.
            Output::Jsonl => Observer::new(|event| Printer::new(Output::Jsonl).event(event)),
            Output::Text | Output::Json => Observer::default(),
        };
        Options {
            bind: self.bind,
            mqtt_port: self.mqtt_port,
            https_port: self.https_port.map_or_else(HttpsPort::default, HttpsPort::Exactly),
            authority,
            pace: Pace {
                retry_after: self.retry_after.or(config.retry_after).unwrap_or(AZURE_RETRY_AFTER),
                assigning_polls: self
                    .assigning_polls
                    .or(config.assigning_polls)
                    .unwrap_or_default(),
            },
            webhooks: WebhookSettings::default(),
            suspects: contoso::suspects(),
            observer,
        }
    }

    fn ready(&self, service: &Service, ca_dir: &Path) -> Ready {
        let ca_file = Authority::certificate_path(ca_dir);
        Ready {
            mqtt: service.mqtt_address().to_string(),
            https: Some(service.https_address().to_string()),
            admin: None,
            ca_file: std::path::absolute(&ca_file).unwrap_or(ca_file),
            id_scope: service.instance().id_scope.to_string(),
            service_connection_string: Some(
                service.connection_string(&dialled_host(service.https_address())).to_string(),
            ),
        }
    }
}

/// The host and port that a client of the service API dials: a name that is in the certificate.
fn dialled_host(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        ip @ IpAddr::V4(_) => ip.to_string(),
    };
    match address.port() {
        443 => host,
        port => format!("{host}:{port}"),
    }
}

fn authority_report(error: &AuthorityError) -> Report {
    Report::usage(format!("--ca-dir: {error}"))
}

fn start_report(error: &StartError) -> Report {
    match error {
        StartError::Config(error) => Report::usage(format!("--config: {error}")),
        StartError::Authority(error) => authority_report(error),
        StartError::Listen { endpoint, source, .. } => {
            let report = Report::usage(error);
            let report = match source.kind() {
                ErrorKind::AddrInUse => report
                    .cause("another program, perhaps another `provision-sim serve`, has the port"),
                ErrorKind::PermissionDenied => report
                    .cause("ports below 1024 need a permission that this process does not have"),
                _ => return report,
            };
            let flag = if *endpoint == "HTTPS" { "--https-port" } else { "--mqtt-port" };
            report.remedy(format!("{flag} 0 picks a free one; `register --local` finds it"))
        }
    }
}

/// What somebody needs who wants to connect a device.
fn screen(printer: &mut Printer, service: &Service, ready: &Ready, is_default_world: bool) {
    let instance = service.instance();
    let mut row = |name: &str, value: &str| printer.line(format!("{name:<18}{value}"));
    row("MQTT over TLS", &ready.mqtt);
    row("HTTPS, WebSocket", ready.https.as_deref().unwrap_or_default());
    row("ID scope", &ready.id_scope);
    row("CA file", &ready.ca_file.display().to_string());
    for group in service.enrollments().groups() {
        let policy = word(&group.allocation_policy.unwrap_or(AllocationPolicy::Hashed));
        let webhook = match &group.custom_allocation {
            Some(definition) => format!(" {}", definition.webhook_url),
            None => String::new(),
        };
        row("Enrollment group", &format!("{} ({policy}{webhook})", group.name()));
    }
    for hub in &instance.linked_hubs {
        row("Linked hub", &hub.host_name);
    }
    printer.line("");
    printer.line("Devices must trust the CA file: SSL_CERT_FILE or the trusted-cert option (C),");
    printer.line("server_verification_cert (Python), NODE_EXTRA_CA_CERTS (Node). To try it:");
    printer.line("");
    printer.line(if is_default_world {
        "  provision-sim register --local --reg-id contoso-toaster-007"
    } else {
        "  provision-sim register --local --reg-id my-device --group-key @group.key"
    });
    printer.line("");
    printer.line("Ready. Ctrl-C stops it.");
}

/// The word of a record's member, as the REST API has it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// Waits for SIGINT or SIGTERM. Made before anybody can know that the service is ready, because
/// until then a signal ends the process at once.
struct StopSignal {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl StopSignal {
    #[cfg(unix)]
    fn new() -> Result<Self, Report> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(Report::internal)?,
            terminate: signal(SignalKind::terminate()).map_err(Report::internal)?,
        })
    }

    #[cfg(unix)]
    async fn received(mut self) -> Result<(), Report> {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn new() -> Result<Self, Report> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn received(self) -> Result<(), Report> {
        tokio::signal::ctrl_c().await.map_err(Report::internal)
    }
}
