//! The frames of AMQP and what they mean to DPS.

use super::text::{Paragraph, paragraph, printable};
use crate::device::{AmqpFrame, AmqpMessage};
use crate::text::spoken;
use crate::wire::{
    FORCE_REGISTRATION, GET_OPERATION_STATUS, LINK_API_VERSION, LINK_CLIENT_VERSION, OPERATION_ID,
    OPERATION_TYPE, REGISTER, RETRY_AFTER,
};

/// A condition, and what is said of it.
type Fault = Option<(String, Option<String>)>;

/// What the device sends.
pub(super) fn sent(frame: &AmqpFrame) -> Paragraph {
    match frame {
        AmqpFrame::Header { sasl: true } => paragraph("-> the header of SASL")
            .why("Eight bytes say what follows. A device with a key signs in first, by SASL."),
        AmqpFrame::Header { sasl: false } => paragraph("-> the header of AMQP 1.0")
            .why("What follows is the connection itself. Who has a certificate begins with it: the")
            .why("certificate was shown in the TLS handshake, and SASL has nothing to add."),
        AmqpFrame::Init { mechanism, user_name, has_password } => {
            let password = match (*has_password, *mechanism) {
                (true, _) => "the SAS token",
                (false, "TPM") => "none yet; the endorsement key of the TPM",
                (false, _) => "none",
            };
            paragraph(format!("-> sasl-init {mechanism}"))
                .line(format!("user name   {user_name}"))
                .line("            the ID scope, and the registration ID; no more than that")
                .line(format!("password    {password}"))
        }
        AmqpFrame::Open { container_id, hostname, .. } => {
            paragraph("-> open: a connection, please")
                .line(format!("container   {container_id}: a name for this side, of no account"))
                .line(format!("hostname    {}", hostname.as_deref().unwrap_or("(none)")))
        }
        AmqpFrame::Begin => paragraph("-> begin: a session, please"),
        AmqpFrame::Attach { sends, address, properties } => {
            attach("-> attach", "please", *sends, address.as_deref(), properties)
        }
        AmqpFrame::Flow { credit, .. } => {
            paragraph(format!("-> flow: the service may send {credit} messages"))
        }
        AmqpFrame::Transfer(message) => request(message),
        AmqpFrame::Disposition { outcome, .. } => paragraph(format!("-> disposition: {outcome}"))
            .why("The device has the answer; the service need not send it again."),
        AmqpFrame::Detach { .. } => paragraph("-> detach: a link is not needed any more"),
        AmqpFrame::End { .. } => paragraph("-> end: nor is the session"),
        AmqpFrame::Close { .. } => paragraph("-> close: nor is the connection"),
        AmqpFrame::Response { says } => paragraph(format!("-> sasl-response: {says}")),
        // Only the service says these.
        AmqpFrame::Mechanisms(_) | AmqpFrame::Challenge { .. } | AmqpFrame::Outcome { .. } => {
            paragraph("-> SASL")
        }
    }
}

