//! What a person sees when the service is ready.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::cli::args::quotas;
use crate::cli::local::Ready;
use crate::cli::output::printer::Printer;
use crate::recipes::{how_to_pass, how_to_trust};
use crate::service::{AllocationPolicy, Attestation, Config, Enrollment, Service};
use crate::text::shell_word;
use crate::wire::GLOBAL_ENDPOINT;

/// What somebody needs who wants to connect a device.
pub(super) struct Screen<'a> {
    pub(super) service: &'a Service,
    pub(super) config: &'a Config,
    pub(super) ready: &'a Ready,
    /// The file that has the connection strings.
    pub(super) published: &'a Path,
    /// Beside `localhost`.
    pub(super) host_names: &'a [String],
    pub(super) has_own_certificate: bool,
    pub(super) state: Option<&'a Path>,
    pub(super) is_default_world: bool,
}

impl Screen<'_> {
    pub(super) fn show(&self, printer: &mut Printer) {
        let Self { service, config, ready, .. } = self;
        let instance = service.instance();
        let mut row = |name: &str, value: &str| printer.prose(&format!("{name:<18}"), value);
        row("Host name", &self.all_host_names());
        row("MQTT over TLS", &ready.mqtt);
        row("HTTPS, WebSocket", ready.https.as_deref().unwrap_or_default());
        row("AMQP over TLS", ready.amqp.as_deref().unwrap_or_default());
        if let Some(gateway) = &ready.gateway {
            row(
                "Gateway",
                &format!("{gateway} (HTTP CONNECT and SOCKS5: leads Azure's names and ports here)"),
            );
        }
        if let Some(admin) = service.admin_address() {
            let here = SocketAddr::new(dialled_address(admin.ip()), admin.port());
            row("Page", &format!("http://{here}/ (for programs: healthz, registrations, journal)"));
        }
        row("ID scope", &ready.id_scope);
        let files = [("CA file", Some(&*ready.ca_file)), ("State", self.state)];
        for (name, path) in files.into_iter().filter_map(|(name, path)| Some((name, path?))) {
            // Copied, and so never wrapped.
            printer.line(format!("{name:<18}{}", path.display()));
        }
        let mut row = |name: &str, value: &str| printer.prose(&format!("{name:<18}"), value);
        for group in service.enrollments().groups() {
            let policy = word(
                &group
                    .allocation_policy
                    .or(instance.allocation_policy)
                    .unwrap_or(AllocationPolicy::Hashed),
            );
            let webhook = match &group.custom_allocation {
                Some(definition) => format!(" {}", definition.webhook_url),
                None => String::new(),
            };
            row("Enrollment group", &format!("{} ({policy}{webhook})", group.name()));
        }
        for hub in &instance.linked_hubs {
            row("Linked hub", hub.host_name.as_str());
        }
        if let Some(quotas) = quotas::shown(&config.quotas) {
            row("Quotas", &quotas);
        }
        row("Back ends", &format!("connection strings are in {}", self.published.display()));
        printer.line("");
        printer.line("Devices must trust the CA file:");
        for line in how_to_trust(&ready.ca_file.display().to_string()) {
            printer.line(format!("  {line}"));
        }
        self.how_to_reach(printer);
        printer.line("");
        printer.line("To try it:");
        printer.line("");
        for command in commands_to_try(service, self.is_default_world) {
            printer.line(format!("  {command}"));
        }
        printer.line("");
        printer.line("Ready. Ctrl-C stops it.");
    }

    /// For clients that know Azure's names and ports alone.
    fn how_to_reach(&self, printer: &mut Printer) {
        if let Some(gateway) = &self.ready.gateway {
            printer.prose(
                "",
                "Through the gateway they take Azure's own names and ports, those of their hub too:",
            );
            for line in how_to_pass(gateway) {
                printer.line(format!("  {line}"));
            }
            return;
        }
        printer.prose(
            "",
            "Clients whose endpoint is fixed find the service through a gateway (--gateway-port 0), or with this line in the hosts file:",
        );
        let address = dialled_address(self.service.mqtt_address().ip());
        printer.line(format!("  {address}  {GLOBAL_ENDPOINT}"));
    }

    /// What a device or a back end is told in the place of Azure's names.
    fn all_host_names(&self) -> String {
        let own = if self.has_own_certificate { "that of --tls-cert" } else { "localhost" };
        let all: Vec<_> =
            std::iter::once(own).chain(self.host_names.iter().map(String::as_str)).collect();
        format!("{} (in the place of {GLOBAL_ENDPOINT})", all.join(", "))
    }
}

/// The address that leads to a listener from this machine.
fn dialled_address(ip: IpAddr) -> IpAddr {
    if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip }
}

/// A device of each group that can be registered without more ado; of a configuration's the first.
fn commands_to_try(service: &Service, is_default_world: bool) -> Vec<String> {
    const REGISTER: &str = "provision-sim register --local --reg-id";
    if is_default_world {
        return ["contoso-toaster-007", "my-device"].map(|id| format!("{REGISTER} {id}")).into();
    }
    let enrollments = service.enrollments();
    let has_key = |group: &&Arc<Enrollment>| matches!(group.attestation, Attestation::GroupKeys(_));
    vec![match enrollments.groups().find(has_key) {
        Some(group) => format!("{REGISTER} my-device --group {}", shell_word(group.name())),
        None => format!("{REGISTER} my-device --device-key @device.key"),
    }]
}

/// The word of a record's member, as the REST API has it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
