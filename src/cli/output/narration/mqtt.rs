//! The packets of MQTT and what they mean to DPS.

use super::text::{Paragraph, paragraph, printable};
use crate::device::{Received, Sent};
use crate::text::spoken;
use crate::wire::{ConnectCode, RequestTopic, ResponseTopic};

/// What the device sends.
pub(super) fn sent(packet: &Sent) -> Option<Paragraph> {
    Some(match packet {
        Sent::Connect { client_id, user_name, has_password, keep_alive } => {
            connect(client_id, user_name, *has_password, *keep_alive)
        }
        Sent::Subscribe { packet_id, filters } => paragraph(format!(
            "-> SUBSCRIBE, packet {packet_id}"
        ))
        .line(format!("filter  {}", filters.join(", ")))
        .why("All answers come as messages on topics that begin so; the device listens before")
        .why("it asks."),
        Sent::Publish { packet_id, topic, body } => request(*packet_id, topic, body),
        Sent::Puback { packet_id } => paragraph(format!("-> PUBACK, packet {packet_id}"))
            .why("The device has the answer; the service need not send it again."),
        _ => return None,
    })
}

fn connect(client_id: &str, user_name: &str, has_password: bool, keep_alive: u16) -> Paragraph {
    let told = paragraph("-> CONNECT")
        .line(format!("client ID   {client_id}: must be the registration ID"))
        .line(format!("user name   {user_name}"));
    let told = user_name_parts(user_name).into_iter().fold(told, Paragraph::line);
    let password = match has_password {
        true => "the SAS token",
        false => "none: the certificate was shown in the TLS handshake",
    };
    told.line(format!("password    {password}"))
        .line(format!("keep-alive  {keep_alive} s: who is silent for longer is taken for dead"))
}

fn user_name_parts(user_name: &str) -> Vec<String> {
    let mut parts = user_name.splitn(4, '/');
    let (scope, _, id, query) = (parts.next(), parts.next(), parts.next(), parts.next());
    let query = query.unwrap_or_default().split('&').map(|pair| {
        let meaning = match pair.split_once('=').map(|(name, _)| name) {
            Some("api-version") => "which shape of answers the device understands",
            Some("ClientVersion") => "what software it runs, for the service's logs",
            _ => "more that is said to the service",
        };
        (pair.to_owned(), meaning)
    });
    let names = [
        (scope.unwrap_or_default().to_owned(), "the ID scope"),
        (format!("registrations/{}", id.unwrap_or_default()), "the registration ID"),
    ];
    names
        .into_iter()
        .chain(query)
        .map(|(part, what)| format!("            {part}: {what}"))
        .collect()
}

fn request(packet_id: u16, topic: &str, body: &[u8]) -> Paragraph {
    let told = |what: &str| {
        paragraph(format!("-> PUBLISH, packet {packet_id}: {what}"))
            .line(format!("topic   {topic}"))
    };
    match topic.parse() {
        Ok(RequestTopic::Register { rid }) => told("register this device, please")
            .line(format!("        $rid={rid}: the device's name for the request; the answer bears it"))
            .body(body)
            .why("`payload`, if there is any, is for a custom allocation webhook, which may look at it")
            .why("when it chooses the hub."),
        Ok(RequestTopic::OperationStatus { rid, .. }) => told("how does the operation stand?")
            .line(format!("        $rid={rid}: a new name for a new request")),
        Err(_) => told("a request").body(body),
    }
}

/// What the service sends.
pub(super) fn received(packet: &Received) -> Option<Paragraph> {
    Some(match packet {
        Received::Connack { code } => connack(*code),
        Received::Suback { packet_id, accepted: true } => {
            paragraph(format!("<- SUBACK, packet {packet_id}: subscribed"))
        }
        Received::Suback { packet_id, accepted: false } => {
            paragraph(format!("<- SUBACK, packet {packet_id}: refused (128)"))
        }
        Received::Puback { packet_id } => {
            paragraph(format!("<- PUBACK, packet {packet_id}: the service has the request"))
                .why("No more than that: the answer is a message of its own.")
        }
        Received::Publish { topic, body } => answer(topic, body),
        _ => return None,
    })
}

fn connack(code: ConnectCode) -> Paragraph {
    let told = paragraph(format!("<- CONNACK {} ({code})", code as u8));
    match code {
        ConnectCode::Accepted => told
            .why(
                "The service takes the connection. That says nothing of the proof yet: whether the",
            )
            .why("service believes the device shows when the device asks to be registered."),
        ConnectCode::ServerUnavailable => told,
        _ => told.line("The service refuses the connection; it will hang up."),
    }
}

fn answer(topic: &str, body: &[u8]) -> Paragraph {
    match topic.parse::<ResponseTopic>() {
        Ok(ResponseTopic { status, rid, retry_after }) => {
            let told = paragraph(format!("<- PUBLISH: {status}, {}", meaning(status)))
                .line(format!("topic   {}", printable(topic)))
                .line(format!("        $rid={}: the request that is answered", printable(&rid)));
            let told = match retry_after {
                Some(after) => told.line(format!(
                    "        retry-after: not to be asked again for {}",
                    spoken(after)
                )),
                None => told,
            };
            told.body(body)
        }
        Err(_) => paragraph("<- PUBLISH on a topic that is none of DPS")
            .line(format!("topic   {}", printable(topic)))
            .body(body),
    }
}

/// A status, on a topic or of an HTTP response.
pub(super) fn meaning(status: u16) -> &'static str {
    match status {
        200 => "the registration is decided; `status` says how",
        202 => "accepted, and not yet decided",
        401 => "the service does not believe the device",
        404 => "the service does not know what is asked for",
        429 => "too many requests",
        400..=499 => "the service refuses the request",
        500..=599 => "the service has a trouble of its own",
        _ => "a status that DPS is not known for",
    }
}
