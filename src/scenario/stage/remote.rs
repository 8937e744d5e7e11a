//! A service that is there already, on Azure or of this program: reached by its host name, asked through
//! its service API, and left as it was.
//!
//! Nothing of it is ours but what this run makes there, under its own names. What only a service of our
//! own can do is told by [`cannot`](Stage::cannot).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use super::enrollments::{created, patched};
use super::error::StageError;
use super::functions::ScriptedFunction;
use super::place::Stage;
use super::reach::Reach;
use crate::api_client::{CallError, Kind};
use crate::attestation::GroupKey;
use crate::contoso::SampleFunction;
use crate::device::Credential;
use crate::function_app::{FunctionApp, ServedFunctions};
use crate::scenario::against::{Account, Bodies, BodyError, FunctionUrl, Mapping};
use crate::scenario::device::DeviceSpec;
use crate::scenario::step::{EnrollmentChange, Script, Selection, Verb, function_url};
use crate::service::Config;
use crate::sources::Clock;
use crate::wire::{DeviceId, HubName, RegistrationId};

const FAULTS: &str = "only a service of the scenario's own goes wrong as it is asked";

/// What is to be played where.
#[derive(Debug)]
pub struct RemotePlan<'a> {
    /// What the file describes; its enrollments are made there.
    pub config: &'a Config,
    /// The scripted functions, by name.
    pub functions: Vec<(String, Script)>,
    /// The devices of the file.
    pub devices: &'a [DeviceSpec],
    /// The service, and what is written down of this run. It is tidied up by whoever has it.
    pub account: Arc<Account>,
    /// The names there.
    pub mapping: Mapping,
    /// How devices get there.
    pub reach: Reach,
    /// Where the service reaches functions of this machine, if it does.
    pub function_url: Option<FunctionUrl>,
}

/// A service that is there already.
#[derive(Debug)]
pub struct RemoteStage {
    account: Arc<Account>,
    mapping: Mapping,
    reach: Reach,
    /// What the file says of functions, and where the service calls them.
    addresses: HashMap<String, String>,
    functions: HashMap<String, Arc<ScriptedFunction>>,
    /// Whether the service calls functions of this machine.
    reaches_functions: bool,
    /// The devices whose enrollments could not be made, because their functions cannot be called.
    stranded: Vec<String>,
    skipped: Vec<Skipped>,
    // They end when dropped.
    _sample: Option<SampleFunction>,
    _served: Option<ServedFunctions>,
}

/// What of a file cannot be had at a service that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// What it is.
    pub name: String,
    /// Why it cannot.
    pub why: String,
}

/// The enrollments of a file: kind, and JSON as it is written.
fn written(config: &Config) -> Vec<(Kind, &str)> {
    let groups = config.enrollment_groups.iter().map(|it| (Kind::Group, it.as_json()));
    let individuals = config.enrollments.iter().map(|it| (Kind::Individual, it.as_json()));
    groups.chain(individuals).collect()
}

impl RemoteStage {
    /// Makes the enrollments of the file there, and serves its functions here.
    ///
    /// # Errors
    ///
    /// If the service does not take one. What was made before is written down in the account.
    pub async fn start(plan: RemotePlan<'_>) -> Result<Self, StageError> {
        let RemotePlan { config, functions, devices, account, mapping, reach, function_url: told } =
            plan;
        let mut config = config.clone();
        let sample = SampleFunction::start_for(&mut config).await.map_err(StageError::Function)?;
        let mut addresses = HashMap::new();
        let mut place = |name: String, local: &str| {
            let local = local.parse::<Url>().ok();
            let address = told.as_ref().zip(local).and_then(|(told, local)| told.of(&local));
            addresses.extend(address.map(|address| (name, address)));
        };
        for (name, address) in config.placed_webhooks() {
            place(name.to_owned(), address.as_written());
        }
        let mut app = FunctionApp::open().map_err(StageError::Function)?;
        let mut scripted = HashMap::new();
        for (name, script) in functions {
            let function = Arc::new(ScriptedFunction::new(script, Clock::system()));
            let served = function.clone().served();
            let names = mapping.clone();
            // A function is asked about the devices of the file.
            let local = app.add(Arc::new(move |request| served(names.value_here(request))));
            place(function_url(&name), &local);
            scripted.insert(name, function);
        }
        let served = (!scripted.is_empty()).then(|| app.serve());
        let mut stage = Self {
            account,
            mapping,
            reach,
            addresses,
            functions: scripted,
            reaches_functions: told.is_some(),
            stranded: Vec::new(),
            skipped: faults(&config).into_iter().collect(),
            _sample: sample,
            _served: served,
        };
        for (kind, json) in written(&config) {
            match stage.create(kind, json).await {
                Err(StageError::Body(error @ BodyError::Unreachable(_))) => {
                    let written: Value = serde_json::from_str(json).unwrap_or_default();
                    let name = written[kind.id_member()].as_str().unwrap_or_default();
                    let title = format!("{} {name}", kind.noun());
                    stage.skipped.push(Skipped { name: title, why: error.to_string() });
                    let of_it = devices.iter().filter(|it| stage.is_of(it, kind, name, &written));
                    let of_it: Vec<_> = of_it.map(|device| device.name.clone()).collect();
                    stage.stranded.extend(of_it);
                }
                result => result?,
            }
        }
        Ok(stage)
    }

