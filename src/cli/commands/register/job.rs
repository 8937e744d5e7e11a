//! One run of `register`: the hub that was kept, the registration, the hub that was assigned.
//!
//! Decides what comes next and prints it; how each of them is done is the device's business.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::cache::Cache;
use super::hub::{HubTasks, print_twin};
use super::reason::reason;
use crate::cli::args::device::DeviceArgs;
use crate::cli::args::request::Asking;
use crate::cli::exit::Exit;
use crate::cli::local::Local;
use crate::cli::output::failure;
use crate::cli::output::narration::{HubStep, Narrator};
use crate::cli::output::printer::Printer;
use crate::cli::output::progress::Progress;
use crate::cli::output::transcript::Transcript;
use crate::cli::report::Report;
use crate::cli::timings::{Timings, with_timings};
use crate::device::{
    Credential, Error, HubError, HubSettings, Notice, ProvisioningClient, Registered, Settings,
    Transport, Twin,
};
use crate::explain::Context;
use crate::wire::{DeviceId, HubName};

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "event")]
enum Event<'a> {
    #[serde(rename_all = "camelCase")]
    Kept {
        hub: &'a HubName,
        device_id: &'a DeviceId,
    },
    ProvisioningAgain {
        hub: &'a HubName,
        reason: &'a str,
    },
}

/// One device with all that it needs to provision itself and to go on to its hub.
pub(crate) struct Job<'a> {
    pub(crate) device: &'a DeviceArgs,
    pub(crate) settings: Settings,
    pub(crate) context: Context,
    /// What it asks a certificate for, if it does.
    pub(crate) asking: Option<Asking>,
    pub(crate) local: Option<Local>,
    pub(crate) cache: Option<Cache>,
    pub(crate) progress: Progress,
    pub(crate) narrator: Option<Narrator>,
}

/// A registration that has led to a hub.
struct Provisioned {
    registered: Registered,
    /// The one that got through.
    transport: Transport,
    timings: Timings,
}

