//! `fleet plan`: how long a rollout takes, and how fast to start it.

use std::time::Duration;

use clap::{Args, ValueEnum, value_parser};
use serde::Serialize;

use crate::cli::args::quotas::{self, Preset};
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::fleet::plan::{self, Hubs, Limit, Line, Rollout, Tier};
use crate::fleet::report::grouped;
use crate::service::{Quota, Rate};
use crate::text::{spoken, written};

/// Compute how long a rollout takes under the documented limits
#[derive(Debug, Args)]
#[command(after_help = "\
Sends nothing. A registration counts once; polls of a pending operation have a limit of their own
for each device. A lookup of a finished registration counts as a registration: say with
--lookups-per-device if your devices make some.

Examples:
  provision-sim fleet plan --count 100000
      under the limits that Azure documents: 1000 registrations a minute
  provision-sim fleet plan --count 100000 --hub-sku S1 --hub-units 3 --hubs 2
      and under those of the hubs that the devices connect to next
  provision-sim fleet plan --count 100000 --quota registrations=5000/min -o json
      with a limit that was raised")]
pub(super) struct Plan {
    /// Devices to provision
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    count: u64,
    /// Limits to start from: azure (1000 registrations a minute, 5 polls in 10 s of each device), or
    /// none
    #[arg(
        long,
        value_enum,
        value_name = "PRESET",
        hide_possible_values = true,
        default_value = "azure"
    )]
    quotas: Preset,
    /// One limit, such as registrations=5000/min, or none to lift it; can be repeated
    #[arg(long = "quota", value_parser = quotas::limit, value_name = "NAME=LIMIT")]
    limits: Vec<quotas::Limit>,
    /// Polls of each device until it is assigned
    #[arg(long, value_name = "P", default_value_t = 1)]
    polls_per_device: u16,
    /// Lookups of each device's registration; each counts as a registration
    #[arg(long, value_name = "L", default_value_t = 0)]
    lookups_per_device: u16,
    /// Tier of the hubs that assigned devices connect to: S1, S2 or S3 (B1, B2, B3 and F1 count as
    /// these) [default: the hubs limit nothing; S1 with --hub-units]
    #[arg(long, value_enum, value_name = "SKU", ignore_case = true, hide_possible_values = true)]
    hub_sku: Option<Sku>,
    /// Units of each hub [default: 1 with --hub-sku]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=200))]
    hub_units: Option<u32>,
    /// Hubs, of equal size, that devices are spread over evenly [default: 1 with --hub-sku]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=50))]
    hubs: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sku {
    #[value(name = "S1", aliases = ["B1", "F1"])]
    S1,
    #[value(name = "S2", alias = "B2")]
    S2,
    #[value(name = "S3", alias = "B3")]
    S3,
}

/// For programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    devices: u64,
    limits: Vec<ShownLimit>,
    /// The limit that binds.
    binds: &'static str,
    /// For `--rate`.
    rate: String,
    devices_per_second: f64,
    takes_seconds: f64,
    start_spread_seconds: f64,
    all_at_once: Option<AllAtOnce>,
    notes: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownLimit {
    name: &'static str,
    limit: String,
    devices_per_second: f64,
    at_least_seconds: f64,
}

#[derive(Serialize)]
struct AllAtOnce {
    throttled: u64,
    rounds: u64,
}

impl Plan {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let rollout = self.rollout();
        let plan = rollout.plan().map_err(|error| {
            Report::usage(error)
                .remedy("give --quotas azure, a --quota registrations=…, or --hub-sku")
        })?;
        let Some(tightest) = plan.lines.first() else {
            return Err(Report::internal("a plan without a limit"));
        };
        let shown = Shown {
            devices: self.count,
            limits: plan.lines.iter().map(ShownLimit::from).collect(),
            binds: tightest.bound.as_str(),
            rate: rate(plan.rate),
            devices_per_second: plan.rate,
            takes_seconds: plan.takes.as_secs_f64(),
            start_spread_seconds: plan.spread.as_secs_f64(),
            all_at_once: plan
                .storm
                .map(|storm| AllAtOnce { throttled: storm.refusals, rounds: storm.rounds }),
            notes: notes(&rollout),
        };
        if printer.is_text() {
            print(&plan, &shown, printer);
        } else {
            printer.json(&shown);
        }
        Ok(Exit::Done)
    }

    fn rollout(&self) -> Rollout {
        let quotas = quotas::with(self.quotas.quotas(), &self.limits);
        let limit = |quota| quotas.get(quota).map(limit);
        let has_hubs = self.hub_sku.is_some() || self.hub_units.is_some() || self.hubs.is_some();
        let tier = match self.hub_sku {
            Some(Sku::S1) | None => Tier::S1,
            Some(Sku::S2) => Tier::S2,
            Some(Sku::S3) => Tier::S3,
        };
        Rollout {
            devices: self.count,
            polls: self.polls_per_device.into(),
            lookups: self.lookups_per_device.into(),
            registrations: limit(Quota::Registrations),
            device_polls: limit(Quota::Polls),
            hubs: has_hubs.then(|| Hubs {
                hubs: self.hubs.unwrap_or(1),
                units: self.hub_units.unwrap_or(1),
                tier,
            }),
        }
    }
}