    /// What of the file cannot be had there.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    async fn create(&self, kind: Kind, written: &str) -> Result<(), StageError> {
        let (id, body) = self.with_bodies(|bodies| bodies.body(kind, written))?;
        self.account.create(kind, &id, &body).await?;
        Ok(())
    }

    fn with_bodies<T>(
        &self,
        work: impl FnOnce(&Bodies<'_>) -> Result<T, BodyError>,
    ) -> Result<T, BodyError> {
        let address = |url: &str| self.address(url);
        work(&Bodies { mapping: &self.mapping, address: &address })
    }

    /// Where the service calls what the file has as `webhookUrl`.
    fn address(&self, url: &str) -> Option<String> {
        if let Some(address) = self.addresses.get(url) {
            return Some(address.clone());
        }
        let parsed: Url = url.parse().ok()?;
        let is_http = matches!(parsed.scheme(), "http" | "https");
        // Loopback is another machine there, unless somebody says that it is this one.
        let is_here = match parsed.host()? {
            url::Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
            url::Host::Ipv4(address) => address.is_loopback(),
            url::Host::Ipv6(address) => address.is_loopback(),
        };
        (is_http && (!is_here || self.reaches_functions)).then(|| url.to_owned())
    }

    /// The enrollment that the file calls so: the group of that name, else that of the device.
    async fn find(&self, name: &str) -> Result<(Kind, String, Value), StageError> {
        for kind in Kind::ALL {
            let id = self.with_bodies(|bodies| Ok(bodies.id(kind, name)))?;
            match self.account.client().get(kind, &id).await {
                Err(CallError::Refused(refusal)) if refusal.status == 404 => {}
                record => return Ok((kind, id, record?.value())),
            }
        }
        Err(StageError::other(format!("there is no enrollment or enrollment group {name:?}")))
    }

    async fn patch(&self, name: &str, patch: &Map<String, Value>) -> Result<(), StageError> {
        let (kind, id, mut record) = self.find(name).await?;
        // It comes without its keys, and would be given new ones.
        if record["attestation"]["type"] == "symmetricKey" {
            record["attestation"] = self.account.client().attestation(kind, &id).await?.value();
        }
        let patch = self.with_bodies(|bodies| bodies.patch(patch))?;
        let any = hyper::header::HeaderValue::from_static("*");
        self.account.client().put(kind, &id, &patched(record, &patch), Some(&any)).await?;
        Ok(())
    }

    /// Whether a device comes by this enrollment, as far as that is known.
    fn is_of(&self, device: &DeviceSpec, kind: Kind, name: &str, written: &Value) -> bool {
        match kind {
            Kind::Individual => {
                self.mapping.here(device.registration_id.as_str()).eq_ignore_ascii_case(name)
            }
            Kind::Group => {
                let keys = &written["attestation"]["symmetricKey"];
                let derived = ["primaryKey", "secondaryKey"].into_iter().any(|slot| {
                    let key = keys[slot].as_str().and_then(|text| text.parse::<GroupKey>().ok());
                    let key = key.map(|key| key.derive(&device.registration_id));
                    matches!((device.credential(), key), (Credential::SymmetricKey(own), Some(key)) if own == key)
                });
                derived
                    || device.group.as_deref().is_some_and(|group| group.eq_ignore_ascii_case(name))
            }
        }
    }

    /// Whether a step is about a device that cannot register.
    fn is_stranded(&self, devices: &Selection) -> bool {
        self.stranded.iter().any(|name| devices.takes(name))
    }
}

