//! What a local service is to be like, and its start.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::oneshot;

use super::enrollment::EnrollmentBuilder;
use super::error::{LocalServiceError, cannot};
use super::expectation::Expectation;
use super::function::AllocationAnswer;
use super::handle::{LocalService, Parts};
use super::plan::{Plan, launch};
use crate::attestation::GroupKey;
use crate::contoso::FUNCTION_URL;
use crate::net::{Trust, client_config};
use crate::service::{
    Authority, Config, FaultRule, FaultRuleError, LinkedHubConfig, Options, Pace, Quotas,
    ResetOnSameHub, Tap, WebhookSettings,
};
use crate::sources::{Chance, Clock, Sources, TestSeed};
use crate::text::{MAX_FILE, read_file};

/// What a [`LocalService`] is to be like.
///
/// ```
/// use provision_sim::{AllocationAnswer, EnrollmentBuilder, LocalService};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = LocalService::builder()
///     .hub("hub-east.azure-devices.net")
///     .hub("hub-west.azure-devices.net")
///     .enrollment(EnrollmentBuilder::group("pumps").static_hub("hub-west.azure-devices.net"))
///     .allocation_function(|request| {
///         match request["deviceRuntimeContext"]["payload"]["model"].as_str() {
///             Some("toaster") => AllocationAnswer::hub("hub-east.azure-devices.net")
///                 .with_initial_twin(json!({ "properties": { "desired": { "slots": 2 } } })),
///             _ => AllocationAnswer::refuse("toasters only"),
///         }
///     })
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is served before `start`"]
pub struct LocalServiceBuilder {
    source: Source,
    id_scope: Option<String>,
    hubs: Vec<String>,
    enrollments: Vec<EnrollmentBuilder>,
    default_group: EnrollmentBuilder,
    retry_after: Option<Duration>,
    assigning_polls: Option<u32>,
    quotas: Option<Quotas>,
    certificate_policies: Vec<(String, Duration)>,
    webhooks: WebhookSettings,
    on_same_hub: ResetOnSameHub,
    faults: Vec<FaultRule>,
    tap: Tap,
    state: Option<PathBuf>,
    expectations: Vec<Expectation>,
    wait_timeout: Duration,
    sources: Sources,
}

/// Where the configuration is from, to which the rest is added.
#[derive(Clone)]
enum Source {
    None,
    Text(String),
    File(PathBuf),
}

impl Default for LocalServiceBuilder {
    fn default() -> Self {
        Self {
            source: Source::None,
            id_scope: None,
            hubs: Vec::new(),
            enrollments: Vec::new(),
            default_group: EnrollmentBuilder::group(LocalService::DEFAULT_GROUP),
            retry_after: None,
            assigning_polls: None,
            quotas: None,
            certificate_policies: Vec::new(),
            webhooks: WebhookSettings::default(),
            on_same_hub: ResetOnSameHub::default(),
            faults: Vec::new(),
            tap: Tap::default(),
            state: None,
            expectations: Vec::new(),
            wait_timeout: Duration::from_secs(10),
            sources: Sources::default(),
        }
    }
}

impl LocalService {
    /// Says what the service is to be like.
    pub fn builder() -> LocalServiceBuilder {
        LocalServiceBuilder::default()
    }

    /// A service with one hub and the default group, that answers as fast as it can.
    ///
    /// # Errors
    ///
    /// If no thread, port or temporary folder can be had.
    pub async fn start() -> Result<Self, LocalServiceError> {
        Self::builder().start().await
    }
}

impl LocalServiceBuilder {
    /// Begins with this configuration, TOML as for `serve --config`; what else is said is added to
    /// it, or goes before it.
    pub fn config_toml(mut self, text: impl Into<String>) -> Self {
        self.source = Source::Text(text.into());
        self
    }

    /// The same from a file, which is read at start.
    pub fn config_file(mut self, path: impl AsRef<Path>) -> Self {
        self.source = Source::File(path.as_ref().to_owned());
        self
    }

    /// The ID scope.
    pub fn id_scope(mut self, id_scope: impl Into<String>) -> Self {
        self.id_scope = Some(id_scope.into());
        self
    }

    /// Links a hub, by its host name.
    pub fn hub(mut self, host_name: impl Into<String>) -> Self {
        self.hubs.push(host_name.into());
        self
    }

