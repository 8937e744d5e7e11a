//! The service that a run uses, and what the run has there.
//!
//! What is about to be made is in the ledger before the call goes out that makes it, and
//! [`clean_up`](Account::clean_up) removes what the ledger has, and what the service knows of this run
//! besides: devices that other programs have registered with its groups.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use thiserror::Error;

use super::ledger::Ledger;
use super::prefix::Prefix;
use super::thing::Thing;
use crate::api_client::{CallError, HubClient, Kind, ServiceClient};
use crate::wire::HubName;

/// A service, and what a run has there.
#[derive(Debug)]
pub struct Account {
    client: Arc<ServiceClient>,
    hubs: Vec<HubClient>,
    /// Never held over an await.
    ledger: Mutex<Ledger>,
}

/// Why something cannot be done at the service.
#[derive(Debug, Error)]
pub enum AccountError {
    /// A call failed.
    #[error("{thing}: {error}")]
    Call {
        /// What it was about, by its name there.
        thing: Thing,
        /// How it failed.
        error: Box<CallError>,
    },
    /// There is one already that this run has not made.
    #[error("{0} is there already, and not of this run")]
    Taken(Thing),
    /// Nobody has said how to get to that hub.
    #[error("no connection string of {0} (--hub-connection-string)")]
    NoHub(HubName),
}

/// What could not be removed.
#[derive(Debug)]
pub struct Left {
    /// What is there still.
    pub thing: Thing,
    /// Why it is.
    pub error: AccountError,
}

impl Account {
    /// A service that `client` asks, whose hubs `hubs` ask.
    pub fn new(client: ServiceClient, hubs: Vec<HubClient>) -> Self {
        Self { client: Arc::new(client), hubs, ledger: Mutex::default() }
    }

    /// The client of the service API.
    pub fn client(&self) -> &Arc<ServiceClient> {
        &self.client
    }

    /// Whether devices of any hub can be looked at, changed and removed.
    pub fn reaches_hubs(&self) -> bool {
        !self.hubs.is_empty()
    }

    /// The client of a hub.
    ///
    /// # Errors
    ///
    /// If nobody has said how to get to it.
    pub fn hub(&self, name: &HubName) -> Result<&HubClient, AccountError> {
        let without_port = |host: &str| host.split(':').next().unwrap_or_default().to_owned();
        let found = self.hubs.iter().find(|hub| name.is(&without_port(hub.host())));
        found.ok_or_else(|| AccountError::NoHub(name.clone()))
    }

