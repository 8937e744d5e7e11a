//! Which hub, which device, and the way there.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::attestation::DeviceCertificate;
use crate::cli::args::duration::timeout;
use crate::cli::args::local::LocalArg;
use crate::cli::args::route::RouteArgs;
use crate::cli::args::service::trust;
use crate::cli::local::Local;
use crate::cli::report::Report;
use crate::device::{Credential, HubSettings, HubSettingsError, Transport};
use crate::explain::{Context, Proof};
use crate::net::{Endpoint, client_config};
use crate::wire::{DeviceId, HubName, RegistrationId};

/// The device's place at its hub.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// The hub, as `register` has printed it [default with --local: the only hub there]
    #[arg(long, value_name = "HOST")]
    hub: Option<HubName>,
    /// The device's ID there [default: the CN of --cert]
    #[arg(long, value_name = "ID")]
    device_id: Option<DeviceId>,
    #[command(flatten)]
    local: LocalArg,
    /// Dial this in the hub's place; the name that is verified stays the hub's [default with
    /// --local: the local service]
    #[arg(long, value_name = "HOST[:PORT]")]
    hub_gateway: Option<Endpoint>,
    /// CA certificates to trust in place of the system's [env: SSL_CERT_FILE]
    #[arg(long, value_name = "PEM")]
    ca_file: Option<PathBuf>,
    /// Everything must end within this
    #[arg(long, default_value = "2m", value_parser = timeout, value_name = "DURATION")]
    timeout: Duration,
    #[command(flatten)]
    route: RouteArgs,
}

impl PlaceArgs {
    /// Where the device signs in with this certificate, and what is known for explanations.
    pub(super) fn resolve(
        &self,
        certificate: &DeviceCertificate,
        name: &RegistrationId,
    ) -> Result<(HubSettings, Context), Report> {
        self.check_transport()?;
        let local = self.local.find()?;
        let hub = self.hub(local.as_ref())?;
        let device_id = self.device_id.clone().unwrap_or_else(|| name.into());
        let tls = client_config(&trust(self.ca_file.as_deref(), local.as_ref()))
            .map_err(|error| Report::usage(format!("--ca-file: {error}")))?;
        let credential = Credential::X509(certificate.clone());
        let settings = HubSettings::with_credential(&hub, &device_id, credential, &tls);
        let mut settings = settings.map_err(wrong)?;
        (settings.timeout, settings.transport) = (self.timeout, self.route.transport());
        let gateway = self.gateway(local.as_ref(), &mut settings)?;
        let dialled = gateway.as_ref().unwrap_or(settings.endpoint()).clone();
        let is_local = self.hub_gateway.is_none() && local.is_some();
        settings.route =
            self.route.route(&dialled, settings.transport, settings.ports, is_local)?;
        let context = self.context(&dialled, certificate, name, &settings);
        Ok((
            match gateway {
                Some(gateway) => settings.through(&gateway),
                None => settings,
            },
            context,
        ))
    }

    fn check_transport(&self) -> Result<(), Report> {
        match self.route.transport() {
            transport @ (Transport::Amqp | Transport::AmqpWs) => Err(Report::usage(format!(
                "--transport {transport}: hubs issue certificates over MQTT alone"
            ))
            .remedy("take --transport mqtt, mqtt-ws or auto")),
            _ => Ok(()),
        }
    }

    fn hub(&self, local: Option<&Local>) -> Result<HubName, Report> {
        if let Some(hub) = &self.hub {
            return Ok(hub.clone());
        }
        let known: Vec<_> =
            local.into_iter().flat_map(|local| local.hub_connection_strings.iter()).collect();
        match known[..] {
            [(hub, _)] => hub
                .as_str()
                .parse()
                .map_err(|error| Report::usage(format!("--local: the hub {hub}: {error}"))),
            [] => Err(Report::usage("no hub (--hub)").remedy(
                "`register` prints it, and `status` tells it again; with --cache it is in that file",
            )),
            _ => {
                let names: Vec<_> = known.iter().map(|(hub, _)| hub.to_string()).collect();
                Err(Report::usage("no hub (--hub), and the local service has several")
                    .cause(format!("there are {}", names.join(", ")))
                    .remedy("give the one that `register` has printed: --hub HOST"))
            }
        }
    }

    fn gateway(
        &self,
        local: Option<&Local>,
        settings: &mut HubSettings,
    ) -> Result<Option<Endpoint>, Report> {
        if let Some(gateway) = &self.hub_gateway {
            return Ok(Some(gateway.clone()));
        }
        let Some(local) = local else { return Ok(None) };
        settings.ports = local.ports()?;
        Ok(Some(local.address()?.without_port()))
    }

    fn context(
        &self,
        dialled: &Endpoint,
        certificate: &DeviceCertificate,
        name: &RegistrationId,
        settings: &HubSettings,
    ) -> Context {
        Context {
            endpoint: dialled.clone(),
            id_scope: None,
            registration_id: name.clone(),
            proof: Some(Proof::Certificate(certificate.clone())),
            skew: None,
            is_local: self.local.is_given(),
            group: None,
            proxy: settings.route.proxy.as_ref().map(ToString::to_string),
            ca_file: None,
        }
    }
}

fn wrong(error: HubSettingsError) -> Report {
    match error {
        HubSettingsError::Hub { hub, source } => Report::usage(format!("--hub {hub}: {source}"))
            .remedy("give the hub's host name, such as my-hub.azure-devices.net"),
        error => Report::usage(format!("--device-id: {error}")),
    }
}
