//! Tells a registration as it goes, on standard error.

use std::collections::HashSet;
use std::io::Write;
use std::time::{Duration, Instant};

use super::hub::HubStep;
use super::text::{Paragraph, milliseconds, paragraph};
use super::{amqp, http, hub, identity, issuance, mqtt, text};
use crate::cli::output::status_line;
use crate::cli::output::wrap::{width_of_errors, wrapped};
use crate::device::{
    ConnectPhase, Error, Notice, Received, Registered, Secured, Sent, Settings, Signed,
};
use crate::explain::Proof;
use crate::text::{inert, moment, spoken};
use crate::wire::ConnectionProfile;

/// Tells a registration as it goes.
#[derive(Debug)]
pub(crate) struct Narrator {
    since: Instant,
    story: Story,
}

impl Narrator {
    /// A story in which nothing has happened so far.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { since: Instant::now(), story: Story::new(settings) }
    }

    /// A registration begins: who the device is, and what it is about to do.
    pub(crate) fn begin(&self, settings: &Settings, proof: &Proof) {
        self.print(identity::device(settings, proof));
        if let Some(asked) = issuance::asked(settings) {
            self.print(asked);
        }
        self.print(identity::way(settings));
    }

    /// Tells what has happened.
    pub(crate) fn notice(&mut self, notice: &Notice) {
        if let Some(paragraph) = self.story.tell(notice) {
            self.print(paragraph);
        }
    }

    /// Tells what happens between the device and its hub.
    pub(crate) fn hub(&self, step: HubStep<'_>) {
        self.print(hub::step(step));
    }

    /// Tells how the registration ended.
    pub(crate) fn end(&self, result: &Result<Registered, Error>) {
        if let Ok(Registered { issued_chain: Some(chain), .. }) = result {
            self.print(issuance::issued(chain));
        }
        self.print(end(result));
    }

    fn print(&self, Paragraph { headline, lines, why }: Paragraph) {
        status_line::clear();
        let mut err = anstream::stderr().lock();
        let _ = writeln!(err, "[{:>11}] {}", milliseconds(self.since.elapsed()), inert(&headline));
        for line in &lines {
            let _ = writeln!(err, "    {}", inert(line));
        }
        for meaning in why {
            let _ = writeln!(err, "    {}", wrapped(meaning, width_of_errors(), 4));
        }
    }
}

/// The story so far: what was explained once is not explained again.
#[derive(Debug)]
struct Story {
    host: String,
    tokens: u32,
    connections: u32,
    told: HashSet<&'static str>,
}

impl Story {
    fn new(settings: &Settings) -> Self {
        let host = settings.endpoint.host();
        Self { host, tokens: 0, connections: 0, told: HashSet::new() }
    }

    fn tell(&mut self, notice: &Notice) -> Option<Paragraph> {
        let mut paragraph = self.paragraph(notice)?;
        paragraph.why.retain(|why| self.told.insert(why));
        Some(paragraph)
    }

    fn paragraph(&mut self, notice: &Notice) -> Option<Paragraph> {
        Some(match notice {
            Notice::Reached { phase, took } => return self.reached(*phase, *took),
            Notice::Secured(secured) => self.secured(secured),
            Notice::Signed(signed) => self.signed(signed),
            Notice::Sent(sent) => match sent {
                Sent::Request { method, target, headers, body } => {
                    http::request(method, target, headers, body)
                }
                Sent::Upgrade { host, path, subprotocol } => http::upgrade(host, path, subprotocol),
                Sent::Amqp(frame) => amqp::sent(frame),
                packet => mqtt::sent(packet)?,
            },
            Notice::Received(received) => match received {
                Received::Response { status, headers, body } => {
                    http::response(*status, headers, body)
                }
                Received::Upgraded => http::upgraded(),
                Received::Amqp(frame) => amqp::received(frame),
                packet => mqtt::received(packet)?,
            },
            // CONNACK, `open`, or the end of the TLS handshake, has been told already.
            Notice::Connected => return None,
            Notice::Assigning { operation_id, wait } => paragraph("Waiting")
                .line(format!("The registration is operation {operation_id}, and not yet decided."))
                .line(format!("{}, then the device asks how it stands.", wait_text(*wait))),
            Notice::Busy { rejection, wait } => paragraph("The service is busy")
                .line(text::printable(&rejection.to_string()))
                .why("429 means that a quota is used up, 5xx that the service has a trouble.")
                .line(format!("{}, then the device sends the request again.", wait_text(*wait))),
            Notice::Unavailable { wait } => paragraph("CONNACK 3 says two things")
                .line("Either the service is down, or it does not know the ID scope.")
                .line(format!("To find out, the device tries again. {}.", wait_text(*wait))),
            Notice::Silent { phase, after, wait } => paragraph("Nobody answers")
                .line(format!("{phase} within {}.", spoken(*after)))
                .line(format!("{}, then the device connects anew.", wait_text(*wait))),
            Notice::Lost { why, wait } => paragraph("The connection is lost")
                .line(text::printable(why))
                .line("The operation goes on in the service, so the device can take it up again.")
                .line(format!("{}, then it connects anew.", wait_text(*wait))),
            Notice::Forgotten => paragraph("The service does not know the operation any more")
                .line("404203: it may have been restarted. The device registers anew."),
            Notice::KeyTaken { for_hub } => identity::key_taken(*for_hub),
            Notice::KeyForgotten => {
                paragraph("The service does not know the key of the TPM any more")
                    .line("401: it may have been restarted, and such keys are nowhere stored.")
                    .line("The device shows the TPM's public keys again, and is given another key.")
            }
            Notice::ForeignAnswer { rid } => {
                paragraph("An answer to a request that was never sent").line(format!(
                    "Its $rid is {}; the device goes on waiting for its own.",
                    text::printable(rid)
                ))
            }
            Notice::Blocked { transport, why } => {
                paragraph(format!("{transport} does not get through"))
                    .line(text::printable(why))
                    .line("The device tries the next transport.")
            }
            Notice::Through { transport } => {
                paragraph(format!("{transport} gets through")).line("The device stays with it.")
            }
        })
    }

