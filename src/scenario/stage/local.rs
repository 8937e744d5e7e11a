//! A service of its own for a scenario, on free ports of this machine.
//!
//! It runs on a thread of its own, so that it can be gone at once, as after SIGKILL, while whoever plays
//! the scenario goes on. The allocation functions are not on that thread: they outlive it, as real ones
//! do.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use rustls::ClientConfig;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{RwLock, oneshot};
use tokio::time::timeout;

use super::enrollments;
use super::error::StageError;
use super::functions::ScriptedFunction;
use super::place::Stage;
use super::reach::Reach;
use super::watched::Watched;
use crate::api_client::ServiceClient;
use crate::contoso::{self, SampleFunction};
use crate::device::Ports;
use crate::function_app::{FunctionApp, ServedFunctions};
use crate::local_service::Host;
use crate::net::{Endpoint, Route, Trust, client_config};
use crate::scenario::file::Scenario;
use crate::scenario::step::{EnrollmentChange, Power, Script, Verb, function_url};
use crate::service::{
    Authority, Config, HubKey, Options, Pace, Port, Service, TwinChange, TwinVerb, WebhookSettings,
};
use crate::sources::{Sources, Turn};
use crate::wire::{DeviceId, HubName, RegistrationId};

/// How long a function may take to hear that nobody waits for its answer.
const HEARS_WITHIN: Duration = Duration::from_secs(5);

/// What is to be served for a scenario.
#[derive(Debug)]
pub struct LocalPlan {
    /// The configuration.
    pub config: Config,
    /// The scripted functions, by name; configurations call them `function:NAME`.
    pub functions: Vec<(String, Script)>,
    /// How webhooks are called.
    pub webhooks: WebhookSettings,
    /// Whether the service is ever stopped, so that its state has to be kept.
    pub is_stopped: bool,
    /// Whether programs run, which find the CA of the service in a file.
    pub has_programs: bool,
    /// What is called first on the thread of the service, each time that it is started.
    pub on_thread: OnThread,
    /// What time it is, and what is left to chance.
    pub sources: Sources,
}

/// Something that is called on a new thread before anything else; nothing, by default.
#[derive(Clone)]
pub struct OnThread(Arc<dyn Fn() + Send + Sync>);

impl OnThread {
    /// This.
    pub fn new(call: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }
}

impl Default for OnThread {
    fn default() -> Self {
        Self::new(|| {})
    }
}

impl fmt::Debug for OnThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnThread")
    }
}

impl LocalPlan {
    /// What a scenario needs.
    pub fn of(scenario: &Scenario, webhooks: WebhookSettings) -> Self {
        let has = |verb: fn(&Verb) -> bool| scenario.steps.iter().any(|step| verb(&step.verb));
        Self {
            config: scenario.service.clone(),
            functions: scenario.functions.clone(),
            webhooks,
            is_stopped: has(|verb| matches!(verb, Verb::Service(_))),
            has_programs: has(|verb| matches!(verb, Verb::Command(_))),
            on_thread: OnThread::default(),
            sources: scenario.sources.clone(),
        }
    }
}

/// A service made for a scenario.
#[derive(Debug)]
pub struct LocalStage {
    config: Config,
    webhooks: WebhookSettings,
    /// For what has to be in files. Most scenarios have nothing of that, and are played where no file can be
    /// written, such as in an image of nothing but the program.
    folder: Option<TempDir>,
    is_stopped: bool,
    on_thread: OnThread,
    tls: Arc<ClientConfig>,
    reach: Reach,
    running: RwLock<Option<Running>>,
    api: Mutex<Option<Arc<ServiceClient>>>,
    watched: Watched,
    sources: Sources,
    /// What is another each time, and what it is called where it has to be the same.
    roles: Vec<(String, String)>,
    functions: HashMap<String, Arc<ScriptedFunction>>,
    // They end when dropped.
    _sample: Option<SampleFunction>,
    _served: Option<ServedFunctions>,
}

/// The service while it runs.
#[derive(Debug)]
struct Running {
    service: Service,
    host: Host,
}

/// The ports of a service; 0 picks a free one.
#[derive(Debug, Clone, Copy, Default)]
struct ListeningPorts {
    mqtt: u16,
    https: u16,
    amqp: u16,
    gateway: u16,
}

