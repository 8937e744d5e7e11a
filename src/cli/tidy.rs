//! A service at which a scenario is played that is there already: its stage, and how it is left as it was.
//! Whatever came in between, a signal, a failure or a panic, what has been made is removed.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::args::against::Against;
use super::exit::Exit;
use super::output::call_failure::explained;
use super::output::printer::Printer;
use super::report::Report;
use crate::device::Ports;
use crate::scenario::against::{AccountError, Left, Mapping, Prefix, Thing};
use crate::scenario::{Reach, RemotePlan, RemoteStage, Scenario, StageError};

/// What comes of `play`; a panic in it is kept for when all is tidied up.
pub(crate) async fn guarded<T>(play: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut play = pin!(play);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| play.as_mut().poll(context))) {
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

impl Against {
    /// The stage on which a scenario is played there. What it makes is written down in the account, also if
    /// it cannot be made whole.
    pub(crate) async fn stage(
        &self,
        scenario: &Scenario,
        prefix: &Prefix,
    ) -> Result<RemoteStage, StageError> {
        // Those whose certificate or key is for one name only.
        let ids = scenario.devices.iter().map(|device| device.registration_id.as_str());
        let mapping = Mapping::new(prefix.clone(), ids.filter(|id| !prefix.begins(id)));
        let reach = Reach {
            host: self.endpoint.without_port(),
            ports: match self.endpoint.port() {
                Some(port) => Ports { mqtt: port, https: port, amqp: port },
                None => self.ports,
            },
            route: self.route.clone(),
            id_scope: self.id_scope.clone(),
            tls: self.tls.clone(),
            ca_file: self.ca_file.clone(),
            gateway: None,
            hubs: None,
        };
        let plan = RemotePlan {
            config: &scenario.service,
            functions: scenario.functions.clone(),
            devices: &scenario.devices,
            account: self.account.clone(),
            mapping,
            reach,
            function_url: self.function_url.clone(),
        };
        RemoteStage::start(plan).await
    }

    /// Why a scenario cannot be played there.
    pub(crate) fn not_staged(&self, error: &StageError) -> Report {
        let report = match error {
            StageError::Account(error) => of_account(error),
            error => Report::usage(error),
        };
        match error {
            StageError::Account(AccountError::Taken(Thing::Enrollment(_, id))) => {
                match id.get(..Prefix::LENGTH) {
                    Some(prefix) if prefix.parse::<Prefix>().is_ok() => report.remedy(format!(
                        "an earlier run with this seed left it: `provision-sim run --against azure {} --clean {prefix}`",
                        self.as_given
                    )),
                    _ => report,
                }
            }
            _ => report,
        }
    }

    /// Removes what the run has made, and tells in one line what that was.
    ///
    /// # Errors
    ///
    /// If something is left: what, why, and the commands that remove it.
    pub(crate) async fn tidy_up(&self, printer: &Printer) -> Result<(), Report> {
        let mut removed = Vec::new();
        let left = self.account.clean_up(&mut |thing| removed.push(thing.clone())).await;
        if !removed.is_empty() {
            let host = self.account.client().host();
            printer.note(&format!("removed from {host}: {}", counted(&removed)));
        }
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
    pub(crate) async fn clean(&self, prefix: &Prefix, printer: &Printer) -> Result<Exit, Report> {
        self.account.find(prefix).await.map_err(|error| of_account(&error))?;
        if self.account.things().is_empty() {
            printer.note(&format!("nothing there has a name that begins with {prefix}"));
        }
        self.tidy_up(printer).await.map(|()| Exit::Done)
    }

    /// What may be left where nobody waits until all is removed.
    pub(crate) fn abandoned(&self) -> Option<Report> {
        let things = self.account.things();
        let host = self.account.client().host();
        let message = format!("may be left at {host}: {}", counted(&things));
        let report = Report::new("left", Exit::NotAssigned, message);
        (!things.is_empty()).then(|| self.with_commands(report, &things))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_client::Kind;

    #[tokio::test]
    async fn j_292_a_panic_is_kept_for_later() {
        let panicked = guarded(async {
            tokio::task::yield_now().await;
            panic!("a defect");
        });
        let panicked: Result<(), _> = panicked.await;

        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"a defect"));
        assert_eq!(guarded(async { 7 }).await.ok(), Some(7));
    }

    #[test]
    fn a_few_things_are_named_and_many_are_counted() {
        let things: Vec<_> = (0..7)
            .map(|number| Thing::Registration(format!("pump-{number}")))
            .chain([Thing::Enrollment(Kind::Group, "pumps".to_owned())])
            .collect();

        assert_eq!(counted(&things[6..]), "registration pump-6, enrollment group pumps");
        assert_eq!(counted(&things), "enrollments and groups: 1, registrations: 7");
    }
}