    fn reached(&self, phase: ConnectPhase, took: Duration) -> Option<Paragraph> {
        let took = milliseconds(took);
        Some(match phase {
            ConnectPhase::Dns => paragraph(format!("The address is known ({took})")),
            ConnectPhase::Tcp => paragraph(format!("The TCP connection is open ({took})")),
            ConnectPhase::Proxy => paragraph(format!("The proxy has opened a tunnel ({took})"))
                .line("From here on it passes bytes on and cannot read them."),
            ConnectPhase::Tls => paragraph(format!("The TLS handshake is done ({took})")),
            // The packets tell of these themselves.
            ConnectPhase::Upgrade
            | ConnectPhase::Connack
            | ConnectPhase::Suback
            | ConnectPhase::Sasl
            | ConnectPhase::Open
            | ConnectPhase::Attach => return None,
        })
    }

    fn secured(&mut self, secured: &Secured) -> Paragraph {
        self.connections += 1;
        let Secured { peer, version, .. } = secured;
        let server = secured.server().map_or_else(
            || "an unreadable certificate".to_owned(),
            |name| format!("the certificate of {}", text::printable(&name)),
        );
        let told = paragraph(format!("{} with {peer}", version.replace('_', ".")))
            .line(format!("The server showed {server}."));
        if self.connections > 1 {
            return told;
        }
        told.line(format!("It was issued by an authority that is trusted here, for {}:", self.host))
            .line("so this is the service, and nobody in between can read or change anything.")
    }

    fn signed(&mut self, Signed { text, expires, token }: &Signed) -> Paragraph {
        self.tokens += 1;
        let until = moment(*expires);
        if self.tokens > 1 {
            return paragraph(format!("A new SAS token, good until {until}"));
        }
        let text = text::printable(&text.replace('\n', "\\n"));
        paragraph("A SAS token proves that the device has its key, without showing it")
            .line(
                "What is signed: the resource (URL-encoded), a line feed, and when it expires, in",
            )
            .line("seconds since 1970:")
            .line(format!("  {text}"))
            .line("The signature: Base64(HMAC-SHA256(device key, that text)), URL-encoded.")
            .line(format!("The token, good until {until}:"))
            .line(format!("  {}", text::printable(token)))
            .line("Whoever has it can be the device until then, so it is sent over TLS only.")
    }
}

fn wait_text(wait: Duration) -> String {
    if wait.is_zero() {
        return "No wait".to_owned();
    }
    format!("Wait {}", spoken(wait))
}

fn end(result: &Result<Registered, Error>) -> Paragraph {
    match result {
        Ok(Registered { assigned_hub, device_id, connection_profile, issued_chain, .. }) => {
            let mut told = paragraph("The device has a hub")
                .line(format!("assigned hub  {}", assigned_hub))
                .line(format!("device ID     {}", device_id));
            if *connection_profile != ConnectionProfile::Classic {
                let profile = text::printable(connection_profile.as_str());
                told = told.line(format!("spoken to by  {profile} (connection profile)"));
            }
            match issued_chain {
                None => told
                    .line("Provisioning is over: from now on the device signs in to that hub, with the same")
                    .line("credential, and comes back to DPS only when the hub does not know it any more."),
                Some(_) => told
                    .line("Provisioning is over: from now on the device signs in to that hub, with what it was")
                    .line("issued, and comes back to DPS only when the hub does not know it any more."),
            }
        }
        Err(error) => paragraph("The device has no hub")
            .line(text::printable(&error.to_string()))
            .line("What that usually means, and what to try, follows."),
    }
}

#[cfg(test)]
mod tests;