impl LocalStage {
    /// Starts what the scenario describes, on free loopback ports, with a CA that nobody has seen
    /// before. Quick: devices are told to wait 0 s unless the file says otherwise.
    ///
    /// # Errors
    ///
    /// If something in it cannot be served.
    pub async fn start(plan: LocalPlan) -> Result<Self, StageError> {
        let LocalPlan {
            mut config,
            functions,
            webhooks,
            is_stopped,
            has_programs,
            on_thread,
            sources,
        } = plan;
        let sample =
            SampleFunction::start_by(&mut config, &sources).await.map_err(StageError::Function)?;
        let sample_role =
            |sample: &SampleFunction| role(&sample.address().to_string(), "functions");
        let mut roles: Vec<_> = sample.iter().filter_map(sample_role).collect();
        let mut app = FunctionApp::open().map_err(StageError::Function)?;
        let mut scripted = HashMap::new();
        for (name, script) in functions {
            let function = Arc::new(ScriptedFunction::new(script, sources.clock.clone()));
            let url = app.add(function.clone().served());
            roles.extend(role(&url, "functions"));
            let url = url.parse().map_err(|_| StageError::Address(url))?;
            config.place_webhook(&function_url(&name), url);
            scripted.insert(name, function);
        }
        let served = (!scripted.is_empty()).then(|| app.serve());
        let folder = (is_stopped || has_programs).then(tempfile::tempdir).transpose();
        let folder = folder.map_err(|error| StageError::Io("make a temporary folder", error))?;
        let path = folder.as_ref().map(TempDir::path);
        let kept = path.filter(|_| is_stopped);
        let authority = authority(kept)?;
        let tls = client_config(&Trust::Pem(authority.pem().to_owned()))?;
        let options = options(&config, authority, (&webhooks, &sources), ListeningPorts::default());
        let state = kept.map(|folder| folder.join("state"));
        let running =
            launch(config.clone(), Options { state, ..options }, on_thread.clone()).await?;
        let reach = reach(&running.service, &tls, path.map(|folder| folder.join("ca.pem")))?;
        let stage = Self {
            config,
            webhooks,
            folder,
            is_stopped,
            on_thread,
            tls,
            reach,
            running: RwLock::default(),
            api: Mutex::default(),
            watched: Watched::default(),
            sources,
            roles,
            functions: scripted,
            _sample: sample,
            _served: served,
        };
        stage.up(running).await?;
        Ok(stage)
    }

    /// What the system has chosen, and what it is for.
    pub fn roles(&self) -> Vec<(String, String)> {
        let host = &self.reach.host;
        let Ports { mqtt, https, amqp } = self.reach.ports;
        let gateway = self.reach.gateway.as_ref().map(|it| role(&it.to_string(), "gateway"));
        let own = [(mqtt, "mqtt"), (https, "https"), (amqp, "amqp")];
        let own = own.map(|(port, name)| (format!("{host}:{port}"), format!("{host}:{name}")));
        let folder = self.folder.as_ref();
        let folder = folder.map(|it| (it.path().display().to_string(), "FOLDER".to_owned()));
        let all = own.into_iter().chain(gateway.flatten()).chain(folder);
        all.chain(self.roles.iter().cloned()).collect()
    }

    /// Ends the service; when this returns, its ports are closed.
    pub async fn end(&self) {
        self.stop().await;
    }

    /// The service is there.
    async fn up(&self, running: Running) -> Result<(), StageError> {
        let service = &running.service;
        if let Some(path) = &self.reach.ca_file {
            service.write_ca(path)?;
        }
        let connection = service.connection_string(&service.https_address().to_string());
        let api = ServiceClient::new(connection.parse()?, &self.tls);
        *self.api_slot() = Some(Arc::new(api));
        self.watched.started(service.journal().clone(), service.faults().clone());
        *self.running.write().await = Some(running);
        Ok(())
    }

    /// The service is not there any more.
    async fn down(&self) -> Option<Running> {
        self.api_slot().take();
        self.running.write().await.take()
    }

