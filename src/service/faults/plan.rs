//! The rules and what they have counted; which of them strikes.
//!
//! Pure: time and chance are handed in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use crate::service::fault_rule::{
    Counter, Deed, FaultPlace, FaultRule, FaultTransport, Scope, Stage,
};
use crate::service::reply::Reply;

/// Of how many devices, or operations, a rule counts the requests; those beyond are spared (J-263).
const MAX_COUNTED: usize = 100_000;

/// A moment at which a rule may strike.
pub(in crate::service) struct Point<'a> {
    pub(in crate::service) place: FaultPlace,
    pub(in crate::service) transport: Option<FaultTransport>,
    pub(in crate::service) device: &'a str,
    /// The operation that is asked for.
    pub(in crate::service) operation: Option<&'a str>,
    /// Who lets the device in; asked only where a rule wants to know.
    pub(in crate::service) enrollment: &'a dyn Fn() -> Option<String>,
    /// The answer, once there is one.
    pub(in crate::service) reply: Option<&'a Reply>,
}

/// A rule that strikes.
#[derive(Debug, Clone)]
pub(in crate::service) struct Strike {
    /// Number of the rule.
    pub(in crate::service) id: u64,
    pub(in crate::service) rule: Arc<FaultRule>,
    /// The how-manieth strike of this rule it is.
    pub(in crate::service) nth: u64,
}

/// A rule, and what it has counted.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) id: u64,
    pub(super) rule: Arc<FaultRule>,
    /// Whether it was there from the start.
    pub(super) is_initial: bool,
    pub(super) matched: u64,
    pub(super) struck: u64,
    pub(super) last: Option<SystemTime>,
    seed: u64,
    all: Counter,
    each: HashMap<String, Counter>,
    forgotten: HashSet<String>,
}

/// All rules, in the order in which they are asked.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) rules: Vec<Active>,
    last_id: u64,
}

impl Active {
    fn new(id: u64, rule: Arc<FaultRule>, is_initial: bool, chance: u64) -> Self {
        Self {
            id,
            is_initial,
            seed: rule.when.seed.unwrap_or(chance),
            rule,
            matched: 0,
            struck: 0,
            last: None,
            all: Counter::default(),
            each: HashMap::new(),
            forgotten: HashSet::new(),
        }
    }

    /// Whether it is meant for this, whatever was counted.
    fn is_for(&self, point: &Point<'_>) -> bool {
        let rule = &*self.rule;
        let stage = if point.reply.is_some() { Stage::Answer } else { Stage::Request };
        rule.place == point.place
            && rule.what.stage(rule.place) == stage
            && point.transport.is_none_or(|transport| rule.transports.contains(&transport))
            && rule.device.as_ref().is_none_or(|glob| glob.matches(point.device))
            && point.reply.is_none_or(|reply| rule.what.can_change(reply))
            && rule.enrollment.as_deref().is_none_or(|wanted| {
                (point.enrollment)().is_some_and(|found| found.eq_ignore_ascii_case(wanted))
            })
    }

    /// Counts the request, and tells whether it is due.
    fn counts(&mut self, point: &Point<'_>) -> bool {
        self.matched += 1;
        let Self { rule, all, each, seed, .. } = self;
        match counted(rule, point) {
            None => all.next(&rule.when, *seed, ""),
            Some(whose) => match each.len() >= MAX_COUNTED && !each.contains_key(&whose) {
                true => false,
                false => {
                    let counter = each.entry(whose.clone()).or_default();
                    let is_due = counter.next(&rule.when, *seed, &whose);
                    is_due && within_polls(&rule.what.deed, counter)
                }
            },
        }
    }

    fn strikes(&mut self, point: &Point<'_>, now: SystemTime) -> Strike {
        let Self { rule, all, each, .. } = self;
        match counted(rule, point) {
            None => all.struck(),
            Some(whose) => {
                if let Some(counter) = each.get_mut(&whose) {
                    counter.struck();
                }
            }
        }
        self.struck += 1;
        self.last = Some(now);
        Strike { id: self.id, rule: self.rule.clone(), nth: self.struck }
    }
}

