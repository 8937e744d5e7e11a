//! Devices register, one after the other or many at once.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};

use super::asking::Asking;
use super::core::Engine;
use super::event::{Ended, Event};
use super::state::Assignment;
use super::told::Told;
use crate::device::{Credential, Error, Notice, ProvisioningClient, Registered, Settings};
use crate::scenario::device::DeviceSpec;
use crate::scenario::expectation::Expectation;
use crate::scenario::stage::{Noted, Stage};
use crate::scenario::step::{Register, Step};
use crate::scenario::verdict::{Actual, LastAnswer, Verdict};
use crate::sources::Sources;
use crate::verdicts::{Case, Outcome, Part, PartKind};
use crate::wire::RegistrationId;

/// How long tokens are good: longer than any step may take.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// Where it goes what happens to a device: to whoever prints, or for later, so that the devices of a step
/// are told one after the other.
enum Tell<'a, S> {
    Now(&'a Engine<S>),
    Later(Vec<Event>),
}

impl<S: Stage> Tell<'_, S> {
    fn event(&mut self, event: Event) {
        match self {
            Self::Now(engine) => engine.tell(event),
            Self::Later(events) => events.push(event),
        }
    }
}

impl<S: Stage> Engine<S> {
    /// The devices of a step register. Tells what comes out of each in the order of the file; whether
    /// anything was bad.
    pub(super) async fn register(&self, index: usize, step: &Step, how: &Register) -> bool {
        let deadline = self.sources.instant() + step.within;
        let devices = how.devices.of_these(self.devices.all(), |device| &device.name);
        let is_alone = devices.len() == 1;
        // One after the other, where the order has to be the same each time.
        let parallel = if self.sources.clock.stands() { 1 } else { how.parallel };
        let (is_live, mut is_bad) = (parallel == 1, false);
        // In a list, not as they are made: what is made here goes from thread to thread.
        let played: Vec<_> = devices
            .into_iter()
            .map(|device| async move {
                let mut tell = if is_live { Tell::Now(self) } else { Tell::Later(Vec::new()) };
                let name = case_name(step, how, device, is_alone);
                // Who would have come beside the others has as much time as they have.
                let deadline = match parallel < how.parallel {
                    true => self.sources.instant() + step.within,
                    false => deadline,
                };
                let case = self.register_one(index, device, how, deadline, &name, &mut tell).await;
                let name = Some(device.shown.clone());
                tell.event(Event::Decided { step: index, device: name, case: case.clone() });
                (tell, case)
            })
            .collect();
        let mut played = stream::iter(played).buffered(parallel);
        while let Some((tell, case)) = played.next().await {
            if let Tell::Later(events) = tell {
                events.into_iter().for_each(|event| self.tell(event));
            }
            is_bad |= case.outcome.is_bad();
        }
        is_bad
    }

    async fn register_one(
        &self,
        index: usize,
        device: &DeviceSpec,
        how: &Register,
        deadline: Instant,
        name: &str,
        tell: &mut Tell<'_, S>,
    ) -> Case {
        let begin = self.begin();
        let left = deadline.saturating_duration_since(begin.at);
        let id = &device.registration_id;
        let takes = |other: &str| other.eq_ignore_ascii_case(id.as_str());
        if left.is_zero() {
            let late = "the step's time was up before its turn came".to_owned();
            return self.case(name, begin, Outcome::Failed(vec![late]), None, Vec::new(), takes);
        }
        if let Err(error) = self.stage.begins(id).await {
            let outcome = Outcome::Broken(error.to_string());
            return self.case(name, begin, outcome, None, Vec::new(), takes);
        }
        let asking = match Asking::of(device) {
            Ok(asking) => asking,
            Err(error) => {
                let outcome = Outcome::Broken(error);
                return self.case(name, begin, outcome, None, Vec::new(), takes);
            }
        };
        tell.event(Event::Registering { step: index, device: device.shown.clone() });
        let mut settings = self.settings(device, how, left);
        settings.csr = asking.as_ref().map(|asking| asking.csr.clone());
        let (mut told, mut last) = (Told::new(&self.sources.clock), LastAnswer::default());
        let result = {
            let mut notify = |notice: Notice| {
                told.notice(&notice);
                last.notice(&notice);
                tell.event(Event::Notice { step: index, device: device.shown.clone(), notice });
            };
            ProvisioningClient::new(settings.clone()).register(&mut notify).await
        };
        self.stage.ended(id);
        let took = told.elapsed();
        told.line(&ending(&result));
        let expected = how.expect.as_ref().unwrap_or(&device.expect);
        let mut differences = Vec::new();
        if let Ok(registered) = &result {
            if let Some(key) = &registered.hub_key {
                settings.credential = Credential::Signer(key.signer().clone());
            }
            if let (Some(asking), Some(chain)) = (&asking, &registered.issued_chain) {
                match asking.credential(chain) {
                    Ok(credential) => settings.credential = credential,
                    Err(error) => differences.push(format!("issued: {error}")),
                }
            }
            self.devices.known(device).assigned(Assignment {
                hub: registered.assigned_hub.clone(),
                device_id: registered.device_id.clone(),
                profile: registered.connection_profile.clone(),
                settings,
            });
        }
        if how.connect && result.is_ok() {
            match self.sign_in(device).await {
                Ok(event) => tell.event(event),
                Err(error) => {
                    told.line(&error);
                    differences.push(error);
                }
            }
        }
        let mut verdict = self.judge(expected, &result, took, &last).await;
        verdict.differences.append(&mut differences);
        let outcome = Outcome::of_differences(verdict.differences.clone());
        let own = vec![Part::new(PartKind::Device, told.text())];
        let case = self.case(name, begin, outcome, Some(verdict.summary()), own, takes);
        tell.event(Event::Registered(Box::new(Ended {
            step: index,
            device: device.shown.clone(),
            registration_id: id.clone(),
            result,
            verdict,
            reason: self.reason(id),
        })));
        case
    }

