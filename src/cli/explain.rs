//! Why a registration usually fails like this, and what to try: from the error, and from what is
//! known on this side.

use super::Exit;
use super::explain_x509;
use super::input::GivenKey;
use super::proof::Proof;
use super::report::Report;
use crate::attestation::DeviceCertificate;
use crate::contoso::{GROUP_KEY, MISPRINTS, Misprint};
use crate::device::{Breach, ConnectPhase, Deadline, Error, NetworkError, Rejection, Waiting};
use crate::net::{DialError, Endpoint, ProxyFault, TlsFault};
use crate::wire::{ConnectCode, ErrorCode, GLOBAL_ENDPOINT, IdScope, RegistrationId};

/// What is known on this side.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) endpoint: Endpoint,
    pub(super) id_scope: IdScope,
    pub(super) registration_id: RegistrationId,
    /// The proof as it was given, if it was given here.
    pub(super) proof: Option<Proof>,
    pub(super) is_local: bool,
    /// The proxy, without its credentials.
    pub(super) proxy: Option<String>,
}

impl Context {
    fn certificate(&self) -> Option<&DeviceCertificate> {
        match &self.proof {
            Some(Proof::Certificate(certificate)) => Some(certificate),
            _ => None,
        }
    }
}

/// The whole story of a failed registration.
pub(super) fn report(error: &Error, context: &Context) -> Report {
    let code = error.code();
    let mut report = Report::new(error.kind(), Exit::from(error.class()), error);
    report.result = Some(error.c_sdk_result());
    report.code = code.map(|code| code.0);
    report.name = code.and_then(ErrorCode::name);
    report.operation_id = error.operation_id().map(ToString::to_string);
    match error {
        Error::Network(error) => network(report, error, context),
        Error::NoTransport(_) => no_transport(report, context),
        Error::ConnectRefused { code, tries } => connect_refused(report, *code, *tries, context),
        Error::Breach(breach) => breached(report, breach, context),
        Error::Unauthorized(rejection) => {
            let report = with_tracking(report, rejection);
            match context.certificate() {
                Some(certificate) => explain_x509::refused(report, certificate, context),
                None => unauthorized(report, context),
            }
        }
        Error::Rejected(rejection) => {
            rejected(with_tracking(report, rejection), rejection.status, context)
        }
        Error::Failed { message, date, .. } => {
            report.headline = Some(std::mem::take(&mut report.message));
            report.message = message.clone().unwrap_or_default();
            report.date.clone_from(date);
            failed(report, code, message.as_deref(), context)
        }
        Error::Disabled { .. } => report
            .cause("the enrollment's provisioningStatus is `disabled`")
            .remedy("enable the enrollment, or find out who disabled it and why"),
        Error::Deadline(deadline) => late(report, deadline, context),
    }
}

fn with_tracking(mut report: Report, rejection: &Rejection) -> Report {
    if let Some(error) = &rejection.error {
        report.tracking_id = Some(error.tracking_id.clone()).filter(|id| !id.is_empty());
        report.date.clone_from(&error.timestamp_utc);
    }
    report
}