/// What a request is counted under; none if all are together.
fn counted(rule: &FaultRule, point: &Point<'_>) -> Option<String> {
    match (rule.what.deed, point.operation) {
        (Some(Deed::Assigning(_)), Some(operation)) => Some(operation.to_owned()),
        _ if rule.scope() == Scope::All => None,
        _ => Some(point.device.to_ascii_lowercase()),
    }
}

/// `assigning=N` is for the first N polls of an operation.
fn within_polls(deed: &Option<Deed>, counter: &Counter) -> bool {
    match deed {
        Some(Deed::Assigning(polls)) => counter.strikes() < u64::from(*polls),
        _ => true,
    }
}

impl Plan {
    /// Adds a rule behind all others. `chance` is its seed unless it has one.
    pub(super) fn add(&mut self, rule: Arc<FaultRule>, is_initial: bool, chance: u64) -> u64 {
        self.last_id += 1;
        self.rules.push(Active::new(self.last_id, rule, is_initial, chance));
        self.last_id
    }

    /// Takes one away, if it is there.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|active| active.id != id);
        self.rules.len() < before
    }

    /// Back to the rules of the start, none of which has counted anything.
    pub(super) fn restart(&mut self) {
        self.rules.retain(|active| active.is_initial);
        for active in &mut self.rules {
            let Active { id, rule, seed, .. } = active;
            *active = Active::new(*id, rule.clone(), true, *seed);
        }
    }

    /// The first rule that strikes. Every rule that is meant for the request counts it (J-262).
    pub(super) fn strike(&mut self, point: &Point<'_>, now: SystemTime) -> Option<Strike> {
        let mut strike = None;
        for active in &mut self.rules {
            if active.is_for(point) && active.counts(point) && strike.is_none() {
                strike = Some(active.strikes(point, now));
            }
        }
        strike
    }

    /// From now on a rule has an operation forgotten.
    pub(super) fn forget(&mut self, id: u64, operation: &str) {
        let rule = self.rules.iter_mut().find(|active| active.id == id);
        if let Some(active) = rule.filter(|active| active.forgotten.len() < MAX_COUNTED) {
            active.forgotten.insert(operation.to_owned());
        }
    }

    /// Whether a rule has it forgotten.
    pub(super) fn has_forgotten(&self, operation: &str) -> bool {
        self.rules.iter().any(|active| active.forgotten.contains(operation))
    }

    /// The places where there are rules, as [bits](FaultPlace::bit).
    pub(super) fn places(&self) -> u32 {
        let bits = |active: &Active| match active.rule.what.deed {
            // What is forgotten at its register is missed at its polls.
            Some(Deed::ForgetOperation) => FaultPlace::Poll.bit() | active.rule.place.bit(),
            _ => active.rule.place.bit(),
        };
        self.rules.iter().map(bits).fold(0, |all, bits| all | bits)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    fn plan(rules: &[&str]) -> Plan {
        let mut plan = Plan::default();
        for rule in rules {
            plan.add(Arc::new(rule.parse().unwrap()), true, 1);
        }
        plan
    }

    /// Which rule strikes a request of this device, in place of what it asks for.
    fn at(plan: &mut Plan, place: FaultPlace, device: &str) -> Option<u64> {
        let enrollment = || Some("Pumps".to_owned());
        let point = Point {
            place,
            transport: Some(FaultTransport::Mqtt),
            device,
            operation: Some("5.one"),
            enrollment: &enrollment,
            reply: None,
        };
        plan.strike(&point, UNIX_EPOCH).map(|strike| strike.id)
    }

    fn register(plan: &mut Plan, device: &str) -> Option<u64> {
        at(plan, FaultPlace::Register, device)
    }

    #[test]
    fn j_262_each_device_is_counted_for_itself_unless_all_are_together() {
        let mut each = plan(&["register close times=1"]);
        let mut all = plan(&["register close times=1 scope=all"]);

        for (device, of_each, of_all) in
            [("a", Some(1), Some(1)), ("A", None, None), ("b", Some(1), None)]
        {
            assert_eq!(register(&mut each, device), of_each, "{device}");
            assert_eq!(register(&mut all, device), of_all, "{device}");
        }
    }

    #[test]
    fn j_262_the_first_rule_that_is_due_strikes_and_the_others_wait_their_turn() {
        let mut plan = plan(&[
            "register device=b* close",
            "register status=503 times=1",
            "register silence nth=2",
            "register reset times=1",
        ]);

        let struck: Vec<_> = (0..4).map(|_| register(&mut plan, "a")).collect();
        assert_eq!(struck, [Some(2), Some(3), Some(4), None]);
        assert_eq!(register(&mut plan, "bee"), Some(1));
    }

    #[test]
    fn a_rule_is_for_its_place_its_transport_and_its_enrollment() {
        let mut plan = plan(&[
            "poll close",
            "register close transport=https",
            "register close enrollment=fans",
            "register silence enrollment=pumps",
        ]);

        assert_eq!(register(&mut plan, "a"), Some(4));
        assert_eq!(at(&mut plan, FaultPlace::Poll, "a"), Some(1));
        assert_eq!(at(&mut plan, FaultPlace::Lookup, "a"), None);
    }

    #[test]
    fn assigning_counts_the_polls_of_an_operation() {
        let mut plan = plan(&["poll assigning=2"]);

        let struck: Vec<_> = (0..3).map(|_| at(&mut plan, FaultPlace::Poll, "a")).collect();
        assert_eq!(struck, [Some(1), Some(1), None]);
    }

    #[test]
    fn an_answer_is_struck_only_if_there_is_something_in_it_to_change() {
        let mut plan = plan(&["poll hub=unknown times=1", "poll retry-after=abc"]);
        let enrollment = || None;
        let mut strike = |reply: &Reply| {
            let point = Point {
                place: FaultPlace::Poll,
                transport: Some(FaultTransport::Https),
                device: "a",
                operation: None,
                enrollment: &enrollment,
                reply: Some(reply),
            };
            plan.strike(&point, UNIX_EPOCH).map(|strike| strike.id)
        };
        let assigning = Reply {
            status: 202,
            retry_after: Some(std::time::Duration::ZERO),
            body: "{\"status\":\"assigning\"}".to_owned(),
        };
        let assigned = Reply {
            status: 200,
            retry_after: None,
            body: "{\"registrationState\":{\"assignedHub\":\"a\"}}".to_owned(),
        };

        assert_eq!(strike(&assigning), Some(2));
        assert_eq!(strike(&assigned), Some(1));
        assert_eq!(strike(&assigned), None);
    }

    #[test]
    fn j_263_the_requests_of_so_many_devices_are_counted_and_those_beyond_are_spared() {
        let mut plan = plan(&["register close times=1"]);
        let name = |n: usize| format!("pump-{n}");
        for n in 0..MAX_COUNTED {
            assert_eq!(register(&mut plan, &name(n)), Some(1));
        }

        assert_eq!(register(&mut plan, "one-more"), None);
        assert_eq!(register(&mut plan, &name(7)), None, "it is known, and was struck");
        let active = &plan.rules[0];
        let counted = MAX_COUNTED as u64;
        assert_eq!(
            (active.each.len(), active.matched, active.struck),
            (MAX_COUNTED, counted + 2, counted)
        );
    }

    #[test]
    fn j_265_a_restart_leaves_the_rules_of_the_start_and_counts_anew() {
        let mut plan = plan(&["register close times=1"]);
        plan.add(Arc::new("register silence".parse().unwrap()), false, 1);
        assert_eq!((register(&mut plan, "a"), register(&mut plan, "a")), (Some(1), Some(2)));

        plan.restart();

        assert_eq!((register(&mut plan, "a"), register(&mut plan, "a")), (Some(1), None));
        assert!(plan.remove(1) && !plan.remove(1));
        assert_eq!(plan.places(), 0);
        assert_eq!(plan.add(Arc::new("register close".parse().unwrap()), false, 1), 3);
    }

    proptest! {
        /// However the requests of several devices mix, each is struck as if it were alone.
        #[test]
        fn j_262_devices_do_not_disturb_each_other(
            mixed in prop::collection::vec(0..4_usize, 0..200), seed: u64,
        ) {
            let rule = format!("register close from=2 every=3 probability=0.5 seed={seed}");
            let mut together = plan(&[&rule]);
            let mut alone: Vec<_> = (0..4).map(|_| plan(&[&rule])).collect();
            for device in mixed {
                let name = format!("pump-{device}");
                prop_assert_eq!(register(&mut together, &name), register(&mut alone[device], &name));
            }
        }
    }
}
