//! Plays something at a service that is there already, and leaves that as it was: whatever comes in
//! between, a signal, a failure or a panic, what has been made is removed.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

use super::args::against::Against;
use super::exit::Exit;
use super::output::call_failure::explained;
use super::output::printer::Printer;
use super::report::Report;
use super::stop::{Asked, StopSignal};
use crate::scenario::against::{AccountError, Left, Prefix, Thing};

/// How what was played has ended.
#[derive(Debug)]
pub(crate) enum Played<T> {
    /// By itself.
    Ended(T),
    /// By a signal.
    Stopped(Asked),
    /// By a panic.
    Panicked(Box<dyn Any + Send>),
}

impl<T> Played<T> {
    /// What came of it: the exit code of a process that a signal ended, where one did. To be asked for
    /// when all is tidied up.
    pub(crate) fn or_exit(self) -> Result<T, Exit> {
        match self {
            Self::Ended(value) => Ok(value),
            Self::Stopped(Asked::Interrupt) => Err(Exit::Interrupted),
            Self::Stopped(Asked::Terminate) => Err(Exit::Terminated),
            Self::Panicked(panic) => resume_unwind(panic),
        }
    }
}

/// Plays until it ends, or a signal comes.
pub(crate) async fn until_stopped<T>(
    stop: &mut StopSignal,
    play: impl Future<Output = T>,
) -> Played<T> {
    let mut play = pin!(play);
    let caught = poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| play.as_mut().poll(context))) {
            Ok(Poll::Ready(value)) => Poll::Ready(Played::Ended(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Played::Panicked(panic)),
        }
    });
    tokio::select! {
        played = caught => played,
        asked = stop.received() => Played::Stopped(asked),
    }
}

impl Against {
    /// Removes what the run has made, and tells in one line what that was. A signal ends that too; then
    /// what may be left is told.
    ///
    /// # Errors
    ///
    /// If something is left: what, why, and the commands that remove it.
    pub(crate) async fn tidy_up(
        &self,
        stop: &mut StopSignal,
        printer: &Printer,
    ) -> Result<(), Report> {
        let mut removed = Vec::new();
        let left = {
            let mut note = |thing: &Thing| removed.push(thing.clone());
            tokio::select! {
                left = self.account.clean_up(&mut note) => Some(left),
                _ = stop.received() => None,
            }
        };
        if !removed.is_empty() {
            let host = self.account.client().host();
            printer.note(&format!("removed from {host}: {}", counted(&removed)));
        }
        let Some(left) = left else {
            let things = self.account.things();
            let message = format!("stopped before all was removed; {} may be left", counted(&things));
            return Err(self.with_commands(Report::new("left", Exit::NotAssigned, message), &things));
        };
        let (hubs, left): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|left| matches!(left.error, AccountError::NoHub(_)));
        for Left { thing, .. } in hubs {
            printer.aloud(&format!(
                "left behind: {thing}; give --hub-connection-string to have it removed, or: {}",
                thing.command(&self.as_given)
            ));
        }
        self.report(&left)
    }

    /// Removes what an earlier run has left behind.
    ///
    /// # Errors
    ///
    /// If the service does not tell, or something is left.
    pub(crate) async fn clean(
        &self,
        prefix: &Prefix,
        stop: &mut StopSignal,
        printer: &mut Printer,
    ) -> Result<Exit, Report> {
        self.account.find(prefix).await.map_err(|error| of_account(&error))?;
        if self.account.things().is_empty() {
            printer.note(&format!("nothing there has a name that begins with {prefix}"));
        }
        self.tidy_up(stop, printer).await.map(|()| Exit::Done)
    }

    fn report(&self, left: &[Left]) -> Result<(), Report> {
        let Some(first) = left.first() else { return Ok(()) };
        let things: Vec<_> = left.iter().map(|left| left.thing.clone()).collect();
        let host = self.account.client().host();
        let mut report = of_account(&first.error);
        report.causes.insert(0, report.message);
        report.message = format!("left at {host}: {}", counted(&things));
        report.remedies.clear();
        Err(self.with_commands(report, &things))
    }

    fn with_commands(&self, report: Report, things: &[Thing]) -> Report {
        things.iter().fold(report, |report, thing| report.remedy(thing.command(&self.as_given)))
    }
}

/// What could not be done at the service, explained.
pub(crate) fn of_account(error: &AccountError) -> Report {
    match error {
        AccountError::Call { thing: Thing::Enrollment(kind, id), error } => {
            explained(error, Some((*kind, id)))
        }
        AccountError::Call { thing, error } => {
            let report = explained(error, None);
            let message = format!("{thing}: {}", report.message);
            Report { message, ..report }
        }
        other => Report::usage(other),
    }
}

/// Things in a few words: each by its name, or how many there are.
fn counted(things: &[Thing]) -> String {
    const MOST: usize = 6;
    if things.len() <= MOST {
        return things.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    }
    let count = |is_one: fn(&Thing) -> bool, noun: &str| {
        let count = things.iter().filter(|thing| is_one(thing)).count();
        (count > 0).then(|| format!("{noun}: {count}"))
    };
    let counts = [
        count(|thing| matches!(thing, Thing::Enrollment(..)), "enrollments and groups"),
        count(|thing| matches!(thing, Thing::Registration(_)), "registrations"),
        count(|thing| matches!(thing, Thing::HubDevice { .. }), "devices on hubs"),
    ];
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