    /// Makes an enrollment, and writes that down before. There must be none of this name.
    ///
    /// # Errors
    ///
    /// If there is one that is not of this run, or the service does not take it.
    pub async fn create(&self, kind: Kind, id: &str, body: &str) -> Result<(), AccountError> {
        let thing = Thing::Enrollment(kind, id.to_owned());
        if !self.ledger().has(&thing) {
            match self.client.get(kind, id).await {
                Ok(_) => return Err(AccountError::Taken(thing)),
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(failed(thing, error)),
            }
        }
        self.ledger().intend(thing.clone());
        match self.client.put(kind, id, &body, None).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(thing, error)),
        }
    }

    /// Writes down a registration that is about to begin. `keeps` says that the device has the same name
    /// there as in the file, which somebody else's may have too: then there must be none.
    ///
    /// # Errors
    ///
    /// If the name is somebody else's, or the service cannot tell.
    pub async fn will_register(&self, id: &str, keeps: bool) -> Result<(), AccountError> {
        let thing = Thing::Registration(id.to_owned());
        if self.ledger().has(&thing) {
            // It may be moved to another hub now, and leave a device behind.
            self.look_at(id).await;
        } else if keeps {
            match self.client.registration(id).await {
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(failed(thing, error)),
                // An individual enrollment has a record before its device has registered.
                Ok(record) if record.value()["assignedHub"].is_null() => {}
                Ok(_) => return Err(AccountError::Taken(thing)),
            }
            for hub in &self.hubs {
                // What a hub does not tell now it will not tell when the device is to be removed.
                if let (Ok(_), Ok(name)) = (hub.twin(id).await, hub.host().parse()) {
                    let thing = Thing::HubDevice { hub: name, id: id.to_owned() };
                    return Err(AccountError::Taken(thing));
                }
            }
        }
        self.ledger().intend(thing);
        Ok(())
    }

    fn assigned(&self, hub: &HubName, device: &str) {
        let thing = Thing::HubDevice { hub: hub.clone(), id: device.to_owned() };
        self.ledger().intend(thing);
    }

    /// Writes down what an earlier run with this prefix has left behind.
    ///
    /// # Errors
    ///
    /// If the service does not tell what it has.
    pub async fn find(&self, prefix: &Prefix) -> Result<(), AccountError> {
        for kind in Kind::ALL {
            let wrap = |error| failed(Thing::Enrollment(kind, format!("{prefix}…")), error);
            for record in self.client.list(kind).await.map_err(wrap)? {
                let record = record.value();
                let Some(id) = record[kind.id_member()].as_str() else { continue };
                if prefix.begins(id) {
                    self.ledger().intend(Thing::Enrollment(kind, id.to_owned()));
                } else if kind == Kind::Group {
                    // One that has the same key may have taken devices in.
                    self.find_registrations(prefix, id).await?;
                }
            }
        }
        Ok(())
    }

    async fn find_registrations(&self, prefix: &Prefix, group: &str) -> Result<(), AccountError> {
        let thing = || Thing::Enrollment(Kind::Group, group.to_owned());
        let all = self.client.registrations(group, usize::MAX).await;
        for record in all.map_err(|error| failed(thing(), error))? {
            let record = record.value();
            if record["registrationId"].as_str().is_some_and(|id| prefix.begins(id)) {
                self.write_down(&record);
            }
        }
        Ok(())
    }

    /// What is written down and not removed, in the order in which that is to be done.
    pub fn things(&self) -> Vec<Thing> {
        self.ledger().left()
    }

    /// Removes all that this run has made, the last first, and tells what could not be removed.
    /// `removed` is told of each thing that is gone.
    pub async fn clean_up(&self, removed: &mut (dyn FnMut(&Thing) + Send)) -> Vec<Left> {
        let begun = self.ledger().left();
        let mut left = Vec::new();
        self.look_for_registrations(&begun).await;
        self.remove_all(&mut left, removed).await;
        // With the enrollments gone nothing new begins. What had begun may have come to its end
        // meanwhile: a device that nobody waits for any more.
        for thing in &begun {
            if let Thing::Registration(id) = thing {
                self.look_at(id).await;
            }
        }
        self.remove_all(&mut left, removed).await;
        left
    }

    async fn remove_all(&self, left: &mut Vec<Left>, removed: &mut (dyn FnMut(&Thing) + Send)) {
        let mut things = self.ledger().left();
        things.retain(|thing| left.iter().all(|it| it.thing != *thing));
        for thing in things {
            match self.remove(&thing).await {
                Ok(was_there) => {
                    self.ledger().strike(&thing);
                    if was_there {
                        removed(&thing);
                    }
                }
                Err(error) => left.push(Left { thing, error }),
            }
        }
    }

    /// Removes one thing; tells whether it was there.
    async fn remove(&self, thing: &Thing) -> Result<bool, AccountError> {
        let result = match thing {
            Thing::Enrollment(kind, id) => self.client.delete(*kind, id, None).await,
            Thing::Registration(id) => self.client.delete_registration(id, None).await,
            Thing::HubDevice { hub, id } => self.hub(hub)?.delete_device(id).await,
        };
        match result {
            Ok(()) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(failed(thing.clone(), error)),
        }
    }

    /// Writes down the registrations that the service has of this run's enrollments, whoever has made
    /// them, and where they have led. What it does not tell is met later, when it is removed.
    async fn look_for_registrations(&self, things: &[Thing]) {
        for thing in things {
            match thing {
                Thing::Enrollment(Kind::Group, id) => {
                    if let Ok(records) = self.client.registrations(id, usize::MAX).await {
                        records.iter().for_each(|record| self.write_down(&record.value()));
                    }
                }
                Thing::Enrollment(Kind::Individual, id) | Thing::Registration(id) => {
                    self.look_at(id).await;
                }
                Thing::HubDevice { .. } => {}
            }
        }
    }

    /// Writes down where a registration has led, if there is one.
    pub async fn look_at(&self, id: &str) {
        if let Ok(record) = self.client.registration(id).await {
            self.write_down(&record.value());
        }
    }

    fn write_down(&self, record: &Value) {
        let Some(id) = record["registrationId"].as_str() else { return };
        self.ledger().intend(Thing::Registration(id.to_owned()));
        let hub = record["assignedHub"].as_str().and_then(|hub| hub.parse().ok());
        if let (Some(hub), Some(device)) = (hub, record["deviceId"].as_str()) {
            self.assigned(&hub, device);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Whoever panicked with it in hand has left a ledger that is still to be gone through.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(thing: Thing, error: CallError) -> AccountError {
    AccountError::Call { thing, error: Box::new(error) }
}

fn is_missing(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refusal) if refusal.status == 404)
}
