//! `register`: one device provisions itself.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::certificate::CertificateArgs;
use super::explain::{self, Context};
use super::input::{GivenKey, KeyArgs, read, timeout, token_lifetime, variable};
use super::local::{self, Local};
use super::narration::Narrator;
use super::output::Printer;
use super::progress::Progress;
use super::proof::{self, Proof};
use super::route::RouteArgs;
use super::timings::{Ended, Stopwatch, milliseconds, with_timings};
use super::{Exit, Output, Report, small_runtime};
use crate::contoso;
use crate::device::{Error, Notice, ProvisioningClient, Registered, Settings};
use crate::net::{Endpoint, Trust, client_config};
use crate::wire::{ApiVersion, GLOBAL_ENDPOINT, IdScope, MAX_MESSAGE, Payload, RegistrationId};

/// Register a device with the Device Provisioning Service
#[derive(Debug, Args)]
#[command(after_help = "\
Connects, registers, polls until there is a result, and prints the transitions and the assigned hub
as the Azure IoT C SDK's prov_dev_client_sample does. A flag beats its variable. The proxy's are
read as curl reads them, and never count for a service on this machine. Keys and payloads are given
as VALUE, @FILE, or - for standard input; durations as 30s, 2m or 1h 30m.

With -o json the result is the service's own object and `timings` in milliseconds, with -o jsonl an
event a line as it happens, with -v the timings are one line on standard error.

Examples:
  provision-sim register --id-scope 0ne00012345 --reg-id my-device --group-key @group.key
  provision-sim register --local --reg-id contoso-toaster-007 \\
      --payload '{\"MyDeviceFirmwareVersion\":\"12.0.2.5\"}'
  provision-sim register --local --reg-id contoso-toaster-007 --explain
  provision-sim register --id-scope 0ne00012345 --cert my-device-chain.pem \\
      --cert-key my-device-key.pem
  provision-sim register --id-scope 0ne00012345 --reg-id my-device --device-key @device.key \\
      --transport auto --proxy http://proxy.example.net:3128
  provision-sim register --id-scope 0ne00002193 --reg-id my-device --device-key @device.key \\
      --connect-to global.azure-devices-provisioning.net:8883:127.0.0.1:18883 --ca-file ca.pem

Exit codes: 0 assigned, 2 bad input, 3 network or TLS, 4 identity refused, 5 not assigned,
6 deadline passed")]
pub(super) struct Register {
    /// ID scope of the DPS instance [env: IOTHUB_DEVICE_DPS_ID_SCOPE]
    #[arg(long, value_name = "SCOPE")]
    id_scope: Option<IdScope>,
    /// Registration ID of the device [env: IOTHUB_DEVICE_DPS_DEVICE_ID] [default: the CN of --cert]
    #[arg(
        long,
        env = "IOTHUB_DEVICE_DPS_DEVICE_ID",
        hide_env = true,
        value_name = "ID",
        required_unless_present = "cert"
    )]
    reg_id: Option<RegistrationId>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    certificate: CertificateArgs,
    /// What the device has to say to a custom allocation webhook: any JSON value [default: nothing]
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    payload: Option<String>,
    /// The service [env: IOTHUB_DEVICE_DPS_ENDPOINT] [default: global.azure-devices-provisioning.net]
    #[arg(long, value_name = "HOST[:PORT]")]
    host: Option<Endpoint>,
    /// The service that `provision-sim serve` runs on this machine: fills host, port, CA and ID scope
    #[arg(long)]
    local: bool,
    /// Which shape of replies to ask for
    #[arg(long, default_value_t = ApiVersion::DEFAULT, value_name = "DATE")]
    api_version: ApiVersion,
    /// CA certificates to trust in place of the system's [env: SSL_CERT_FILE]
    #[arg(long, value_name = "PEM")]
    ca_file: Option<PathBuf>,
    /// The whole registration, waits included, must end within this
    #[arg(long, default_value = "2m", value_parser = timeout, value_name = "DURATION")]
    timeout: Duration,
    /// How long the SAS token is valid
    #[arg(long, default_value = "1h", value_parser = token_lifetime, value_name = "DURATION")]
    ttl: Duration,
    /// Tell each step as it happens, on standard error, in words that teach the protocol; keys and
    /// signatures are never shown
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    route: RouteArgs,
}