    /// Where the service keeps what it needs when it comes back, if it is ever stopped.
    fn kept(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path).filter(|_| self.is_stopped)
    }

    async fn start_again(&self) -> Result<(), StageError> {
        let ports = self.reach.ports;
        let gateway = self.reach.gateway.as_ref().and_then(Endpoint::port).unwrap_or_default();
        let Ports { mqtt, https, amqp } = ports;
        let ports = ListeningPorts { mqtt, https, amqp, gateway };
        let authority = authority(self.kept())?;
        let options = options(&self.config, authority, (&self.webhooks, &self.sources), ports);
        let state = self.kept().map(|folder| folder.join("state"));
        let options = Options { state, ..options };
        let running = launch(self.config.clone(), options, self.on_thread.clone()).await?;
        self.up(running).await
    }

    async fn stop(&self) {
        let Some(Running { service, host }) = self.down().await else { return };
        let held = self.hold_clock();
        service.stop().await;
        off_the_runtime(move || drop(host)).await;
        self.let_clock_go(held).await;
    }

    /// The thread goes first and takes every connection with it. Only then is the service let go, which
    /// could say goodbye to nobody any more. What it had handed to its state is there.
    async fn kill(&self) {
        let Some(Running { service, host }) = self.down().await else { return };
        let held = self.hold_clock();
        off_the_runtime(move || {
            drop(host);
            drop(service);
        })
        .await;
        self.let_clock_go(held).await;
    }

    /// A call of a function ends with the service that has made it, and with it the turn that the function has
    /// given away to wait. Until the function hears of it, it has one too many: a clock that stands is held.
    fn hold_clock(&self) -> Vec<Turn> {
        let calls: usize = self.functions.values().map(|function| function.answering()).sum();
        (0..calls).filter_map(|_| self.sources.clock.turn()).collect()
    }

    /// What was held goes on when the functions have heard of it.
    async fn let_clock_go(&self, held: Vec<Turn>) {
        let idle = self.functions.values().map(|function| function.is_idle());
        if !held.is_empty() {
            // A function that does not hear of it in time makes the order a matter of chance, no more.
            let _ = timeout(HEARS_WITHIN, join_all(idle)).await;
        }
    }

    /// The service API, as it is reached now.
    fn api(&self) -> Result<Arc<ServiceClient>, StageError> {
        self.api_slot().clone().ok_or_else(stopped)
    }

    fn api_slot(&self) -> MutexGuard<'_, Option<Arc<ServiceClient>>> {
        self.api.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage for LocalStage {
    fn cannot(&self, _verb: &Verb) -> Option<&'static str> {
        None
    }

    fn reach(&self) -> Reach {
        self.reach.clone()
    }

    fn watched(&self) -> Option<&Watched> {
        Some(&self.watched)
    }

    async fn enrollment(&self, name: &str) -> Result<Value, StageError> {
        enrollments::find(&*self.api()?, name).await.map(|(_, record)| record)
    }

    async fn change_enrollment(
        &self,
        name: &str,
        change: &EnrollmentChange,
    ) -> Result<(), StageError> {
        enrollments::change(&*self.api()?, name, change).await
    }

    async fn record(&self, id: &RegistrationId) -> Result<Option<Value>, StageError> {
        enrollments::record(&*self.api()?, id).await
    }

    async fn delete_record(&self, id: &RegistrationId) -> Result<(), StageError> {
        Ok(self.api()?.delete_registration(id.as_str(), None).await?)
    }

    fn set_function(&self, name: &str, script: Script) -> Result<(), StageError> {
        let function = self.functions.get(name);
        let function = function
            .ok_or_else(|| StageError::other(format!("there is no [[function]] {name:?}")))?;
        function.set(script);
        Ok(())
    }

    fn function_calls(&self, name: &str) -> Option<u64> {
        Some(self.functions.get(name)?.calls())
    }

    async fn power(&self, power: Power) -> Result<(), StageError> {
        match power {
            Power::Stop => self.stop().await,
            Power::Kill => self.kill().await,
            Power::Start => self.start_again().await?,
            Power::Restart => {
                self.stop().await;
                self.start_again().await?;
            }
        }
        Ok(())
    }

    async fn twin(&self, hub: &HubName, device_id: &DeviceId) -> Result<Value, StageError> {
        let running = self.running.read().await;
        let hubs = running.as_ref().ok_or_else(stopped)?.service.hubs();
        let device = hubs.device(&HubKey::new(hub, device_id));
        let device =
            device.ok_or_else(|| StageError::other(format!("{hub} has no device {device_id}")))?;
        let twin = &device.twin;
        Ok(json!({
            "tags": twin.tags.values(),
            "properties": {
                "desired": twin.desired.shown().values(),
                "reported": twin.reported.shown().values(),
            },
        }))
    }

    async fn change_twin(
        &self,
        hub: &HubName,
        device_id: &DeviceId,
        patch: &Value,
    ) -> Result<(), StageError> {
        let change = TwinChange::read(patch.to_string().as_bytes());
        let change = change.map_err(|error| StageError::other(error.to_string()))?;
        let running = self.running.read().await;
        let hubs = running.as_ref().ok_or_else(stopped)?.service.hubs();
        let key = HubKey::new(hub, device_id);
        let changed = hubs.change_twin(&key, &change, TwinVerb::Patch, |_| Ok(())).await;
        changed.map(drop).map_err(|error| StageError::other(format!("{hub}, {device_id}: {error}")))
    }

    async fn is_at_hub(&self, hub: &HubName, device_id: &DeviceId) -> Option<bool> {
        let running = self.running.read().await;
        let hubs = running.as_ref().map(|running| running.service.hubs());
        Some(hubs.is_some_and(|hubs| hubs.is_online(&HubKey::new(hub, device_id))))
    }
}