impl Stage for RemoteStage {
    fn cannot(&self, verb: &Verb) -> Option<&'static str> {
        const FUNCTION: &str =
            "its allocation function is on this machine, where the service cannot call it";
        const JOURNAL: &str = "the service does not show its journal";
        match verb {
            Verb::Register(it) if self.is_stranded(&it.devices) => Some(FUNCTION),
            Verb::Connect(devices, _) | Verb::Report(devices, _) | Verb::Record(devices, _)
                if self.is_stranded(devices) =>
            {
                Some(FUNCTION)
            }
            Verb::Twin(it) if self.is_stranded(&it.devices) => Some(FUNCTION),
            Verb::Twin(_) if !self.account.reaches_hubs() => {
                Some("nobody has said how its hubs are asked (--hub-connection-string)")
            }
            Verb::Command(it) => {
                let device = it.device.as_ref();
                let is_stranded = device.is_some_and(|name| self.stranded.contains(name));
                is_stranded.then_some(FUNCTION)
            }
            Verb::Function(..) if !self.reaches_functions => Some(FUNCTION),
            Verb::Wait(it) if it.function.is_some() && !self.reaches_functions => Some(FUNCTION),
            Verb::Wait(it)
                if it.status.is_some()
                    || it.polls.is_some()
                    || it.registers.is_some()
                    || it.struck.is_some() =>
            {
                Some(JOURNAL)
            }
            Verb::Wait(it) if it.at_hub.is_some() => Some("its hubs do not say who is signed in"),
            Verb::Journal(_) => Some(JOURNAL),
            Verb::Fault(_) | Verb::FaultsOff => Some(FAULTS),
            Verb::Service(_) => Some("the service is not the scenario's to stop"),
            _ => None,
        }
    }

    fn reach(&self) -> Reach {
        self.reach.clone()
    }

    fn here<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.mapping.here(text)
    }

    async fn begins(&self, id: &RegistrationId) -> Result<(), StageError> {
        let keeps = self.mapping.keeps(id.as_str());
        Ok(self.account.will_register(id.as_str(), keeps).await?)
    }

    async fn enrollment(&self, name: &str) -> Result<Value, StageError> {
        let (.., record) = self.find(name).await?;
        Ok(self.mapping.value_here(record))
    }

    async fn change_enrollment(
        &self,
        name: &str,
        change: &EnrollmentChange,
    ) -> Result<(), StageError> {
        match change {
            EnrollmentChange::Create(record) => {
                let (kind, record) = created(name, record);
                self.create(kind, &record.to_string()).await
            }
            EnrollmentChange::Delete => {
                let (kind, id, _) = self.find(name).await?;
                Ok(self.account.client().delete(kind, &id, None).await?)
            }
            EnrollmentChange::Patch(patch) => self.patch(name, patch).await,
        }
    }

    async fn record(&self, id: &RegistrationId) -> Result<Option<Value>, StageError> {
        match self.account.client().registration(id.as_str()).await {
            Err(CallError::Refused(refusal)) if refusal.status == 404 => Ok(None),
            record => Ok(Some(self.mapping.value_here(record?.value()))),
        }
    }

    async fn delete_record(&self, id: &RegistrationId) -> Result<(), StageError> {
        // Where its device is, nobody knows afterwards.
        self.account.look_at(id.as_str()).await;
        Ok(self.account.client().delete_registration(id.as_str(), None).await?)
    }

    async fn twin(&self, hub: &HubName, device_id: &DeviceId) -> Result<Value, StageError> {
        let twin = self.account.hub(hub)?.twin(device_id.as_str()).await?;
        Ok(self.mapping.value_here(twin.value()))
    }

    async fn change_twin(
        &self,
        hub: &HubName,
        device_id: &DeviceId,
        patch: &Value,
    ) -> Result<(), StageError> {
        let changed = self.account.hub(hub)?.change_twin(device_id.as_str(), patch).await;
        Ok(changed.map(drop)?)
    }

    fn set_function(&self, name: &str, script: Script) -> Result<(), StageError> {
        let function = self.functions.get(name);
        let none = || StageError::other(format!("there is no [[function]] {name:?}"));
        function.ok_or_else(none)?.set(script);
        Ok(())
    }

    fn function_calls(&self, name: &str) -> Option<u64> {
        Some(self.functions.get(name)?.calls())
    }
}

fn faults(config: &Config) -> Option<Skipped> {
    let why = FAULTS.to_owned();
    (!config.faults.is_empty()).then(|| Skipped { name: "[service] faults".to_owned(), why })
}

/// What a file says of its service that is as it is where it is there already; none if it says nothing.
pub fn told_apart(config: &Config) -> Option<String> {
    let said = [
        ("quotas", config.quotas.is_limited()),
        ("certificates", !config.certificates.is_empty()),
        ("allocationPolicy", config.allocation_policy.is_some()),
        ("retryAfter", config.retry_after.is_some()),
        ("assigningPolls", config.assigning_polls.is_some()),
    ];
    let said: Vec<_> =
        said.iter().filter_map(|(member, is_said)| is_said.then_some(*member)).collect();
    (!said.is_empty()).then(|| {
        format!("not taken from [service], but as they are there: linkedHubs, {}", said.join(", "))
    })
}