impl Register {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let local = self.local()?;
        let (settings, context) = self.prepare(local.as_ref())?;
        let mut narrator = self.narrator(&settings, &context);
        let client = ProvisioningClient::new(settings);
        let runtime = small_runtime()?;
        let progress = Progress::new(printer);
        let mut transcript = Transcript::new(printer);
        let mut notify = |notice| {
            progress.notice(&notice);
            if let Some(narrator) = &mut narrator {
                narrator.notice(&notice);
            }
            transcript.notice(&notice);
        };
        let result = runtime.block_on(progress.during(client.register(&mut notify)));
        if let Some(narrator) = narrator {
            narrator.end(&result);
        }
        // A name lookup that hangs cannot be called off; it must not hold up the end.
        runtime.shutdown_background();
        transcript.end(result, &context)
    }

    fn narrator(&self, settings: &Settings, context: &Context) -> Option<Narrator> {
        let proof = context.proof.as_ref().filter(|_| self.explain)?;
        Some(Narrator::begin(settings, proof))
    }

    /// The service that runs on this machine, if it is wanted.
    pub(super) fn local(&self) -> Result<Option<Local>, Report> {
        self.local.then(local::find).transpose()
    }

    /// How the device registers, and what is known on this side if that fails.
    pub(super) fn prepare(&self, local: Option<&Local>) -> Result<(Settings, Context), Report> {
        let (proof, registration_id) = self.proof(local)?;
        let settings = self.settings(local, &proof, registration_id)?;
        let context = Context {
            endpoint: settings.endpoint.clone(),
            id_scope: settings.id_scope.clone(),
            registration_id: settings.registration_id.clone(),
            proof: Some(proof),
            skew: None,
            is_local: self.local,
            proxy: settings.route.proxy.as_ref().map(ToString::to_string),
        };
        Ok((settings, context))
    }

    fn settings(
        &self,
        local: Option<&Local>,
        proof: &Proof,
        registration_id: RegistrationId,
    ) -> Result<Settings, Report> {
        let endpoint = self.endpoint(local)?;
        let ports = local.map(Local::ports).transpose()?.unwrap_or_default();
        let credential = proof.credential(&registration_id);
        Ok(Settings {
            route: self.route.route(&endpoint, ports, self.local)?,
            ports,
            transport: self.route.transport(),
            payload: self.payload()?,
            api_version: self.api_version.clone(),
            timeout: self.timeout,
            token_lifetime: self.ttl,
            ..Settings::new(
                endpoint,
                self.id_scope(local)?,
                registration_id,
                credential,
                client_config(&self.trust(local))
                    .map_err(|error| Report::usage(format!("--ca-file: {error}")))?,
            )
        })
    }

    /// The one credential that was given, and the device whose it is; a flag beats any variable.
    fn proof(&self, local: Option<&Local>) -> Result<(Proof, RegistrationId), Report> {
        proof::check_given(&self.key, &self.certificate, self.payload.as_deref())?;
        if let Some((certificate, id)) = self.certificate.resolve(self.reg_id.as_ref())? {
            return Ok((Proof::Certificate(certificate), id));
        }
        let id = self.reg_id.clone().ok_or_else(|| Report::usage("no device: give --reg-id"))?;
        Ok((Proof::Key(self.key(local)?), id))
    }

    fn key(&self, local: Option<&Local>) -> Result<GivenKey, Report> {
        if let Some(key) = self.key.resolve()? {
            return Ok(key);
        }
        if local.is_some_and(|local| local.is_default_world) {
            return contoso::GROUP_KEY.parse().map(GivenKey::Group).map_err(Report::internal);
        }
        self.key
            .require()
            .map_err(|report| report.remedy("or prove the device by X.509: --cert PEM"))
    }

    fn id_scope(&self, local: Option<&Local>) -> Result<IdScope, Report> {
        const VARIABLE: &str = "IOTHUB_DEVICE_DPS_ID_SCOPE";
        let parse = |name: &str, text: &str| {
            text.parse()
                .map_err(|error| Report::usage(format!("{name}: {text:?} is no ID scope: {error}")))
        };
        match (&self.id_scope, local, variable(VARIABLE)) {
            (Some(scope), ..) => Ok(scope.clone()),
            (None, Some(local), _) => parse("--local", &local.ready.id_scope),
            (None, None, Some(text)) => parse(VARIABLE, &text),
            (None, None, None) => Err(Report::usage(format!("no ID scope: give --id-scope, or set {VARIABLE}"))
                .remedy("it stands on the overview page of the DPS instance; `--local` fills it in for `provision-sim serve`")),
        }
    }

    fn endpoint(&self, local: Option<&Local>) -> Result<Endpoint, Report> {
        const VARIABLE: &str = "IOTHUB_DEVICE_DPS_ENDPOINT";
        let parse = |name: &str, text: &str| {
            text.parse().map_err(|error| Report::usage(format!("{name}: {text:?}: {error}")))
        };
        match (&self.host, local, variable(VARIABLE)) {
            (Some(host), ..) => Ok(host.clone()),
            // Its ports are filled in beside it, one for each transport.
            (None, Some(local), _) => Ok(local.address()?.without_port()),
            (None, None, Some(text)) => parse(VARIABLE, &text),
            (None, None, None) => parse("--host", GLOBAL_ENDPOINT),
        }
    }

    fn trust(&self, local: Option<&Local>) -> Trust {
        match (&self.ca_file, local, variable("SSL_CERT_FILE")) {
            (Some(path), ..) => Trust::File(path.clone()),
            (None, Some(local), _) => Trust::File(local.ready.ca_file.clone()),
            (None, None, Some(path)) => Trust::File(path.into()),
            (None, None, None) => Trust::System,
        }
    }

    fn payload(&self) -> Result<Option<Payload>, Report> {
        let Some(argument) = &self.payload else { return Ok(None) };
        let text = read("--payload", argument)?;
        let payload: Payload = text.parse().map_err(|error| {
            Report::usage(format!("--payload: {error}")).remedy(
                "give one JSON value, such as '{\"fw\":\"1.0\"}'; in a shell, in single quotes",
            )
        })?;
        let length = payload.as_json().len();
        if length > MAX_MESSAGE {
            return Err(Report::usage(format!(
                "--payload: it has {length} bytes; DPS takes messages of up to {MAX_MESSAGE}"
            )));
        }
        Ok(Some(payload))
    }
}

