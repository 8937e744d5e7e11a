//! A registration as it is printed: the lines of the Azure IoT C SDK's sample, or events.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::failure;
use super::printer::Printer;
use super::sample;
use crate::cli::common::Output;
use crate::cli::report::Report;
use crate::cli::timings::{Ended, Stopwatch, Timings, milliseconds, with_timings};
use crate::device::{Error, Notice, Registered};
use crate::explain::Context;
use crate::text::spoken;
use crate::wire::{DeviceId, HubName};

/// Prints a registration as the C SDK's sample does, line for line.
pub(crate) struct Transcript<'a> {
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
    Assigned {
        assigned_hub: &'a HubName,
        device_id: &'a DeviceId,
    },
    #[serde(rename_all = "camelCase")]
    Waiting {
        reason: String,
        wait_ms: u128,
    },
}

impl<'a> Transcript<'a> {
    /// Begins with the sample's header.
    pub(crate) fn new(printer: &'a mut Printer) -> Self {
        if printer.is_text() {
            printer.line(sample::VERSION);
            printer.line("");
            printer.line("Registering Device");
            printer.line("");
        }
        let (since, stopwatch) = (Instant::now(), Stopwatch::default());
        Self { printer, is_detour: false, since, stopwatch }
    }

    /// One line per transition; what the sample does not show is logged.
    pub(crate) fn notice(&mut self, notice: &Notice) {
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
            Notice::Connected => self.status(sample::CONNECTED, &Event::Connected),
            Notice::Assigning { operation_id, wait } => {
                let operation_id = operation_id.as_str();
                self.status(
                    sample::ASSIGNING,
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
            Notice::Silent { phase, after, wait } => {
                self.waiting(format!("{phase} within {}", spoken(*after)), *wait);
            }
            Notice::Lost { why, wait } => self.waiting(why.clone(), *wait),
            Notice::Forgotten => {
                tracing::warn!("the service forgot the operation (404203); registering anew")
            }
            Notice::KeyTaken { for_hub: false } => {
                tracing::info!("the TPM has taken a key to sign with")
            }
            Notice::KeyTaken { for_hub: true } => {
                tracing::info!("the TPM has taken the key for the hub")
            }
            Notice::KeyForgotten => {
                tracing::warn!("the service forgot the TPM's key (401); asking for another")
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
            self.printer.line(sample::status(word));
        }
        self.printer.event(event);
    }

    fn waiting(&mut self, reason: String, wait: Duration) {
        tracing::warn!("{reason}; trying again in {}", spoken(wait));
        self.printer.event(&Event::Waiting { reason, wait_ms: wait.as_millis() });
    }

    /// Prints the result, and explains a failure.
    pub(crate) fn end(
        mut self,
        result: Result<Registered, Error>,
        context: &Context,
    ) -> Result<(Registered, Timings), Report> {
        let timings = self.stop(result.is_ok());
        match result {
            Ok(registered) => {
                self.print(&registered, context.group.as_deref());
                Ok((registered, timings))
            }
            Err(error) => {
                self.print_failure(&error);
                let mut report = failure::report(&error, context);
                report.timings = Some(Box::new(timings));
                Err(report)
            }
        }
    }

    /// The device has a hub and goes on to it: what programs read comes at the end, so that now they
    /// are only told of it.
    pub(crate) fn go_on(mut self, registered: &Registered) -> Timings {
        let timings = self.stop(true);
        let Registered { assigned_hub, device_id, .. } = registered;
        if self.printer.is_text() {
            self.print(registered, None);
        } else {
            self.printer.event(&Event::Assigned { assigned_hub, device_id });
        }
        timings
    }

    /// The registration has ended.
    fn stop(&mut self, is_assigned: bool) -> Timings {
        for ended in self.stopwatch.stop(self.since.elapsed(), is_assigned) {
            self.phase(ended);
        }
        let timings = self.stopwatch.timings().clone();
        tracing::info!("timings: {}", timings.line());
        timings
    }

    /// The sample's last lines on success.
    pub(crate) fn print(self, registered: &Registered, group: Option<&str>) {
        match self.printer.format {
            Output::Text => {}
            Output::Json => {
                let object = with_timings(&registered.body, group, self.stopwatch.timings());
                return self.printer.raw_json(&object);
            }
            Output::Jsonl => return self.printer.raw_json(&registered.body),
        }
        self.printer.line("");
        sample::assigned(registered).into_iter().for_each(|line| self.printer.line(line));
    }

    /// The sample's last lines on failure.
    pub(crate) fn print_failure(self, error: &Error) {
        if self.printer.is_text() {
            self.printer.line("");
            self.printer.line(sample::failed(error));
        }
    }
}
