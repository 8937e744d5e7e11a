//! The rules as everybody holds them: asked at each place, and changed by the doors.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use tokio::sync::watch;

use super::plan::{Plan, Point, Strike};
use crate::service::fault_rule::{FaultPlace, FaultRule};
use crate::service::lock::lock;
use crate::sources::Sources;
use crate::wire::timestamp;

/// The faults that a service has on demand. Clones are the same. Rules are asked in the order in which
/// they were added, and the first that is due strikes (J-262).
#[derive(Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Where there are rules, as bits: all that is read where there are none.
    places: AtomicU32,
    plan: Mutex<Plan>,
    /// Goes up with every rule that comes or goes, and with every strike.
    changes: watch::Sender<u64>,
    sources: Sources,
}

/// A rule, and what it has done. Serializes to what `GET /faults` lists.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FaultStatus {
    /// Its number, never given twice by one service.
    pub id: u64,
    /// The rule.
    #[serde(serialize_with = "as_text")]
    pub rule: Arc<FaultRule>,
    /// How many requests it was meant for.
    pub matched: u64,
    /// How many of them it struck.
    pub struck: u64,
    /// When it struck last.
    #[serde(serialize_with = "as_timestamp")]
    pub last_struck: Option<SystemTime>,
}

impl Faults {
    /// Those of the start: they stay when the service is reset.
    pub(in crate::service) fn new(
        rules: impl IntoIterator<Item = FaultRule>,
        sources: Sources,
    ) -> Self {
        let faults = Self(Arc::new(Inner { sources, ..Inner::default() }));
        for rule in rules {
            let chance = faults.chance(&rule);
            faults.change(|plan| plan.add(Arc::new(rule), true, chance));
        }
        faults
    }

    /// Adds a rule behind all others, and returns its number.
    pub fn add(&self, rule: FaultRule) -> u64 {
        tracing::info!("fault wanted: {rule}");
        let chance = self.chance(&rule);
        self.change(|plan| plan.add(Arc::new(rule), false, chance))
    }

    /// Takes a rule away; whether it was there.
    pub fn remove(&self, id: u64) -> bool {
        self.change(|plan| plan.remove(id))
    }

    /// Takes all rules away.
    pub fn clear(&self) {
        self.change(|plan| plan.rules.clear());
    }

    /// The rule of that number.
    pub fn get(&self, id: u64) -> Option<FaultStatus> {
        self.list().into_iter().find(|status| status.id == id)
    }

    /// All rules, in the order in which they are asked.
    pub fn list(&self) -> Vec<FaultStatus> {
        let plan = lock(&self.0.plan);
        let status = plan.rules.iter().map(|active| FaultStatus {
            id: active.id,
            rule: active.rule.clone(),
            matched: active.matched,
            struck: active.struck,
            last_struck: active.last,
        });
        status.collect()
    }

    /// Tells that rules have come, gone or struck. Nobody who waits is told how often.
    #[cfg(feature = "page")]
    pub(in crate::service) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Back to the rules of the start, and to counting from 1 (J-265).
    pub(in crate::service) fn restart(&self) {
        self.change(Plan::restart);
    }

    /// Whether there is any rule for this place. Cheap, and asked first.
    pub(in crate::service) fn are_at(&self, place: FaultPlace) -> bool {
        self.0.places.load(Ordering::Relaxed) & place.bit() != 0
    }

    /// The rule that strikes, if one does. It is logged.
    pub(in crate::service) fn strike(&self, point: &Point<'_>) -> Option<Strike> {
        let strike = lock(&self.0.plan).strike(point, self.0.sources.now())?;
        self.tell();
        let Strike { id, rule, nth } = &strike;
        tracing::info!("{}: fault {id} strikes ({nth}): {rule}", point.device);
        Some(strike)
    }

    /// From now on a rule has an operation forgotten.
    pub(in crate::service) fn forget(&self, strike: &Strike, operation: &str) {
        lock(&self.0.plan).forget(strike.id, operation);
    }

    /// Whether a rule has it forgotten.
    pub(in crate::service) fn have_forgotten(&self, operation: &str) -> bool {
        lock(&self.0.plan).has_forgotten(operation)
    }

    /// The seed of a rule that has none (J-311).
    fn chance(&self, rule: &FaultRule) -> u64 {
        self.0.sources.chance.number("fault", &rule.to_string())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Plan) -> T) -> T {
        let mut plan = lock(&self.0.plan);
        let done = change(&mut plan);
        self.0.places.store(plan.places(), Ordering::Relaxed);
        self.tell();
        done
    }

    fn tell(&self) {
        self.0.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

fn as_text<S: Serializer>(rule: &Arc<FaultRule>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(rule)
}

fn as_timestamp<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_str(&timestamp(*time)),
        None => serializer.serialize_none(),
    }
}