fn network(report: Report, error: &NetworkError, context: &Context) -> Report {
    match error {
        NetworkError::Dial(DialError::Resolve { .. }) => report
            .cause("the name is mistyped, or this machine has no DNS")
            .remedy(format!("check --host; the name of all of Azure is {GLOBAL_ENDPOINT}")),
        NetworkError::Dial(DialError::Connect { .. }) if context.is_local => report
            .cause("the local service has stopped without tidying up")
            .remedy("start `provision-sim serve`"),
        NetworkError::Dial(DialError::Connect { .. }) => report
            .cause("nothing listens there, or a firewall blocks the port (8883 for MQTT, else 443)")
            .remedy("check --host and its port, and whether the network lets the port through")
            .remedy("--transport auto finds what the network lets through"),
        NetworkError::Dial(DialError::Proxy { fault, .. }) => proxy(report, fault),
        NetworkError::Dial(DialError::Tls { fault, .. }) => tls(report, fault, context),
        NetworkError::Alert { alert } => explain_x509::alert(report, alert, context.certificate()),
        NetworkError::ClosedBeforeConnack => report
            .cause("the service is overloaded, or something between here and there cuts MQTT off")
            .remedy("try again; if it stays so, --transport auto, or another network"),
        NetworkError::Unanswered { .. } => report
            .cause("the port belongs to something else than HTTPS, such as MQTT, or a firewall cuts it off")
            .remedy("DPS speaks HTTPS on port 443; check --host and its port"),
        NetworkError::Upgrade(_) => report
            .cause("something answers in the service's place: a proxy, a firewall, or a page to log in")
            .cause("the host serves HTTPS, but it is not DPS")
            .remedy("check --host; log in to the network, or give its proxy with --proxy")
            .remedy("--transport auto finds what the network lets through"),
        NetworkError::NoAnswer { .. } => no_transport(report, context),
    }
}

fn proxy(report: Report, fault: &ProxyFault) -> Report {
    match fault {
        ProxyFault::Resolve(_) | ProxyFault::Connect { .. } => report
            .cause("the proxy's name or port is wrong, or it cannot be reached from this network")
            .remedy("check --proxy, HTTPS_PROXY and ALL_PROXY; --proxy '' goes without"),
        ProxyFault::Unauthorized { .. } => {
            report.cause("the proxy lets only those through that it knows").remedy(
                "give --proxy http://USER:PASSWORD@HOST:PORT, special characters percent-encoded",
            )
        }
        ProxyFault::Refused { .. } => report
            .cause("the proxy does not allow this host or this port; many allow only 443")
            .remedy("--transport auto finds what it lets through")
            .remedy("ask whoever runs the proxy to allow the host"),
        _ => report
            .cause("it is no HTTP proxy, or it is not well")
            .remedy("check the port of --proxy, HTTPS_PROXY or ALL_PROXY"),
    }
}

fn no_transport(report: Report, context: &Context) -> Report {
    if context.is_local {
        return report.remedy("start `provision-sim serve`");
    }
    let report = report.cause("a firewall is in the way, or nothing listens at this host");
    match &context.proxy {
        Some(proxy) => report
            .remedy(format!("ask whoever runs the proxy {proxy} to allow {}", context.endpoint)),
        None => report
            .remedy(format!("check --host ({})", context.endpoint))
            .remedy("if the network has a proxy, give it: --proxy http://HOST:PORT"),
    }
}

fn tls(report: Report, fault: &TlsFault, context: &Context) -> Report {
    match fault {
        TlsFault::UnknownIssuer if context.is_local => report
            .cause("the CA file of the local service is not the one that signed its certificate")
            .remedy("leave out --ca-file, or restart `provision-sim serve`"),
        TlsFault::UnknownIssuer => report
            .cause("it is a local service, whose CA this machine does not know; or a proxy that opens TLS")
            .remedy("give its CA: --ca-file PEM (for `provision-sim serve` just use --local)"),
        TlsFault::WrongName { .. } => report
            .cause("the name given is not the one the service has its certificate for")
            .remedy("give --host as the certificate has it"),
        TlsFault::Expired(_) | TlsFault::NotYetValid(_) => report
            .cause("this machine's clock is wrong, or the certificate was not renewed")
            .remedy("check the clock: `date -u`"),
        TlsFault::NotTls => report
            .cause("the port belongs to something else, such as plain MQTT on 1883 or plain HTTP")
            .remedy("DPS speaks TLS on 8883 (MQTT) and on 443 (HTTPS, WebSocket); check the port"),
        TlsFault::Alert(alert) => explain_x509::alert(report, alert, context.certificate()),
        _ => report,
    }
}