/// Prints a registration as the C SDK's sample does, line for line.
pub(super) struct Transcript<'a> {
    printer: &'a mut Printer,
    /// Whether the network has let something through only at a later try.
    is_detour: bool,
    since: Instant,
    stopwatch: Stopwatch,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "event")]
enum Event<'a> {
    Connected,
    Phase {
        phase: &'static str,
        ms: f64,
    },
    #[serde(rename_all = "camelCase")]
    Assigning {
        operation_id: &'a str,
        wait_ms: u128,
    },
    #[serde(rename_all = "camelCase")]
    Transport {
        transport: &'static str,
        works: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    #[serde(rename_all = "camelCase")]
    Waiting {
        reason: String,
        wait_ms: u128,
    },
}

impl<'a> Transcript<'a> {
    /// Begins with the sample's header.
    pub(super) fn new(printer: &'a mut Printer) -> Self {
        if printer.is_text() {
            printer.line(concat!("Provisioning API Version: ", env!("CARGO_PKG_VERSION")));
            printer.line("");
            printer.line("Registering Device");
            printer.line("");
        }
        let (since, stopwatch) = (Instant::now(), Stopwatch::default());
        Self { printer, is_detour: false, since, stopwatch }
    }

    /// One line per transition; what the sample does not show is logged.
    pub(super) fn notice(&mut self, notice: &Notice) {
        if let Some(ended) = self.stopwatch.notice(self.since.elapsed(), notice) {
            self.phase(ended);
        }
        match notice {
            Notice::Reached { .. }
            | Notice::Secured(_)
            | Notice::Signed(_)
            | Notice::Sent(_)
            | Notice::Received(_) => {}
            Notice::Blocked { transport, why } => {
                self.is_detour = true;
                tracing::warn!("{transport} does not get through: {why}");
                let (transport, reason) = (transport.name(), Some(why.as_str()));
                self.printer.event(&Event::Transport { transport, works: false, reason });
            }
            Notice::Through { transport } => {
                let text = format!("the network lets {transport} through: --transport {transport}");
                // Who saw the warnings wants to know how they ended.
                if self.is_detour {
                    tracing::warn!("{text}")
                } else {
                    tracing::info!("{text}")
                }
                let transport = transport.name();
                self.printer.event(&Event::Transport { transport, works: true, reason: None });
            }
            Notice::Connected => self.status("CONNECTED", &Event::Connected),
            Notice::Assigning { operation_id, wait } => {
                let operation_id = operation_id.as_str();
                self.status(
                    "ASSIGNING",
                    &Event::Assigning { operation_id, wait_ms: wait.as_millis() },
                );
            }
            Notice::Busy { rejection, wait } => {
                self.waiting(format!("the service is busy: {rejection}"), *wait)
            }
            Notice::Unavailable { wait } => {
                self.waiting(
                    "CONNACK 3: the service is unavailable, or does not know the ID scope"
                        .to_owned(),
                    *wait,
                );
            }
            Notice::Lost { why, wait } => self.waiting(why.clone(), *wait),
            Notice::Forgotten => {
                tracing::warn!("the service forgot the operation (404203); registering anew")
            }
            Notice::ForeignAnswer { rid } => {
                tracing::warn!("an answer came with the $rid {rid:?}, which is not waited for")
            }
        }
    }

