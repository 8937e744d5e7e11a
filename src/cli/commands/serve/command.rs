//! The command and its flags.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::commentary;
use super::description::{hub_connection_strings, named_webhooks, ready};
use super::failure::{authority_report, start_report};
use super::screen::Screen;
use super::simulator::Devices;
use super::values::{AdminPort, SameHub, WebhookRetry, ca_out, host_name, port, service_name};
use crate::cli::args::configuration::ConfigurationArgs;
use crate::cli::args::duration::timeout;
use crate::cli::args::quotas::QuotaArguments;
use crate::cli::args::sameness::Sameness;
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::input;
use crate::cli::local::{Local, Published, Ready};
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::state_folder::state_folder;
use crate::cli::stop::StopSignal;
use crate::contoso::{self, FUNCTION_URL, SampleFunction};
use crate::net::{ProxyVariables, Trust, client_config};
use crate::service::{
    AdminOptions, Authority, CertificateConfig, Commentary, Config, FaultRule, Observer, Options,
    Pace, Service, Tap, WebhookSettings, WebhookUrl, retry_after,
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
  provision-sim serve --from dps.json          # az iot dps show --name my-dps > dps.json
  provision-sim serve --quotas azure --quota polls=none
  provision-sim serve --quota registrations=10/1s --quota operations=100/min
  provision-sim serve --fault 'poll status=503 times=2 device=pump-*'
  provision-sim serve -v                       # then: curl localhost:8880/journal
  provision-sim serve --state ./dps-state
  provision-sim serve --https-port 0 --gateway-port 0     # for SDKs, without root

Then, in another terminal: provision-sim register --local --reg-id contoso-toaster-007")]
pub(crate) struct Serve {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// What --local=NAME calls this service where several run on the machine [default: the port of
    /// its MQTT]
    #[arg(long, value_name = "NAME", value_parser = service_name)]
    name: Option<String>,
    /// Your own allocation function in place of the tutorial's
    #[arg(long, value_name = "URL")]
    webhook_url: Option<WebhookUrl>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    bind: IpAddr,
    /// Another name or address under which this machine is dialled, such as that of a container: the
    /// certificates are made for it too, and the management listener answers to it. Several times for
    /// several
    #[arg(long, value_parser = host_name, value_name = "NAME", conflicts_with = "tls_cert")]
    host_name: Vec<String>,
    /// Port of MQTT over TLS; 0 picks a free one [default: 8883, or a free one where that is taken]
    #[arg(long, value_name = "PORT")]
    mqtt_port: Option<u16>,
    /// Port of HTTPS, and of MQTT and AMQP over WebSocket; 0 picks a free one [default: 443, or a free
    /// one where 443 is refused]
    #[arg(long, value_name = "PORT")]
    https_port: Option<u16>,
    /// Port of AMQP over TLS; 0 picks a free one [default: 5671, or a free one where that is taken]
    #[arg(long, value_name = "PORT")]
    amqp_port: Option<u16>,
    /// Port of the gateway, always on 127.0.0.1: a proxy of both kinds (HTTP CONNECT, SOCKS5) through
    /// which SDKs reach this service under Azure's own names and ports; 0 picks a free one [default:
    /// none]
    #[arg(long, value_name = "PORT")]
    gateway_port: Option<u16>,
    /// Let the gateway lead to whatever else is asked for, too
    #[arg(long, requires = "gateway_port")]
    gateway_open: bool,
    /// Port of the management listener: what the service has seen, and how to make it forget; 0 picks
    /// a free one, none does without [default: 8880, or a free one where that is taken]
    #[arg(long, value_name = "PORT|none")]
    admin_port: Option<AdminPort>,
    /// Address of the management listener. It has no password: whoever reaches the address can see and
    /// change everything [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    admin_bind: Option<IpAddr>,
    /// What devices are told to wait between polls [default: 3s, as Azure]
    #[arg(long, value_parser = retry_after, value_name = "DURATION")]
    retry_after: Option<Duration>,
    /// How many polls at least are answered `assigning` [default: 0]
    #[arg(long, value_name = "N")]
    assigning_polls: Option<u32>,
    /// Folder in which devices, hub identities and enrollments are kept beyond the end of the
    /// service; made there if it is not. Without it they are forgotten
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Folder of the local CA; made there once [default: ca/ in the state folder]
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,
    /// Where to write the certificate that clients have to trust, once the service is ready; it stays
    /// there when the service ends
    #[arg(long, value_parser = ca_out, value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// Certificate of your own to show in place of the local CA's, with its chain
    #[arg(long, value_name = "PEM", requires = "tls_cert_key", conflicts_with = "ca_dir")]
    tls_cert: Option<PathBuf>,
    /// Private key of --tls-cert
    #[arg(long, alias = "tls-key", value_name = "PEM", requires = "tls_cert")]
    tls_cert_key: Option<PathBuf>,
    /// Upload a CA certificate to the instance, as verified: X.509 groups take only devices whose chain
    /// reaches one; may be repeated
    #[arg(long, value_name = "PEM")]
    verified_ca: Vec<PathBuf>,
    /// Let X.509 groups take devices whose chain reaches no verified CA certificate, which Azure does
    /// not
    #[arg(long)]
    allow_unverified_ca: bool,
    /// CA certificates that https webhooks must be certified by, in place of the system's
    #[arg(long, alias = "webhook-ca", value_name = "PEM")]
    webhook_ca_file: Option<PathBuf>,
    /// How long one call of a webhook may take
    #[arg(long, default_value = "10s", value_parser = timeout, value_name = "DURATION")]
    webhook_timeout: Duration,
    /// What to do with webhooks that answer 429 or above, or not in time: quick (three more tries
    /// within 1.4 s), azure (ten more within 415 s), none
    #[arg(long, value_enum, default_value_t, value_name = "SCHEDULE", hide_possible_values = true)]
    webhook_retry: WebhookRetry,
    /// What a reprovision policy of reset does on the hub that a device has already: reset (its
    /// identity and twin begin anew), keep (nothing); what Azure does is not documented
    #[arg(long, value_enum, default_value_t, value_name = "WHAT", hide_possible_values = true)]
    reset_same_hub: SameHub,
    /// What is to go wrong, several times for several: 'WHERE WHO WHEN WHAT', such as
    /// 'poll status=503 retry-after=2 times=2 device=pump-*'; all words are in docs/faults.md
    #[arg(long, value_name = "RULE")]
    fault: Vec<FaultRule>,
    #[command(flatten)]
    sameness: Sameness,
    #[command(flatten)]
    quotas: QuotaArguments,
    /// Stop when standard input ends, as a signal does: for programs that start the service and must
    /// not leave it behind, however they end themselves
    #[arg(long)]
    until_eof: bool,
}

#[derive(Serialize)]
struct ReadyLine<'a> {
    event: &'static str,
    #[serde(flatten)]
    ready: &'a Ready,
}