fn connect_refused(report: Report, code: ConnectCode, tries: u32, context: &Context) -> Report {
    let Context { id_scope, .. } = context;
    match code {
        ConnectCode::ServerUnavailable => {
            let times = if tries == 1 { "once".to_owned() } else { format!("{tries} times") };
            report
                .cause(format!(
                    "the service does not know the ID scope {id_scope}: DPS says so in this way"
                ))
                .cause(format!("the service is down (tried {times})"))
                .remedy("compare --id-scope with the overview page of the DPS instance")
        }
        ConnectCode::NotAuthorized | ConnectCode::BadUserNameOrPassword => report
            .cause("the service did not like the user name or the client ID")
            .remedy("check --id-scope and --reg-id"),
        _ => report
            .cause("the service does not accept this program's MQTT, so it is not DPS")
            .remedy("check --host"),
    }
}

fn breached(report: Report, breach: &Breach, context: &Context) -> Report {
    match breach {
        Breach::NotMqtt { .. } => report
            .cause(format!("{} is no MQTT service", context.endpoint))
            .remedy("DPS speaks MQTT on port 8883; on 443 it wants --transport mqtt-ws or https"),
        Breach::SubscriptionRefused => {
            report.cause("it is an MQTT broker, but not DPS").remedy("check --host")
        }
        Breach::NotHttp { .. } => report
            .cause(format!(
                "{} is no HTTPS service, or something stands before it",
                context.endpoint
            ))
            .remedy("DPS speaks HTTPS on port 443; check --host and its port"),
        _ => report.cause("it is not DPS, or something between here and there changes the answers"),
    }
}

fn unauthorized(report: Report, context: &Context) -> Report {
    let id = &context.registration_id;
    let report = known_from_the_key(report, context);
    let report = if report.causes.is_empty() {
        report
            .cause(format!(
                "the key is not that of {id}: another device's, another group's, or mistyped"
            ))
            .cause("there is no enrollment for this device under this ID scope")
            .cause("this machine's clock is far off, so that the token is over already")
    } else {
        report
    };
    if context.is_local {
        report.remedy("read the log of `provision-sim serve`: it says which check failed")
    } else {
        report.remedy(
            "compare the key with the enrollment's: `az iot dps enrollment-group show --show-keys`",
        )
    }
}

/// What the key itself gives away.
fn known_from_the_key(report: Report, context: &Context) -> Report {
    let id = &context.registration_id;
    let Some(Proof::Key(GivenKey::Device(key))) = &context.proof else { return report };
    let text = key.to_base64();
    if *text == GROUP_KEY {
        return report
            .cause("--device-key is the tutorial's group key; a device signs with a key derived from it")
            .remedy("give it as --group-key");
    }
    let is_misprint = |misprint: &&Misprint| misprint.key == *text;
    if let Some(misprint) =
        MISPRINTS.iter().find(is_misprint).filter(|misprint| misprint.belongs_to != id.as_str())
    {
        let report = report.cause(format!(
            "this key belongs to {}: the tutorial prints it beside {}, where it does not fit",
            misprint.belongs_to, misprint.printed_for
        ));
        return if misprint.printed_for == id.as_str() {
            report.remedy(format!(
                "with the tutorial's group key, the key of {id} is {}",
                misprint.right_key
            ))
        } else {
            report.remedy(format!("derive the key of {id}: provision-sim derive-key --reg-id {id}"))
        };
    }
    if key.length() == 64 {
        return report
            .cause("--device-key has 64 bytes, as group keys have; derived keys have 32")
            .remedy("if it is the enrollment group's key, give it as --group-key");
    }
    report
}

fn rejected(report: Report, status: u16, context: &Context) -> Report {
    match report.code.map(ErrorCode) {
        Some(ErrorCode::BAD_REQUEST) => report
            .cause(
                "the service does not accept the registration ID, the payload or the API version",
            )
            .remedy(format!(
                "check --reg-id ({}), --payload and --api-version",
                context.registration_id
            )),
        // Over MQTT a wrong scope is CONNACK 3.
        _ if status == 404 => report
            .cause(format!("the service does not know the ID scope {}", context.id_scope))
            .cause(format!("{} is no provisioning service", context.endpoint))
            .remedy("compare --id-scope with the overview page of the DPS instance"),
        _ => report,
    }
}

