//! What a device and the provisioning service say on the links between them.
//!
//! Pure: events of the engine go in, and out come what is to be done with a link, or a question. Attestation
//! is none of its business: that is decided when the device registers.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::request::{Request, RequestFault, What};
use super::sign_in::{Denied, SignIn};
use crate::amqp::engine::{Connection, Delivery, Event, LinkId};
use crate::amqp::{Attach, Message, Open, Outcome, Role, Value};
use crate::service::attest::Proof;
use crate::service::caller::{Caller, Transport, TurnedAway};
use crate::service::connection::{ClientConnection, said};
use crate::service::endpoint::repeats::Repeats;
use crate::text::Foreign;
use crate::wire::{
    ApiVersion, ErrorCode, IdScope, LINK_API_VERSION, LINK_CLIENT_VERSION, RegistrationAddress,
};

/// How many messages a device may send before it has to wait: more than it ever wants to.
const CREDIT: u32 = 100;

/// What a device says on its links, and who it is.
#[derive(Debug)]
pub(super) struct Provisioning {
    /// What is known of the connection, until the first link.
    connection: ClientConnection,
    /// What it brought, until the first link.
    sign_in: SignIn,
    /// Those of the TLS handshake, until the first link.
    certificates: Vec<CertificateDer<'static>>,
    device: Option<Box<Caller>>,
    links: Vec<Link>,
    /// Whether the journal has been told that a link was refused.
    was_turned_away: bool,
    warnings: Repeats,
}

/// One link of a device.
#[derive(Debug)]
struct Link {
    id: LinkId,
    /// What this side is on it.
    role: Role,
    /// Whether the device wants messages that nobody waits to hear of.
    is_settled: bool,
}

/// What is to be done, beside what was done.
#[derive(Debug)]
pub(super) enum Took {
    /// Nothing.
    Nothing,
    /// Find the answer, and have it said.
    Ask(Question),
    /// End the link with this.
    Refuse(LinkId, Box<Refusal>),
    /// Refuse the message with this.
    Reject(LinkId, Delivery, Box<Refusal>),
}

/// What a device wants to know.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) link: LinkId,
    pub(super) delivery: Delivery,
    pub(super) what: What,
    pub(super) correlation_id: Option<Value>,
}

/// Why there is no link, or no answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    /// For the device.
    pub(super) message: &'static str,
    /// For the log.
    pub(super) reason: String,
    /// For the journal, if it is known which device it would be.
    pub(super) turned_away: Option<TurnedAway>,
}

impl Provisioning {
    pub(super) fn new(
        connection: ClientConnection,
        sign_in: SignIn,
        certificates: Vec<CertificateDer<'static>>,
    ) -> Self {
        Self {
            connection,
            sign_in,
            certificates,
            device: None,
            links: Vec::new(),
            was_turned_away: false,
            warnings: Repeats::default(),
        }
    }

    /// The client says who it is.
    pub(super) fn opened(&mut self, open: &Open) {
        self.connection.client_id = Some(said(&open.container_id));
    }

    /// What is known of the connection, and the certificate that it was made with.
    pub(super) fn client(&self) -> (&ClientConnection, Option<&CertificateDer<'static>>) {
        match self.device.as_deref() {
            Some(Caller { connection, proof: Proof::Certificates(all), .. }) => {
                (connection, all.first())
            }
            Some(device) => (&device.connection, None),
            None => (&self.connection, self.certificates.first()),
        }
    }

    /// The device, once it has a link.
    pub(super) fn device(&self) -> Option<&Caller> {
        self.device.as_deref()
    }

    /// Who would have a link, as far as it says so: for faults on demand, which strike before it is judged.
    pub(super) fn would_be(&self, attach: &Attach) -> Option<Caller> {
        let address: RegistrationAddress = address_of(attach)?.parse().ok()?;
        let said_version = property(attach, LINK_API_VERSION).and_then(|text| text.parse().ok());
        let (connection, api_version, proof) = match self.device.as_deref() {
            Some(device) => {
                (device.connection.clone(), device.api_version.clone(), device.proof.clone())
            }
            None => {
                let proof = self.sign_in.clone().into_proof(self.certificates.clone());
                (self.connection_with(attach), said_version?, proof)
            }
        };
        let RegistrationAddress { id_scope, registration_id } = address;
        let transport = Transport::Amqp;
        Some(Caller { connection, transport, id_scope, registration_id, api_version, proof })
    }

