//! What a device says and is told, in lines with their times, for whoever looks for the reason of a
//! failure. The facts have no secrets in them.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::device::{AmqpFrame, Notice, Received, Sent};
use crate::sources::Clock;
use crate::text::{Foreign, spoken};

/// Longest body that is kept in a line.
const LONGEST: usize = 2048;

/// The lines of one device, in order of time.
#[derive(Debug)]
pub(super) struct Told {
    clock: Clock,
    since: Instant,
    text: String,
}

impl Told {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), since: clock.instant(), text: String::new() }
    }

    /// How long it has been.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.since)
    }

    pub(super) fn notice(&mut self, notice: &Notice) {
        if let Some(line) = line(notice) {
            self.line(&line);
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        let at = self.elapsed().as_millis();
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{at:>6} ms  {line}");
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

fn line(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Reached { phase, took } => format!("{}: {}", phase.name(), spoken(*took)),
        Notice::Secured(secured) => format!("{} with {}", secured.version, secured.peer),
        Notice::Signed(signed) => format!("token {}", signed.token),
        Notice::Sent(sent) => format!("> {}", sent_line(sent)),
        Notice::Received(received) => format!("< {}", received_line(received)),
        Notice::Blocked { transport, why } => format!("{transport} does not get through: {why}"),
        Notice::Through { transport } => format!("{transport} gets through"),
        Notice::Connected => return None,
        Notice::Assigning { wait, .. } => format!("assigning; asks again in {}", spoken(*wait)),
        Notice::Busy { rejection, wait } => {
            format!("{}; tries again in {}", short(&rejection.to_string()), spoken(*wait))
        }
        Notice::Unavailable { wait } => {
            format!("unavailable, or an unknown ID scope; tries again in {}", spoken(*wait))
        }
        Notice::Silent { phase, after, wait } => {
            format!("{phase} within {}; connects again in {}", spoken(*after), spoken(*wait))
        }
        Notice::Lost { why, wait } => {
            format!("{}; connects again in {}", short(why), spoken(*wait))
        }
        Notice::Forgotten => "the service has forgotten the operation; registers anew".to_owned(),
        Notice::KeyTaken { for_hub: false } => "its TPM has taken a key to sign with".to_owned(),
        Notice::KeyTaken { for_hub: true } => "its TPM has taken the key for the hub".to_owned(),
        Notice::KeyForgotten => {
            "the service has forgotten the key of its TPM; asks for another".to_owned()
        }
        Notice::ForeignAnswer { rid } => format!("an answer to {rid:?}, which was never asked"),
    })
}

fn sent_line(sent: &Sent) -> String {
    match sent {
        Sent::Upgrade { host, path, subprotocol } => {
            format!("GET {path} of {host}, to speak {subprotocol}")
        }
        Sent::Connect { client_id, user_name, has_password, keep_alive } => {
            let password = if *has_password { ", password ****" } else { "" };
            format!(
                "CONNECT {client_id}, user name {user_name}{password}, keep-alive {keep_alive} s"
            )
        }
        Sent::Subscribe { filters, .. } => format!("SUBSCRIBE {}", filters.join(", ")),
        Sent::Publish { topic, body, .. } => format!("PUBLISH {topic} {}", body_text(body)),
        Sent::Puback { packet_id } => format!("PUBACK {packet_id}"),
        Sent::Amqp(frame) => amqp_line(frame),
        Sent::Request { method, target, body, .. } => {
            format!("{method} {target} {}", body_text(body))
        }
    }
}

fn received_line(received: &Received) -> String {
    match received {
        Received::Upgraded => "101 Switching Protocols".to_owned(),
        Received::Connack { code } => format!("CONNACK {}", *code as u8),
        Received::Suback { accepted, .. } => {
            format!("SUBACK, {}", if *accepted { "accepted" } else { "refused" })
        }
        Received::Puback { packet_id } => format!("PUBACK {packet_id}"),
        Received::Publish { topic, body, .. } => {
            format!("PUBLISH {} {}", short(topic), body_text(body))
        }
        Received::Amqp(frame) => amqp_line(frame),
        Received::Response { status, headers, body } => {
            let waits = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
            let waits: String = waits.map(|(_, wait)| format!(" Retry-After: {wait}")).collect();
            format!("{status}{} {}", short(&waits), body_text(body))
        }
    }
}

fn amqp_line(frame: &AmqpFrame) -> String {
    let because = |error: &Option<(String, Option<String>)>| match error {
        Some((condition, Some(says))) => short(&format!(", {condition}: {says}")),
        Some((condition, None)) => short(&format!(", {condition}")),
        None => String::new(),
    };
    let link = |sends: bool| if sends { "to the service" } else { "to the device" };
    let pairs = |pairs: &[(String, String)]| {
        short(&pairs.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>())
    };
    match frame {
        AmqpFrame::Header { sasl: true } => "header of SASL".to_owned(),
        AmqpFrame::Header { sasl: false } => "header of AMQP".to_owned(),
        AmqpFrame::Mechanisms(names) => short(&format!("sasl-mechanisms {}", names.join(" "))),
        AmqpFrame::Init { mechanism, user_name, has_password } => {
            let password = if *has_password { ", password ****" } else { "" };
            format!("sasl-init {mechanism}, user name {user_name}{password}")
        }
        AmqpFrame::Challenge { length } => format!("sasl-challenge, {length} bytes"),
        AmqpFrame::Response { says } => format!("sasl-response: {says}"),
        AmqpFrame::Outcome { code } => format!("sasl-outcome {code}"),
        AmqpFrame::Open { container_id, .. } => short(&format!("open, container {container_id}")),
        AmqpFrame::Begin => "begin".to_owned(),
        AmqpFrame::Attach { sends, address, properties } => format!(
            "attach {}, address {}{}",
            link(*sends),
            short(address.as_deref().unwrap_or("none")),
            pairs(properties)
        ),
        AmqpFrame::Flow { sends, credit } => format!("flow {}, credit {credit}", link(*sends)),
        AmqpFrame::Transfer(message) => {
            format!("transfer{} {}", pairs(&message.properties), body_text(&message.body))
        }
        AmqpFrame::Disposition { outcome, error } => {
            format!("disposition {outcome}{}", because(error))
        }
        AmqpFrame::Detach { error } => format!("detach{}", because(error)),
        AmqpFrame::End { error } => format!("end{}", because(error)),
        AmqpFrame::Close { error } => format!("close{}", because(error)),
    }
}

fn body_text(body: &[u8]) -> String {
    short(&String::from_utf8_lossy(body))
}

fn short(text: &str) -> String {
    Foreign::up_to(text, LONGEST).to_string()
}