    /// Adds an enrollment. A group of the name [`DEFAULT_GROUP`](LocalService::DEFAULT_GROUP) takes
    /// the place of that one; it needs symmetric keys (J-156).
    pub fn enrollment(mut self, enrollment: EnrollmentBuilder) -> Self {
        match enrollment.is_group(LocalService::DEFAULT_GROUP) {
            true => self.default_group = enrollment,
            false => self.enrollments.push(enrollment),
        }
        self
    }

    /// The allocation function of the default group; see
    /// [`EnrollmentBuilder::allocation_function`].
    pub fn allocation_function(
        mut self,
        decide: impl Fn(&Value) -> AllocationAnswer + Send + Sync + 'static,
    ) -> Self {
        self.default_group = self.default_group.allocation_function(decide);
        self
    }

    /// What devices are told to wait, in whole seconds (J-41); 0 s, if neither this nor the
    /// configuration says otherwise.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// How many polls at least are answered `assigning`.
    pub fn assigning_polls(mut self, count: u32) -> Self {
        self.assigning_polls = Some(count);
        self
    }

    /// How often the service may be asked (H.3); as often as one likes, if neither this nor the
    /// configuration says otherwise.
    pub fn quotas(mut self, quotas: Quotas) -> Self {
        self.quotas = Some(quotas);
        self
    }

    /// Issues certificates that are valid for so long to devices that ask for one (B.7), by a policy of this
    /// name, which enrollments name with [`EnrollmentBuilder::certificate_policy`]. There is one called
    /// `default` without it, for 30 days.
    pub fn certificate_policy(mut self, name: impl Into<String>, validity: Duration) -> Self {
        self.certificate_policies.push((name.into(), validity));
        self
    }

    /// How patient the service is with webhooks, and which CA it trusts for them.
    pub fn webhooks(mut self, settings: WebhookSettings) -> Self {
        self.webhooks = settings;
        self
    }

    /// What a reset means on the hub that a device has already (J-3).
    pub fn on_same_hub(mut self, choice: ResetOnSameHub) -> Self {
        self.on_same_hub = choice;
        self
    }

    /// Has something go wrong from the start on; see [`LocalService::fault`].
    ///
    /// # Errors
    ///
    /// If it is no rule, or can never strike.
    pub fn fault(mut self, rule: &str) -> Result<Self, FaultRuleError> {
        self.faults.push(rule.parse()?);
        Ok(self)
    }

    /// Has somebody told of everything that goes over the wire, packet by packet.
    pub fn tap(mut self, tap: Tap) -> Self {
        self.tap = tap;
        self
    }

    /// Keeps the state in this folder, so that the next service on it goes on from there. Give the
    /// default group a key of its own then: one that is made is another at each start.
    pub fn state(mut self, folder: impl AsRef<Path>) -> Self {
        self.state = Some(folder.as_ref().to_owned());
        self
    }

    /// Has operation IDs, entity tags, keys and whatever else is left to chance follow from a number, so
    /// that two services of one seed say the same byte for byte to the same devices (J-311). Its keys are
    /// known to whoever knows the number. TLS is not concerned, nor are ports.
    pub fn seed(mut self, seed: u64) -> Self {
        self.sources.chance = Chance::seeded(TestSeed(seed));
        self
    }

    /// Has the service's clock stand at this time: it is moved by
    /// [`advance_clock`](LocalService::advance_clock), and by what the service itself waits for, which is
    /// over at once (J-312). Devices need tokens that are good at this time;
    /// [`device_settings`](LocalService::device_settings) has the same clock.
    pub fn clock(mut self, time: SystemTime) -> Self {
        self.sources.clock = Clock::standing(time);
        self
    }

    /// Adds an expectation; see [`LocalService::expect`].
    pub fn expect(mut self, expectation: Expectation) -> Self {
        self.expectations.push(expectation);
        self
    }

    /// How long [`wait_for_registration`](LocalService::wait_for_registration) and
    /// [`verify`](LocalService::verify) wait for what does not come: 10 s, if this does not say
    /// otherwise.
    pub fn wait_timeout(mut self, limit: Duration) -> Self {
        self.wait_timeout = limit;
        self
    }