    /// Whether a device may yet say who it is with its first link alone.
    pub(super) fn awaits_first_link(&self) -> bool {
        self.device.is_none() && matches!(self.sign_in, SignIn::Bare)
    }

    /// A name for the device in logs.
    pub(super) fn name(&self) -> &str {
        match (&self.device, self.sign_in.address()) {
            (Some(device), _) => device.registration_id.as_str(),
            (None, Some(address)) => address.registration_id.as_str(),
            (None, None) => "a client",
        }
    }

    /// Takes in an event that is about links, or about messages on them. `id_scope` is the one served.
    pub(super) fn take(
        &mut self,
        event: Event,
        engine: &mut Connection,
        id_scope: &IdScope,
    ) -> Took {
        match event {
            Event::Asked(link, attach) => self.attach(link, &attach, engine),
            Event::Message(link, delivery, message) => {
                self.message(link, delivery, message, id_scope)
            }
            Event::Became(_, _, outcome) => {
                if !matches!(outcome, Outcome::Accepted | Outcome::Received) {
                    self.warn(format_args!("does not accept its answer, but says {outcome:?}"));
                }
                Took::Nothing
            }
            Event::Detached(link, error) => {
                self.links.retain(|it| it.id != link);
                if let Some(error) = error {
                    let text = Foreign::short(error.description.as_deref().unwrap_or_default());
                    self.warn(format_args!("ends a link with {}: {text:?}", error.condition));
                }
                Took::Nothing
            }
            Event::Ended { channel, error } => {
                self.links.retain(|it| it.id.channel() != channel);
                if let Some(error) = error {
                    let text = Foreign::short(error.description.as_deref().unwrap_or_default());
                    self.warn(format_args!("ends its session with {}: {text:?}", error.condition));
                }
                Took::Nothing
            }
            // This side asks for no links, and the engine keeps what waits for credit.
            Event::Opened(_)
            | Event::Begun { .. }
            | Event::Attached(..)
            | Event::Credit(..)
            | Event::Closed(_) => Took::Nothing,
        }
    }

    fn attach(&mut self, link: LinkId, attach: &Attach, engine: &mut Connection) -> Took {
        if let Err(refusal) = self.admit(attach) {
            return Took::Refuse(link, Box::new(refusal));
        }
        let role = attach.role.other();
        let is_settled = attach.snd_settle_mode == Some(1);
        self.links.push(Link { id: link, role, is_settled });
        engine.accept(link, Vec::new());
        if role == Role::Receiver {
            engine.grant(link, CREDIT);
        }
        Took::Nothing
    }

    /// Whether the link may be: it is for the device that the connection is for (J-334).
    fn admit(&mut self, attach: &Attach) -> Result<(), Refusal> {
        let text = address_of(attach).unwrap_or_default();
        let address: RegistrationAddress = text.parse().map_err(|error| {
            self.refusal(None, attach, Check::Address, format!("{} {error}", asked(attach, text)))
        })?;
        let other = match (&self.device, &self.sign_in, self.sign_in.address()) {
            (Some(device), ..) if !device.registration_id.names_same_device(address.registration_id.as_str()) => {
                Some(format!("the connection is for {}", device.registration_id))
            }
            (None, _, Some(name)) if !name.names_same_device(&address) => {
                Some(format!("it signed in as {name}"))
            }
            (None, SignIn::Cbs, _) => Some(
                "it signed in with MSSBCBS, which is for hubs; here it is PLAIN, or no SASL and a certificate"
                    .to_owned(),
            ),
            _ => None,
        };
        if let Some(why) = other {
            let reason = format!("{} {why} (J-334)", asked(attach, text));
            return Err(self.refusal(Some(&address), attach, Check::Identity, reason));
        }
        let said_version = property(attach, LINK_API_VERSION);
        let api_version: Result<ApiVersion, _> = said_version.unwrap_or_default().parse();
        match (&self.device, api_version) {
            (Some(device), Ok(api_version)) if api_version != device.api_version => {
                let first = device.api_version.clone();
                self.warn(format_args!(
                    "names the api-version {api_version} on one link and {first} on another; {first} counts"
                ));
            }
            (Some(_), Ok(_)) => {}
            // The first link has said it.
            (Some(_), Err(_)) if said_version.is_none() => {}
            (None, Ok(api_version)) => self.is_for(address, api_version, attach),
            (_, Err(error)) => {
                let seen = match said_version {
                    Some(text) => format!("{:?}: {error}", Foreign::short(text)),
                    None => "missing".to_owned(),
                };
                let reason = format!(
                    "{} its property {LINK_API_VERSION}, a string, is {seen}",
                    asked(attach, text)
                );
                return Err(self.refusal(Some(&address), attach, Check::Version, reason));
            }
        }
        Ok(())
    }