/// The address in a text, and the same without the port.
fn role(text: &str, name: &str) -> Option<(String, String)> {
    let address = text.split('/').find(|part| part.contains(':') && !part.ends_with(':'))?;
    let (host, _) = address.rsplit_once(':')?;
    Some((address.to_owned(), format!("{host}:{name}")))
}

fn stopped() -> StageError {
    StageError::other("the service is stopped")
}

/// The same one at each start, if there may be another.
fn authority(kept: Option<&Path>) -> Result<Authority, StageError> {
    Ok(match kept {
        Some(folder) => Authority::in_folder(&folder.join("ca"))?,
        None => Authority::in_memory()?,
    })
}

fn options(
    config: &Config,
    authority: Authority,
    (webhooks, sources): (&WebhookSettings, &Sources),
    ports: ListeningPorts,
) -> Options {
    Options {
        mqtt_port: Port::Exactly(ports.mqtt),
        https_port: Port::Exactly(ports.https),
        amqp_port: Port::Exactly(ports.amqp),
        pace: Pace {
            retry_after: config.retry_after.unwrap_or_default(),
            assigning_polls: config.assigning_polls.unwrap_or_default(),
        },
        webhooks: webhooks.clone(),
        suspects: contoso::suspects(),
        sources: sources.clone(),
        // For clients other than the scenario's own devices, which need none.
        gateway_port: Some(ports.gateway),
        ..Options::on_free_ports(authority)
    }
}

async fn launch(
    config: Config,
    options: Options,
    OnThread(on_thread): OnThread,
) -> Result<Running, StageError> {
    let (tell, told) = oneshot::channel();
    let start = async move {
        on_thread();
        Service::start(&config, options).await
    };
    let host = Host::launch(start, move |started| drop(tell.send(started)));
    let host = host.map_err(|error| StageError::Io("start the thread of the service", error))?;
    let service = told.await.map_err(|_| StageError::other("the service's thread has ended"))??;
    Ok(Running { service, host })
}

fn reach(
    service: &Service,
    tls: &Arc<ClientConfig>,
    ca_file: Option<PathBuf>,
) -> Result<Reach, StageError> {
    let endpoint = |text: String| text.parse::<Endpoint>().map_err(|_| StageError::Address(text));
    let (mqtt, https) = (service.mqtt_address(), service.https_address());
    let host = endpoint(mqtt.to_string())?.without_port();
    let gateway = service.gateway_address().map(|it| endpoint(it.to_string())).transpose()?;
    Ok(Reach {
        hubs: Some(host.clone()),
        host,
        ports: Ports {
            mqtt: mqtt.port(),
            https: https.port(),
            amqp: service.amqp_address().port(),
        },
        route: Route::default(),
        id_scope: service.instance().id_scope.clone(),
        tls: tls.clone(),
        ca_file,
        gateway,
    })
}

/// Threads are waited for where nobody else has to.
async fn off_the_runtime(work: impl FnOnce() + Send + 'static) {
    // A panic there has been reported already.
    let _ = tokio::task::spawn_blocking(work).await;
}