fn failed(
    report: Report,
    code: Option<ErrorCode>,
    message: Option<&str>,
    context: &Context,
) -> Report {
    let report = match code {
        Some(ErrorCode::CUSTOM_ALLOCATION_FAILED) => match message.and_then(webhook_status) {
            Some(400) => report
                .cause("the enrollment's webhook answered 400: most say so to a device that they do not accept")
                .remedy(format!("see in the webhook's log why it does not accept {}", context.registration_id)),
            Some(404) => report
                .cause("the enrollment's webhook answered 404: its address is wrong")
                .remedy("check webhookUrl in the enrollment"),
            Some(status) => report
                .cause(format!("the enrollment's webhook answered {status}"))
                .remedy("look at the webhook's log"),
            None => report
                .cause("the enrollment's webhook could not be reached, or its answer was no AllocationResponse")
                .remedy("call the webhook by hand, and look at its log"),
        },
        Some(ErrorCode::CUSTOM_ALLOCATION_IOT_HUB_NOT_SPECIFIED) => report
            .cause("the enrollment's webhook answered 200 without iotHubHostName")
            .remedy("let the webhook name one of linkedHubs, or answer 400 to refuse the device"),
        Some(ErrorCode::CUSTOM_ALLOCATION_UNAUTHORIZED_ACCESS) => report
            .cause("the enrollment's webhook wants a function key and did not get the right one")
            .remedy("put the key into the enrollment's webhookUrl: …?code=…"),
        Some(ErrorCode::NO_LINKED_HUB) => report
            .cause("no IoT hub is linked that this enrollment may use")
            .remedy("link a hub to the instance, and name only linked ones in iotHubs"),
        _ => report,
    };
    if context.is_local { report.remedy("read the log of `provision-sim serve`") } else { report }
}

/// `N` of `Custom allocation failed with status code: N`.
fn webhook_status(message: &str) -> Option<u16> {
    message.rsplit_once("status code: ")?.1.trim().parse().ok()
}

fn proxy_name(context: &Context) -> &str {
    context.proxy.as_deref().unwrap_or("in between")
}

fn late(report: Report, deadline: &Deadline, context: &Context) -> Report {
    let report = match &deadline.waiting_for {
        Waiting::Connect(ConnectPhase::Proxy) => report
            .cause(format!("the proxy {} is silent", proxy_name(context)))
            .remedy("check --proxy, HTTPS_PROXY and ALL_PROXY; --proxy '' goes without"),
        Waiting::Connect(ConnectPhase::Dns | ConnectPhase::Tcp) if context.proxy.is_some() => {
            report
                .cause(format!("the proxy {} is not there, or a firewall is", proxy_name(context)))
                .remedy("check --proxy, HTTPS_PROXY and ALL_PROXY; --proxy '' goes without")
        }
        Waiting::Connect(_) => report
            .cause("a firewall swallows the packets, or the host is not there")
            .remedy(format!("check that {} can be reached from here", context.endpoint)),
        Waiting::Reconnect(_) => report.cause("the network is unsteady, or the service went down"),
        Waiting::Suback | Waiting::Answer { .. } => {
            report.cause("the service hangs, or it is not DPS")
        }
        Waiting::Assignment { .. } => report
            .cause(
                "the enrollment's webhook is slow, or answers 429 or 5xx and is being asked again",
            )
            .remedy("look at the webhook's log; give it more time with --timeout"),
        Waiting::Busy(_) => report
            .cause("the service is throttling: more devices register than its quota allows")
            .remedy("try again later, or give it more time with --timeout"),
    };
    match deadline.operation_id {
        Some(_) => report.remedy("register again: it is safe, the device keeps its enrollment"),
        None => report,
    }
}