    /// From now on the connection is for this device.
    fn is_for(&mut self, address: RegistrationAddress, api_version: ApiVersion, attach: &Attach) {
        let RegistrationAddress { id_scope, registration_id } = address;
        let certificates = std::mem::take(&mut self.certificates);
        let sign_in = std::mem::replace(&mut self.sign_in, SignIn::Bare);
        self.device = Some(Box::new(Caller {
            connection: self.connection_with(attach),
            transport: Transport::Amqp,
            id_scope,
            registration_id,
            api_version,
            proof: sign_in.into_proof(certificates),
        }));
    }

    /// What is known of the connection, with what a link says of its client.
    fn connection_with(&self, attach: &Attach) -> Arc<ClientConnection> {
        let client_version = property(attach, LINK_CLIENT_VERSION).map(said);
        Arc::new(ClientConnection { client_version, ..self.connection.clone() })
    }

    fn refusal(
        &mut self,
        address: Option<&RegistrationAddress>,
        attach: &Attach,
        check: Check,
        reason: String,
    ) -> Refusal {
        let (code, message, word) = check.refusal();
        let named = address.or(self.sign_in.address());
        let named = named.filter(|_| self.device.is_none() && !self.was_turned_away);
        let turned_away = named.map(|named| TurnedAway {
            connection: self.connection_with(attach),
            transport: Transport::Amqp,
            registration_id: named.registration_id.clone(),
            id_scope: Some(named.id_scope.to_string()),
            api_version: property(attach, LINK_API_VERSION).and_then(|text| text.parse().ok()),
            check: word,
            reason: reason.clone(),
        });
        self.was_turned_away |= turned_away.is_some();
        Refusal { code, message, reason, turned_away }
    }

    fn message(
        &mut self,
        link: LinkId,
        delivery: Delivery,
        message: Message,
        served: &IdScope,
    ) -> Took {
        let Some(device) = &self.device else { return Took::Nothing };
        let read = Request::read(message);
        // A poll is no registration.
        let is_about_one = match &read {
            Ok(request) => !matches!(request.what, What::Poll(_)),
            Err((fault, _)) => !matches!(fault, RequestFault::NoOperationId),
        };
        let (code, message, check, reason) = match read {
            // Here and not at the link, where Node's caller would not hear of it over a WebSocket.
            Ok(_) if !served.matches(device.id_scope.as_str()) => {
                let reason = format!(
                    "{} asks for the ID scope {}; {served} is served here (J-334)",
                    device.registration_id, device.id_scope
                );
                (ErrorCode::ID_SCOPE_NOT_FOUND, "ID scope not found.", "idScope", reason)
            }
            Ok(Request { what, correlation_id }) => {
                return Took::Ask(Question { link, delivery, what, correlation_id });
            }
            Err((fault, _)) => {
                let (code, message) = match &fault {
                    RequestFault::Body(_) => (ErrorCode::DESERIALIZATION, "Deserialization error."),
                    RequestFault::TooLong(_) => (super::answer::TOO_LONG, "Message too long."),
                    RequestFault::NoOperationType
                    | RequestFault::OperationType(_)
                    | RequestFault::NoOperationId => (ErrorCode::BAD_REQUEST, "Bad request."),
                };
                (code, message, "request", fault.to_string())
            }
        };
        let turned_away = is_about_one.then(|| TurnedAway {
            connection: device.connection.clone(),
            transport: Transport::Amqp,
            registration_id: device.registration_id.clone(),
            id_scope: Some(device.id_scope.to_string()),
            api_version: Some(device.api_version.clone()),
            check,
            reason: reason.clone(),
        });
        let refusal = Refusal { code, message, reason, turned_away };
        Took::Reject(link, delivery, Box::new(refusal))
    }