impl Serve {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
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
        let mut config = self.configuration.read()?;
        let _function = self.function(&mut config).await?;
        config.quotas = self.quotas.over(config.quotas);
        self.upload(&mut config)?;
        let (authority, ca_file) = self.authority()?;
        let options = self.options(&config, authority, printer.format)?;
        // From here on a signal ends it in order; until now it ends the process at once.
        let mut stop = StopSignal::new()?;
        if self.until_eof {
            stop.or_end_of(std::io::stdin())?;
        }
        let start = Service::start(&config, options);
        let Some(service) = unless(stop.received(), start).await else {
            // A large state is still being read, and nothing of it has been changed.
            return Ok(Exit::Done);
        };
        let service = service.map_err(|error| start_report(&error))?;
        if let Some(path) = &self.ca_out {
            service.write_ca(path).map_err(|error| Report::usage(format!("--ca-out: {error}")))?;
        }
        let ready = ready(&service, ca_file);
        let published = Published::new(&self.described(&service, &config, &ready))?;
        match printer.format {
            Output::Text => Screen {
                service: &service,
                config: &config,
                ready: &ready,
                published: published.path(),
                host_names: &self.host_name,
                has_own_certificate: self.tls_cert.is_some(),
                state: self.state.as_deref(),
                is_default_world: self.configuration.is_default(),
            }
            .show(printer),
            Output::Json | Output::Jsonl => {
                printer.json(&ReadyLine { event: "ready", ready: &ready })
            }
        }
        stop.received().await;
        // From here on no command finds it. Whoever asks twice does not want to wait.
        drop(published);
        unless(stop.received(), service.stop()).await;
        Ok(Exit::Done)
    }

    /// The function that decides where the configuration says that the tutorial's does: the user's
    /// own, or else that one.
    async fn function(&self, config: &mut Config) -> Result<Option<SampleFunction>, Report> {
        let Some(url) = &self.webhook_url else {
            return SampleFunction::start_for(config).await.map_err(|error| {
                Report::usage(format!("the sample allocation function: {}", input::plain(&error)))
            });
        };
        if !config.names_webhook(FUNCTION_URL) {
            return Err(Report::usage(format!(
                "--webhook-url: no enrollment of the configuration has the webhookUrl {FUNCTION_URL}"
            ))
            .remedy("write the URL into the configuration, as webhookUrl of the enrollment"));
        }
        config.place_webhook(FUNCTION_URL, url.clone());
        Ok(None)
    }

    fn described(&self, service: &Service, config: &Config, ready: &Ready) -> Local {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => service.mqtt_address().port().to_string(),
        };
        let pace = self.pace(config);
        let mut local = Local::new(ready.clone(), name);
        local.is_default_world = self.configuration.is_default();
        local.hub_connection_strings = hub_connection_strings(service);
        local.webhooks = named_webhooks(config);
        local.retry_after_ms = u64::try_from(pace.retry_after.as_millis()).unwrap_or(u64::MAX);
        local.assigning_polls = pace.assigning_polls;
        local
    }

    fn pace(&self, config: &Config) -> Pace {
        Pace {
            retry_after: self.retry_after.or(config.retry_after).unwrap_or(AZURE_RETRY_AFTER),
            assigning_polls: self.assigning_polls.or(config.assigning_polls).unwrap_or_default(),
        }
    }

    /// Adds what the flags say of X.509. An uploaded certificate has the name of its file.
    fn upload(&self, config: &mut Config) -> Result<(), Report> {
        for path in &self.verified_ca {
            let certificate = input::read_file("--verified-ca", path)?.to_string();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            config.certificates.push(CertificateConfig { name, certificate, verified: true });
        }
        config.instance().map_err(|error| {
            match error.path().to_string().starts_with("certificates") {
                true => Report::usage(format!("--verified-ca: {error}")),
                false => Report::usage(format!("--config: {error}")),
            }
        })?;
        if self.allow_unverified_ca {
            config.x509.require_verified_ca = false;
        }
        Ok(())
    }

    /// What clients see, and the file that they have to trust.
    fn authority(&self) -> Result<(Authority, PathBuf), Report> {
        if let (Some(chain), Some(key)) = (&self.tls_cert, &self.tls_cert_key) {
            let own = Authority::own_certificate(chain, key)
                .map_err(|error| Report::usage(format!("--tls-cert, --tls-cert-key: {error}")))?;
            return Ok((own, chain.clone()));
        }
        let folder = match &self.ca_dir {
            Some(folder) => folder.clone(),
            None => state_folder()?.join("ca"),
        };
        let authority = Authority::in_folder(&folder).map_err(|error| authority_report(&error))?;
        Ok((authority, Authority::certificate_path(&folder)))
    }

    /// The management listener, unless there is to be none.
    fn admin(&self) -> Result<Option<AdminOptions>, Report> {
        let port = match (self.admin_port, self.admin_bind) {
            (Some(AdminPort::None), Some(_)) => {
                return Err(Report::usage(
                    "--admin-bind: with --admin-port none there is no management listener",
                )
                .remedy("leave one of the two away"));
            }
            (Some(AdminPort::None), None) => return Ok(None),
            (Some(AdminPort::Port(number)), _) => port(Some(number)),
            (None, _) => port(None),
        };
        let bind = self.admin_bind.unwrap_or(Ipv4Addr::LOCALHOST.into());
        Ok(Some(AdminOptions { bind, port }))
    }

    fn webhooks(&self) -> Result<WebhookSettings, Report> {
        let trust = self.webhook_ca_file.clone().map_or(Trust::System, Trust::File);
        if self.webhook_ca_file.is_some() {
            // Found now rather than at the first call.
            client_config(&trust)
                .map_err(|error| Report::usage(format!("--webhook-ca-file: {error}")))?;
        }
        let retries = match self.webhook_retry {
            WebhookRetry::Quick => WebhookSettings::default().retries,
            WebhookRetry::Azure => WebhookSettings::azure_retries(),
            WebhookRetry::None => Vec::new(),
        };
        let proxies = ProxyVariables::read(input::variable);
        Ok(WebhookSettings { timeout: self.webhook_timeout, retries, trust, proxies })
    }

    fn options(
        &self,
        config: &Config,
        authority: Authority,
        format: Output,
    ) -> Result<Options, Report> {
        let observer = match format {
            // A printer of its own: the service tells from its own threads.
            Output::Jsonl => Observer::new(|event| Printer::new(Output::Jsonl).event(event)),
            Output::Text | Output::Json => Observer::default(),
        };
        Ok(Options {
            bind: self.bind,
            mqtt_port: port(self.mqtt_port),
            https_port: port(self.https_port),
            amqp_port: port(self.amqp_port),
            gateway_port: self.gateway_port,
            gateway_open: self.gateway_open,
            admin: self.admin()?,
            authority,
            host_names: self.host_name.clone(),
            pace: self.pace(config),
            on_same_hub: self.reset_same_hub.into(),
            webhooks: self.webhooks()?,
            suspects: contoso::suspects(),
            faults: self.fault.clone(),
            observer,
            tap: Tap::default(),
            commentary: Commentary::new(commentary::explain),
            state: self.state.clone(),
            sources: self.sameness.of_a_service(),
            simulator: Some(Arc::new(Devices)),
        })
    }
}

/// What comes of `work`, unless `stop` is there before.
async fn unless<S, T>(stop: impl Future<Output = S>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        _ = stop => None,
        done = work => Some(done),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_signal_ends_a_start_that_takes_long() {
        assert_eq!(unless(ready(()), pending::<()>()).await, None);
        assert_eq!(unless(pending::<()>(), ready(7)).await, Some(7));
    }
}