    /// What the device needs to know this time.
    fn settings(&self, device: &DeviceSpec, how: &Register, timeout: Duration) -> Settings {
        let reach = self.stage.reach();
        let payload = how.payload.as_ref().or(device.payload.as_ref()).cloned();
        if let Some(warning) = payload.as_ref().and_then(|payload| payload.warning()) {
            tracing::warn!("device {}: {warning}", device.shown);
        }
        Settings {
            ports: reach.ports,
            route: reach.route,
            payload,
            transport: how.transport.unwrap_or(device.transport),
            api_version: how.api_version.clone().unwrap_or_else(|| device.api_version.clone()),
            timeout,
            token_lifetime: TOKEN_LIFETIME,
            // The step has the turn.
            sources: Sources {
                clock: self.sources.clock.in_turn(),
                chance: self.sources.chance.clone(),
            },
            ..Settings::new(
                reach.host,
                reach.id_scope,
                device.registration_id.clone(),
                device.credential_with(how.key.unwrap_or(device.slot)),
                reach.tls,
            )
        }
    }

    async fn judge(
        &self,
        expected: &Expectation,
        result: &Result<Registered, Error>,
        took: Duration,
        last: &LastAnswer,
    ) -> Verdict {
        let mut actual = Actual::of(result);
        actual.took = Some(took);
        if actual.answer.is_none() {
            actual.answer = last.json();
        }
        let mut trouble = None;
        if expected.wants_twin()
            && let Ok(registered) = result
        {
            match self.stage.twin(&registered.assigned_hub, &registered.device_id).await {
                Ok(twin) => actual.twin = Some(twin),
                Err(error) => trouble = Some(format!("twin: {error}")),
            }
        }
        let actual = actual.renamed(|text| self.stage.here(text).into_owned());
        let mut verdict = Verdict::new(expected, actual);
        if let Some(trouble) = trouble {
            verdict.differences = vec![trouble];
        }
        verdict
    }

    /// Why the last registration of a device came to nothing, in the words of the service.
    fn reason(&self, id: &RegistrationId) -> Option<String> {
        let of_it = |noted: &Noted| noted.entry.registration_id.eq_ignore_ascii_case(id.as_str());
        let entries = self.stage.watched()?.entries();
        let last = entries.into_iter().rfind(of_it)?;
        last.entry.reason.as_ref().map(|reason| reason.as_str().to_owned())
    }
}

/// A step of one device is called by its name; of several, each has the device's.
fn case_name(step: &Step, how: &Register, device: &DeviceSpec, is_alone: bool) -> String {
    let has_own_name = step.name != format!("register {}", how.devices);
    match (is_alone, has_own_name) {
        (true, _) => step.name.clone(),
        (false, true) => format!("{}: {}", step.name, device.name),
        (false, false) => format!("register {}", device.name),
    }
}

fn ending(result: &Result<Registered, Error>) -> String {
    match result {
        Ok(registered) => {
            format!("assigned to {} as {}", registered.assigned_hub, registered.device_id)
        }
        Err(error) => crate::text::Foreign::new(error.to_string()).to_string(),
    }
}