    /// Starts the service. When this returns, devices can connect. May be awaited on any runtime.
    ///
    /// # Errors
    ///
    /// If something that was asked for is wrong, or no thread, port or folder can be had.
    pub async fn start(self) -> Result<LocalService, LocalServiceError> {
        let (tell, told) = oneshot::channel();
        let (plan, parts) = self.prepare()?;
        let host = launch(plan, move |served| drop(tell.send(served)))?;
        let served = told.await.map_err(|_| LocalServiceError::Gone)??;
        Ok(LocalService::new(host, served, parts)?)
    }

    /// The same without `await`, for tests without a runtime. Blocks the thread.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_blocking(self) -> Result<LocalService, LocalServiceError> {
        let (tell, told) = mpsc::channel();
        let (plan, parts) = self.prepare()?;
        let host = launch(plan, move |served| drop(tell.send(served)))?;
        let served = told.recv().map_err(|_| LocalServiceError::Gone)??;
        Ok(LocalService::new(host, served, parts)?)
    }

    fn prepare(self) -> Result<(Plan, Parts), LocalServiceError> {
        let (config, group_key) = (self.config()?, self.group_key()?);
        let default_group = match self.default_group.wants_key() {
            true => self.default_group.with_key(&group_key),
            false => self.default_group,
        };
        let authority = Authority::in_memory()?;
        let ca_pem = authority.pem().to_owned();
        let tls = client_config(&Trust::Pem(ca_pem.clone()))?;
        let folder = tempfile::tempdir().map_err(cannot("make a temporary folder"))?;
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, &ca_pem).map_err(cannot("write the CA file"))?;

        let pace = Pace {
            retry_after: self.retry_after.or(config.retry_after).unwrap_or_default(),
            assigning_polls: self.assigning_polls.or(config.assigning_polls).unwrap_or_default(),
        };
        let options = Options {
            pace,
            on_same_hub: self.on_same_hub,
            faults: self.faults,
            tap: self.tap,
            webhooks: self.webhooks,
            state: self.state,
            sources: self.sources.clone(),
            // Whoever tests with an SDK needs it, and nobody else meets it.
            gateway_port: Some(0),
            ..Options::on_free_ports(authority)
        };
        let mut enrollments = self.enrollments;
        enrollments.push(default_group);
        let plan = Plan { config, enrollments, options };
        let (expectations, wait_timeout) = (self.expectations, self.wait_timeout);
        let sources = self.sources;
        let parts =
            Parts { ca_pem, ca_file, folder, group_key, tls, expectations, wait_timeout, sources };
        Ok((plan, parts))
    }

    fn config(&self) -> Result<Config, LocalServiceError> {
        let text = match &self.source {
            Source::None => format!("idScope = {:?}", LocalService::DEFAULT_ID_SCOPE),
            Source::Text(text) => text.clone(),
            Source::File(path) => read_file(path, MAX_FILE)
                .map_err(|source| LocalServiceError::Read { path: path.clone(), source })?
                .to_string(),
        };
        let mut config = Config::from_toml(&text, &[FUNCTION_URL])?;
        if let Source::File(path) = &self.source
            && let Some(folder) = path.parent()
        {
            config.place_files(folder);
        }
        if let Some(id_scope) = &self.id_scope {
            config.id_scope.clone_from(id_scope);
        }
        config.linked_hubs.extend(self.hubs.iter().cloned().map(LinkedHubConfig::Name));
        if config.linked_hubs.is_empty() && matches!(self.source, Source::None) {
            config.linked_hubs.push(LinkedHubConfig::Name(LocalService::DEFAULT_HUB.to_owned()));
        }
        if let Some(quotas) = self.quotas {
            config.quotas = quotas;
        }
        for (name, validity) in &self.certificate_policies {
            config.add_certificate_policy(name, *validity);
        }
        Ok(config)
    }

    fn group_key(&self) -> Result<GroupKey, LocalServiceError> {
        match self.default_group.given_key() {
            Some(key) => key.parse().map_err(LocalServiceError::Key),
            None if self.default_group.wants_key() => {
                Ok(GroupKey::made_by(&self.sources.chance, LocalService::DEFAULT_GROUP))
            }
            None => Err(LocalServiceError::DefaultGroup),
        }
    }
}

/// It may hold keys.
impl fmt::Debug for LocalServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalServiceBuilder")
            .field("hubs", &self.hubs)
            .field("enrollments", &self.enrollments)
            .finish_non_exhaustive()
    }
}