impl From<&Line> for ShownLimit {
    fn from(line: &Line) -> Self {
        Self {
            name: line.bound.as_str(),
            limit: shown_limit(line.limit),
            devices_per_second: line.devices_per_second,
            at_least_seconds: line.at_least.as_secs_f64(),
        }
    }
}

fn limit(rate: Rate) -> Limit {
    Limit { count: rate.count(), window: rate.window() }
}

fn shown_limit(limit: Limit) -> String {
    let window = match limit.window.as_secs_f64() {
        1.0 => "s".to_owned(),
        60.0 => "min".to_owned(),
        _ => written(limit.window),
    };
    format!("{}/{window}", limit.count)
}

/// As `--rate` takes it: whole numbers where they are precise enough.
fn rate(per_second: f64) -> String {
    let per_minute = per_second * 60.0;
    if per_second >= 50.0 {
        format!("{per_second:.0}/s")
    } else if per_minute >= 20.0 {
        format!("{per_minute:.0}/m")
    } else if per_minute < 0.01 {
        // Six places would say too little of it, or nothing.
        format!("1/{:.0}s", (1.0 / per_second).ceil())
    } else {
        let text = format!("{per_minute:.6}");
        format!("{}/m", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// What the arithmetic leaves out.
fn notes(rollout: &Rollout) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(hubs) = rollout.hubs {
        let most = hubs.identities_per_minute();
        let minutes = rollout.devices.div_ceil(most.max(1));
        notes.push(format!(
            "A new device is also created in its hub. Hubs let {most} operations on their identity \
             registries through in a minute; whether those of the provisioning service count is not \
             documented. If they do, this takes {} at least.",
            spoken(Duration::from_secs(minutes.saturating_mul(60)))
        ));
    }
    if rollout.hubs.is_none() {
        notes.push(
            "Devices connect to their hub next, which has limits of its own: --hub-sku, --hub-units."
                .to_owned(),
        );
    }
    notes
}

fn print(plan: &plan::Plan, shown: &Shown, printer: &mut Printer) {
    let devices = grouped(shown.devices);
    printer.line(format!(
        "{:<15}{:<12}{:>18}   {}",
        "limit", "", "devices a second", "all devices, at least"
    ));
    for (index, line) in plan.lines.iter().enumerate() {
        let binds = if index == 0 { "   (this one binds)" } else { "" };
        printer.line(format!(
            "{:<15}{:<12}{:>18.2}   {}{binds}",
            line.bound.as_str(),
            shown_limit(line.limit),
            line.devices_per_second,
            spoken(line.at_least),
        ));
    }
    printer.line("");
    printer.prose(
        "",
        format!(
            "At --rate {} all {devices} are assigned after about {}.",
            shown.rate,
            spoken(plan.takes)
        ),
    );
    if plan.spread.is_zero() {
        printer.prose("", "They may all start at once: so many fit into the limit.");
    } else {
        printer.prose(
            "",
            format!(
                "Devices that start by themselves should each wait a random time of up to {}.",
                spoken(plan.spread)
            ),
        );
    }
    if let Some(storm) = &shown.all_at_once.as_ref().filter(|storm| storm.throttled > 0) {
        printer.prose("", format!(
            "All at once: about {} answers 429, in {} rounds, if each comes back just when told.",
            grouped(storm.throttled),
            grouped(storm.rounds)
        ));
    }
    if !plan.polls_take.is_zero() {
        printer
            .prose("", format!("The polls of a device take {} at least.", spoken(plan.polls_take)));
    }
    for note in &shown.notes {
        printer.prose("Note: ", note);
    }
}