    fn phase(&mut self, (phase, took): Ended) {
        tracing::debug!("{phase} took {took:?}");
        self.printer.event(&Event::Phase { phase, ms: milliseconds(took) });
    }

    fn status(&mut self, word: &str, event: &Event<'_>) {
        if self.printer.is_text() {
            self.printer.line(format!("Provisioning Status: PROV_DEVICE_REG_STATUS_{word}"));
        }
        self.printer.event(event);
    }

    fn waiting(&mut self, reason: String, wait: Duration) {
        tracing::warn!("{reason}; trying again in {}", humantime::format_duration(wait));
        self.printer.event(&Event::Waiting { reason, wait_ms: wait.as_millis() });
    }

    /// Prints the result, and explains a failure.
    pub(super) fn end(
        mut self,
        result: Result<Registered, Error>,
        context: &Context,
    ) -> Result<Exit, Report> {
        for ended in self.stopwatch.stop(self.since.elapsed(), result.is_ok()) {
            self.phase(ended);
        }
        tracing::info!("timings: {}", self.stopwatch.timings().line());
        match result {
            Ok(registered) => {
                self.print(&registered);
                Ok(Exit::Done)
            }
            Err(error) => {
                let timings = self.stopwatch.timings().clone();
                self.print_failure(&error);
                let mut report = explain::report(&error, context);
                report.timings = Some(Box::new(timings));
                Err(report)
            }
        }
    }

    /// The sample's last lines on success.
    pub(super) fn print(self, registered: &Registered) {
        match self.printer.format {
            Output::Text => {}
            Output::Json => {
                let object = with_timings(&registered.body, self.stopwatch.timings());
                return self.printer.line(object);
            }
            Output::Jsonl => return self.printer.line(&registered.body),
        }
        let Registered { assigned_hub, device_id, payload, .. } = registered;
        self.printer.line("");
        self.printer.line(format!(
            "Registration Information received from service: {assigned_hub}, deviceId: {device_id}"
        ));
        if let Some(payload) = payload {
            self.printer.line(format!("Payload received from service: {}", payload.as_json()));
        }
    }

    /// The sample's last lines on failure.
    pub(super) fn print_failure(self, error: &Error) {
        if self.printer.is_text() {
            self.printer.line("");
            self.printer.line(format!("Failure registering device: {}", error.c_sdk_result()));
        }
    }
}