/// What the service sends.
pub(super) fn received(frame: &AmqpFrame) -> Paragraph {
    match frame {
        AmqpFrame::Header { sasl: true } => paragraph("<- the header of SASL"),
        AmqpFrame::Header { sasl: false } => paragraph("<- the header of AMQP 1.0"),
        AmqpFrame::Mechanisms(names) => {
            paragraph(format!("<- sasl-mechanisms: {}", printable(&names.join(" "))))
                .why("The ways to sign in that the service has. PLAIN is user name and password.")
        }
        AmqpFrame::Challenge { length: 1 } => paragraph("<- sasl-challenge: go on")
            .why("The endorsement key has come. The storage root key is wanted next."),
        AmqpFrame::Challenge { length } => paragraph(format!("<- sasl-challenge, {length} bytes"))
            .why("A part of what holds a key, encrypted for this TPM alone. It comes in two."),
        AmqpFrame::Outcome { code: 0 } => paragraph("<- sasl-outcome 0: go on")
            .why(
                "That says nothing of the proof yet: whether the service believes the device shows",
            )
            .why("when it asks for its links or to be registered."),
        AmqpFrame::Outcome { code } => paragraph(format!("<- sasl-outcome {code}: refused")),
        AmqpFrame::Open { container_id, idle_time_out, .. } => {
            let told = paragraph("<- open: the connection stands")
                .line(format!("container   {}", printable(container_id)));
            match idle_time_out {
                Some(wait) => told.line(format!(
                    "idle        {}: who is silent for longer is taken for dead",
                    spoken(*wait)
                )),
                None => told,
            }
        }
        AmqpFrame::Begin => paragraph("<- begin: the session stands"),
        AmqpFrame::Attach { sends, address, properties } => {
            attach("<- attach", "it stands", *sends, address.as_deref(), properties)
        }
        AmqpFrame::Flow { credit, .. } => {
            paragraph(format!("<- flow: the device may send {credit} messages"))
                .why("Over AMQP nobody sends more than the other side has asked for.")
        }
        AmqpFrame::Transfer(message) => {
            properties(paragraph("<- transfer: an answer"), message).body(&message.body)
        }
        AmqpFrame::Disposition { outcome: "accepted", .. } => {
            paragraph("<- disposition: accepted, the service has the request")
                .why("No more than that: the answer is a message of its own.")
        }
        AmqpFrame::Disposition { outcome, error } => {
            fault(paragraph(format!("<- disposition: {outcome}")), error)
        }
        AmqpFrame::Detach { error } => fault(paragraph("<- detach: a link has ended"), error),
        AmqpFrame::End { error } => fault(paragraph("<- end: the session has ended"), error),
        AmqpFrame::Close { error } => fault(paragraph("<- close: the connection has ended"), error),
        // Only the device says these.
        AmqpFrame::Init { .. } | AmqpFrame::Response { .. } => paragraph("<- SASL"),
    }
}

fn attach(
    what: &str,
    how: &str,
    sends: bool,
    address: Option<&str>,
    properties: &[(String, String)],
) -> Paragraph {
    let told = paragraph(match sends {
        false => format!("{what}: a link to receive answers on, {how}"),
        true => format!("{what}: a link to send requests on, {how}"),
    });
    let told = told.line(match address {
        Some(address) => format!("address     {}", printable(address)),
        None => "address     none: that is a refusal, and why follows".to_owned(),
    });
    let told = properties.iter().fold(told, |told, (name, value)| {
        told.line(format!(
            "property    {}: {}{}",
            printable(name),
            printable(value),
            match name.as_str() {
                LINK_API_VERSION => " (which shape of answers the device understands)",
                LINK_CLIENT_VERSION => " (what software it runs, for the service's logs)",
                _ => "",
            }
        ))
    });
    told.why(
        "Two links to one address, one for each direction. The one for answers comes first: the",
    )
    .why("device listens before it asks.")
}

fn request(message: &AmqpMessage) -> Paragraph {
    let operation = message.properties.iter().find(|(name, _)| name == OPERATION_TYPE);
    let (what, has_body) = match operation.map(|(_, operation)| operation.as_str()) {
        Some(REGISTER) => ("register this device, please", true),
        Some(GET_OPERATION_STATUS) => ("how does the operation stand?", false),
        _ => ("how does the registration stand?", false),
    };
    let told = properties(paragraph(format!("-> transfer: {what}")), message);
    if has_body { told.body(&message.body) } else { told }
}

fn properties(told: Paragraph, message: &AmqpMessage) -> Paragraph {
    let told = match &message.correlation_id {
        Some(id) => told.line(format!(
            "correlation-id  {}: the request's name, which its answer bears",
            printable(id)
        )),
        None => told,
    };
    message.properties.iter().fold(told, |told, (name, value)| {
        let meaning = match name.as_str() {
            OPERATION_TYPE => " (what is asked)",
            OPERATION_ID => " (of which operation)",
            FORCE_REGISTRATION => " (without effect)",
            // Said twice, for the SDKs differ in what they look for.
            name if RETRY_AFTER[0] == name => " (seconds: not to be asked again before)",
            _ => "",
        };
        told.line(format!("property        {}: {}{meaning}", printable(name), printable(value)))
    })
}

fn fault(told: Paragraph, error: &Fault) -> Paragraph {
    let Some((condition, description)) = error else { return told };
    let told = told.line(format!("error   {}", printable(condition)));
    match description {
        Some(text) => told.line(format!("        {}", printable(text))),
        None => told,
    }
}
