//! The line on a terminal that says what the device waits for.
//!
//! How it gets there and off again is the business of `status_line`.

use std::future::Future;
use std::io::IsTerminal;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval_at};

use super::printer::Printer;
use super::status_line::{clear, cut, show};
use crate::cli::input::variable;
use crate::device::{AmqpFrame, Notice, Sent};

/// What ends sooner needs no line.
const FIRST_AFTER: Duration = Duration::from_millis(300);
const EVERY: Duration = Duration::from_millis(100);

/// As much of an operation ID as tells two apart.
const OPERATION: usize = 12;

/// Whether somebody is looking who wants to see it.
fn is_wanted(printer: &Printer) -> bool {
    printer.is_chatty()
        && std::io::stderr().is_terminal()
        && variable("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// What a device waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Waiting {
    Connection,
    Answer,
    Hub,
    Pause { since: Instant, wait: Duration, then: String },
}

impl Waiting {
    fn text(&self, now: Instant) -> String {
        match self {
            Self::Connection => "connecting".to_owned(),
            Self::Answer => "waiting for the answer".to_owned(),
            Self::Hub => "waiting for the hub".to_owned(),
            Self::Pause { since, wait, then } => {
                let past = now.saturating_duration_since(*since).min(*wait);
                let (past, wait) = (past.as_secs_f64(), wait.as_secs_f64());
                format!("waiting {past:.1} s of {wait:.1} s, then {then}")
            }
        }
    }

    /// What a notice changes, if anything.
    fn after(notice: &Notice, since: Instant) -> Option<Self> {
        let pause = |wait: Duration, then: String| Self::Pause { since, wait, then };
        Some(match notice {
            Notice::Sent(Sent::Publish { .. } | Sent::Request { .. }) => Self::Answer,
            Notice::Sent(Sent::Amqp(AmqpFrame::Transfer(_))) => Self::Answer,
            Notice::Sent(Sent::Connect { .. } | Sent::Amqp(AmqpFrame::Header { .. }))
            | Notice::Blocked { .. } => Self::Connection,
            Notice::Assigning { operation_id, wait } => {
                let operation_id = operation_id.as_str();
                let short = cut(operation_id, OPERATION);
                let dots = if short.len() < operation_id.len() { "…" } else { "" };
                pause(*wait, format!("asking again (operation {short}{dots})"))
            }
            Notice::Busy { wait, .. } => pause(*wait, "trying again (the service is busy)".into()),
            Notice::Unavailable { wait } => pause(*wait, "trying again (CONNACK 3)".into()),
            Notice::Silent { wait, .. } | Notice::Lost { wait, .. } => {
                pause(*wait, "connecting anew".into())
            }
            _ => return None,
        })
    }
}

/// The line, as long as one registration goes on.
#[derive(Debug)]
pub(crate) struct Progress {
    is_wanted: bool,
    waiting: Mutex<Waiting>,
}

impl Progress {
    pub(crate) fn new(printer: &Printer) -> Self {
        Self { is_wanted: is_wanted(printer), waiting: Mutex::new(Waiting::Connection) }
    }

    /// Takes in what has happened; the line follows at its next tick.
    pub(crate) fn notice(&self, notice: &Notice) {
        if self.is_wanted
            && let Some(waiting) = Waiting::after(notice, Instant::now())
        {
            self.set(waiting);
        }
    }

    /// From now on the device is busy with the service.
    pub(crate) fn at_service(&self) {
        self.set(Waiting::Connection);
    }

    /// From now on the device is busy with its hub.
    pub(crate) fn at_hub(&self) {
        self.set(Waiting::Hub);
    }

    fn set(&self, waiting: Waiting) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }

    /// Shows the line until `work` is done.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        if !self.is_wanted {
            return work.await;
        }
        let mut work = pin!(work);
        let mut ticks = interval_at(tokio::time::Instant::now() + FIRST_AFTER, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    clear();
                    return done;
                }
                _ = ticks.tick() => show(&self.text()),
            }
        }
    }

    fn text(&self) -> String {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).text(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::common::Output;

    #[test]
    fn a_pause_says_how_much_of_it_is_over_and_what_comes_then() {
        let since = Instant::now();
        let (operation_id, wait) =
            ("5.925e245f9dc74d9f.afcc9931".parse().unwrap(), Duration::from_secs(3));
        let assigning = Notice::Assigning { operation_id, wait };
        let waiting = Waiting::after(&assigning, since).unwrap();

        assert_eq!(
            waiting.text(since + Duration::from_millis(2100)),
            "waiting 2.1 s of 3.0 s, then asking again (operation 5.925e245f9d…)"
        );
        assert!(waiting.text(since + Duration::from_secs(9)).starts_with("waiting 3.0 s of 3.0 s"));
    }

    #[test]
    fn a_request_under_way_replaces_the_pause() {
        let sent = Sent::Publish { packet_id: 2, topic: String::new(), body: Vec::new() };

        let waiting = Waiting::after(&Notice::Sent(sent), Instant::now());

        assert_eq!(waiting, Some(Waiting::Answer));
    }

    /// J-153.
    #[test]
    fn programs_and_the_quiet_see_no_line() {
        for (format, is_quiet) in
            [(Output::Json, false), (Output::Jsonl, false), (Output::Text, true)]
        {
            assert!(!Printer::new(format).quiet(is_quiet).is_chatty());
        }
        assert!(Printer::new(Output::Text).is_chatty());
    }
}
