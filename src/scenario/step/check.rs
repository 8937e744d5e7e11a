//! Whether the steps of a file go together: the devices, functions and steps that they name are there.

use super::entry::Wrong;
use super::model::Step;
use super::verb::{Power, Verb};
use crate::text::{MemberPath, nearest};

/// What steps may name.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The devices.
    pub devices: &'a [&'a str],
    /// The scripted functions.
    pub functions: &'a [&'a str],
}

/// Whether each step names only what there is. `index` counts from 0.
///
/// # Errors
///
/// The step, its member, and what is wrong.
pub fn check(steps: &[Step], names: Names<'_>) -> Result<(), (usize, Wrong)> {
    let mut is_running = true;
    for (index, step) in steps.iter().enumerate() {
        let at = |(member, reason)| (index, (MemberPath::of(&[member]), reason));
        let before = steps.get(..index).unwrap_or_default();
        if before.iter().any(|other| other.name == step.name) && is_named(steps, &step.name) {
            return Err(at((
                "name",
                "another step has this name, and one waits for it".to_owned(),
            )));
        }
        check_names(step, before, names).map_err(at)?;
        if let Verb::Service(power) = &step.verb {
            let wanted = matches!(power, Power::Stop | Power::Kill | Power::Restart);
            if wanted != is_running {
                let state = if is_running { "runs already" } else { "does not run" };
                return Err(at(("service", format!("{}: the service {state} then", power.word()))));
            }
            is_running = matches!(power, Power::Start | Power::Restart);
        }
    }
    Ok(())
}

/// Whether another step is about the one of this name.
fn is_named(steps: &[Step], name: &str) -> bool {
    steps.iter().any(|step| match &step.verb {
        Verb::Wait(condition) => condition.step.as_deref() == Some(name),
        Verb::Journal(journal) => journal.since.as_deref() == Some(name),
        _ => false,
    })
}

fn check_names(
    step: &Step,
    before: &[Step],
    names: Names<'_>,
) -> Result<(), (&'static str, String)> {
    let devices = || names.devices.iter().copied();
    let device = |name: &str| {
        let is_there = devices().any(|id| id.eq_ignore_ascii_case(name));
        known(is_there, "[[device]]", name, devices())
    };
    let function = |name: &str| {
        let functions = names.functions.iter().copied();
        known(names.functions.contains(&name), "[[function]]", name, functions)
    };
    let earlier = |name: &str| {
        let is_there = before.iter().any(|step| step.name == name);
        known(
            is_there,
            "step before this one with the name",
            name,
            before.iter().map(|it| &*it.name),
        )
    };
    match &step.verb {
        Verb::Register(it) => it.devices.check(devices()).map_err(|e| ("register", e)),
        Verb::Connect(it, _) => it.check(devices()).map_err(|e| ("connect", e)),
        Verb::Report(it, _) => it.check(devices()).map_err(|e| ("report", e)),
        Verb::Twin(it) => it.devices.check(devices()).map_err(|e| ("twin", e)),
        Verb::Record(it, _) => it.check(devices()).map_err(|e| ("record", e)),
        Verb::Function(name, _) => function(name).map_err(|e| ("function", e)),
        Verb::Wait(it) => {
            let named = it.device.as_deref().map_or(Ok(()), device);
            let named = named.and_then(|()| it.function.as_deref().map_or(Ok(()), function));
            named.map_err(|reason| ("wait", reason))?;
            let Some(name) = it.step.as_deref() else { return Ok(()) };
            earlier(name).map_err(|reason| ("wait", reason))?;
            match before.iter().any(|step| step.name == name && step.background) {
                true => Ok(()),
                false => Err(("wait", format!("step {name:?} is not in the background"))),
            }
        }
        Verb::Journal(it) => it.since.as_deref().map_or(Ok(()), earlier).map_err(|e| ("since", e)),
        Verb::Command(it) => it.device.as_deref().map_or(Ok(()), device).map_err(|e| ("device", e)),
        Verb::Enrollment(_) | Verb::Fault(_) | Verb::FaultsOff | Verb::Service(_) => Ok(()),
    }
}

fn known<'a>(
    is_there: bool,
    what: &str,
    name: &str,
    all: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    if is_there {
        return Ok(());
    }
    let near = nearest(name, all).map(|near| format!("; did you mean {near:?}?"));
    Err(format!("there is no {what} {name:?}{}", near.unwrap_or_default()))
}