impl Job<'_> {
    /// Provisions the device, unless the hub that it knows still wants it, and carries out its tasks there.
    pub(crate) async fn run(
        mut self,
        tasks: Option<&HubTasks>,
        printer: &mut Printer,
    ) -> Result<Exit, Report> {
        let now = Instant::now();
        let deadline = now.checked_add(self.settings.timeout).unwrap_or(now);
        if let Some(tasks) = tasks
            && let Some(exit) = self.try_kept(tasks, deadline, printer).await?
        {
            return Ok(exit);
        }
        let provisioned = self.register(tasks.is_some(), now, printer).await?;
        let Provisioned { registered, transport, timings } = provisioned;
        if let Some(cache) = &self.cache {
            cache.keep(&self.settings, &registered);
        }
        let issued = self.keep_issued(&registered, printer)?;
        // A TPM was given another key for the hub than that which it proved itself by.
        let hub_key =
            registered.hub_key.as_ref().map(|key| Credential::Signer(key.signer().clone()));
        let Some(tasks) = tasks else { return Ok(Exit::Done) };
        let assignment = (&registered.assigned_hub, &registered.device_id);
        let mut hub = self.hub(tasks, assignment, transport, issued.or(hub_key))?;
        hub.profile = registered.connection_profile.clone();
        match self.visit(tasks, &hub, deadline, printer).await {
            // With `jsonl` every phase has had a line of its own (J-150).
            Ok(twin) if printer.is_lines() => print_twin(printer, &registered.body, &twin),
            Ok(twin) => {
                let group = self.context.group.as_deref();
                print_twin(printer, &with_timings(&registered.body, group, &timings), &twin);
            }
            Err(error) => {
                let mut report = self.hub_failed(&error, &hub, printer);
                report.timings = Some(Box::new(timings));
                return Err(report);
            }
        }
        Ok(Exit::Done)
    }

    /// Keeps the certificate that was asked for, and gives it with its key if that is at hand. A device that
    /// was issued none has its hub all the same (J-482).
    fn keep_issued(
        &self,
        registered: &Registered,
        printer: &mut Printer,
    ) -> Result<Option<Credential>, Report> {
        let Some(asking) = &self.asking else { return Ok(None) };
        let Some(chain) = &registered.issued_chain else {
            tracing::warn!(
                "no certificate was issued, though one was asked for: the enrollment of \
                 {} names nobody who issues any, or the service does not know such requests",
                self.settings.registration_id
            );
            return Ok(None);
        };
        asking.keep(chain, printer)?;
        Ok(asking.identity(chain).map(Credential::X509))
    }

    /// Goes to the hub that was kept. `None` if the device has to provision itself (J-143).
    async fn try_kept(
        &mut self,
        tasks: &HubTasks,
        deadline: Instant,
        printer: &mut Printer,
    ) -> Result<Option<Exit>, Report> {
        let Some(cache) = &self.cache else { return Ok(None) };
        let Some(kept) = cache.read(&self.settings) else { return Ok(None) };
        let (path, name) = (cache.path().display(), &kept.assigned_hub);
        let assignment = (name, &kept.device_id);
        let issued = match &self.asking {
            None => None,
            Some(asking) => match asking.kept(&self.settings.registration_id) {
                Ok(issued) => Some(Credential::X509(issued)),
                Err(reason) => {
                    tracing::info!(
                        "--cache {path}: not used, for there is no certificate: {reason}"
                    );
                    return Ok(None);
                }
            },
        };
        let mut hub = match self.hub(tasks, assignment, self.settings.transport, issued) {
            Ok(hub) => hub,
            Err(report) => {
                tracing::warn!("--cache {path}: not used: {}", report.message);
                return Ok(None);
            }
        };
        hub.profile = kept.connection_profile.clone();
        if printer.is_text() {
            printer
                .line(format!("Assignment kept in {path}: {name}, deviceId: {}", kept.device_id));
        }
        printer.event(&Event::Kept { hub: name, device_id: &kept.device_id });
        self.tell(HubStep::Kept { hub: &hub });
        let error = match self.visit(tasks, &hub, deadline, printer).await {
            Ok(twin) => {
                print_twin(printer, &kept.as_registration(), &twin);
                return Ok(Some(Exit::Done));
            }
            Err(error) => error,
        };
        if error.calls_for_provisioning() {
            let reason = error.to_string();
            tracing::warn!("hub {name}, from {path}: {reason}; provisioning again");
            printer.event(&Event::ProvisioningAgain { hub: name, reason: &reason });
            if printer.is_text() {
                printer.line("");
            }
            return Ok(None);
        }
        let report = self.hub_failed(&error, &hub, printer);
        Err(report.remedy(format!("to provision the device again all the same, remove {path}")))
    }

    /// Registers. With a hub to go on to, what programs read comes at the end, with the twin.
    async fn register(
        &mut self,
        goes_on: bool,
        start: Instant,
        printer: &mut Printer,
    ) -> Result<Provisioned, Report> {
        let mut transport = self.settings.transport;
        // What a visit to the hub that was kept has used up, in whole seconds.
        let used = Duration::from_secs(start.elapsed().as_secs());
        let timeout = self.settings.timeout.saturating_sub(used);
        let settings = Settings { timeout, ..self.settings.clone() };
        self.progress.at_service();
        let (progress, narrator) = (&self.progress, &mut self.narrator);
        if let (Some(narrator), Some(proof)) = (&mut *narrator, &self.context.proof) {
            narrator.begin(&settings, proof);
        }
        let client = ProvisioningClient::new(settings);
        let mut transcript = Transcript::new(printer);
        let mut notify = |notice| {
            progress.notice(&notice);
            if let Some(narrator) = narrator {
                narrator.notice(&notice);
            }
            if let Notice::Through { transport: found } = &notice {
                transport = *found;
            }
            transcript.notice(&notice);
        };
        let result = progress.during(client.register(&mut notify)).await;
        if let Some(narrator) = &self.narrator {
            narrator.end(&result);
        }
        let (registered, timings) = match result {
            Ok(registered) if goes_on => {
                let timings = transcript.go_on(&registered);
                (registered, timings)
            }
            result => {
                let has_no_hub = matches!(&result, Err(Error::Failed { .. }));
                match transcript.end(result, &self.context) {
                    Ok(registered) => registered,
                    Err(report) => {
                        let mut report = self.follow_up(report);
                        if has_no_hub && let Some(local) = &self.local {
                            let reason = reason(local, &self.settings.registration_id).await;
                            report.causes.splice(0..0, reason);
                        }
                        return Err(report);
                    }
                }
            }
        };
        Ok(Provisioned { registered, transport, timings })
    }

    /// Carries out the tasks on a hub, and tells of it.
    async fn visit(
        &self,
        tasks: &HubTasks,
        hub: &HubSettings,
        deadline: Instant,
        printer: &mut Printer,
    ) -> Result<Twin, HubError> {
        self.progress.at_hub();
        let mut tell = |step: HubStep<'_>| self.tell(step);
        let visit = tasks.run(hub, deadline, printer, &mut tell);
        let result = self.progress.during(visit).await;
        if let Err(error) = &result {
            self.tell(HubStep::Failed { error });
        }
        result
    }

    fn tell(&self, step: HubStep<'_>) {
        if let Some(narrator) = &self.narrator {
            narrator.hub(step);
        }
    }

    /// What to do once time is up. Only who asked for a certificate can take it, so that `status` is of no
    /// use then (J-484).
    fn follow_up(&self, report: Report) -> Report {
        match self.asking {
            Some(_) if report.exit == Exit::Deadline => report
                .remedy("run the same command again: the service goes on with what it has begun"),
            Some(_) => report,
            None => self.device.with_follow_up(report, &self.context),
        }
    }

    /// The hub, and what the device shows it: what it was issued or its TPM was given, else what it
    /// registers with. Without a key from this registration a TPM has nothing to show (J-402).
    fn hub(
        &self,
        tasks: &HubTasks,
        assignment: (&HubName, &DeviceId),
        transport: Transport,
        credential: Option<Credential>,
    ) -> Result<HubSettings, Report> {
        let mut settings = self.settings.clone();
        if let Some(credential) = credential {
            settings.credential = credential;
        }
        tasks.hub(assignment, &settings, &self.device.route, self.local.as_ref(), transport)
    }

    fn hub_failed(&self, error: &HubError, hub: &HubSettings, printer: &mut Printer) -> Report {
        if printer.is_text() {
            printer.line("");
            printer.line(format!("Failure at hub: {}", hub.hub()));
        }
        failure::hub_report(error, hub, &self.context)
    }
}