    /// The link on which the answer to a request on `asked` goes, and whether it goes settled: of several,
    /// the one that stands where `asked` stands among those of the device that send (J-335).
    pub(super) fn answers_on(&self, asked: LinkId) -> Option<(LinkId, bool)> {
        let of = |role| {
            self.links
                .iter()
                .filter(move |it| it.role == role && it.id.channel() == asked.channel())
        };
        let place = of(Role::Receiver).position(|it| it.id == asked).unwrap_or_default();
        let own = of(Role::Sender).nth(place).or_else(|| of(Role::Sender).next_back());
        let any = || self.links.iter().rfind(|it| it.role == Role::Sender);
        own.or_else(any).map(|it| (it.id, it.is_settled))
    }

    /// Warns of what a device does, unless it does so all the time (J-203).
    pub(super) fn warn(&mut self, what: fmt::Arguments<'_>) {
        if self.warnings.may_log(Instant::now()) {
            self.warn_of_more();
            tracing::warn!("{}: {what}", self.name());
        }
    }

    /// Tells how many warnings were not logged, if there were any.
    pub(super) fn warn_of_more(&mut self) {
        if let Some(counted) = self.warnings.take_counted() {
            tracing::warn!("{}: {counted} more warnings of this kind (J-203)", self.name());
        }
    }

    /// A client that SASL does not let in, if it is known which device it would be.
    pub(super) fn turned_away(connection: ClientConnection, denied: Denied) -> Option<TurnedAway> {
        let RegistrationAddress { id_scope, registration_id } = *denied.who?;
        Some(TurnedAway {
            connection: Arc::new(connection),
            transport: Transport::Amqp,
            registration_id,
            id_scope: Some(id_scope.to_string()),
            api_version: None,
            check: denied.check,
            reason: denied.reason,
        })
    }
}

/// What a link does not pass.
#[derive(Debug, Clone, Copy)]
enum Check {
    Address,
    Identity,
    Version,
}

impl Check {
    /// What the device is told, and the word for the journal.
    fn refusal(self) -> (ErrorCode, &'static str, &'static str) {
        match self {
            Self::Address => {
                (super::answer::NODE_NOT_FOUND, "There is no such address.", "address")
            }
            Self::Identity => (ErrorCode::UNAUTHORIZED, "Unauthorized", "identity"),
            Self::Version => (ErrorCode::BAD_REQUEST, "Unsupported api-version", "request"),
        }
    }
}

/// Where a link leads: from the source of one on which the client receives, to the target of one on which it
/// sends.
pub(super) fn address_of(attach: &Attach) -> Option<&str> {
    let end = match attach.role {
        Role::Receiver => &attach.source,
        Role::Sender => &attach.target,
    };
    end.as_ref()?.address.as_deref()
}

/// What was asked for, for the log.
fn asked(attach: &Attach, address: &str) -> String {
    let end = match attach.role {
        Role::Receiver => "source",
        Role::Sender => "target",
    };
    match address {
        "" => format!("a link without an address of its {end}:"),
        address => format!("a link whose {end} is {:?}:", Foreign::short(address)),
    }
}

pub(super) fn property<'a>(attach: &'a Attach, name: &str) -> Option<&'a str> {
    let found = attach.properties.iter().find(|(key, _)| key.as_text() == Some(name));
    found.and_then(|(_, value)| value.as_text())
}
