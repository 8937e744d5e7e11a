//! Fleets under a limit take as long as `fleet plan` said they would.

use std::thread;

use serde_json::Value;

use crate::support::cli::Machine;

const LIMIT: &str = "registrations=20/1s";
const COUNT: &str = "100";
/// How far the plan may be off.
const TOLERANCE: f64 = 0.1;

fn plan() -> Value {
    let arguments = ["fleet", "plan", "--count", COUNT, "--quotas", "none", "--quota", LIMIT];
    Machine::new().run(&[&arguments[..], &["-o", "json"]].concat()).assert_exit(0).json()
}

/// The report of a fleet against a service with that limit.
fn fleet(flags: &[&str]) -> Value {
    let machine = Machine::new();
    let _serve = machine.serve_without_events(&["--retry-after", "0s", "--quota", LIMIT]);
    let arguments = ["fleet", "--local", "--count", COUNT, "-o", "json"];
    machine.run(&[&arguments[..], flags].concat()).assert_exit(0).json()
}

/// `planned` is in seconds.
#[track_caller]
fn assert_as_planned(report: &Value, planned: &Value) {
    let elapsed = report["elapsedSeconds"].as_f64().expect("a time");
    let planned = planned.as_f64().expect("a time");
    assert_eq!(report["assigned"], 100, "{report}");
    assert!((elapsed / planned - 1.0).abs() <= TOLERANCE, "{elapsed} s, planned {planned}");
}

#[test]
fn h_3_at_the_rate_of_the_plan_and_at_none_every_device_is_assigned_in_the_planned_time() {
    let plan = plan();
    let rate = plan["rate"].as_str().expect("a rate").to_owned();

    let (paced, unpaced) = thread::scope(|scope| {
        let paced = scope.spawn(|| fleet(&["--rate", &rate]));
        let unpaced = scope.spawn(|| fleet(&["--concurrency", "50"]));
        (paced.join().expect("it runs"), unpaced.join().expect("it runs"))
    });

    // At the plan's rate nobody is put off; without one, the limit itself sets the pace.
    assert_as_planned(&paced, &plan["takesSeconds"]);
    assert_eq!(paced["throttled"], 0, "{paced}");
    assert_as_planned(&unpaced, &plan["limits"][0]["atLeastSeconds"]);
    assert!(unpaced["throttled"].as_u64() > Some(0), "{unpaced}");
}
