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

/// All devices are assigned in the planned seconds, and some, or none, told to wait. What is late, this
/// machine may have held up: that fleet says nothing of the plan, and starts again. None is early.
fn assert_as_planned(flags: &[&str], seconds: &Value, is_throttled: bool) {
    let planned = seconds.as_f64().expect("a time");
    let mut last = Value::Null;
    for _ in 0..5 {
        let report = fleet(flags);
        assert_eq!(report["assigned"], 100, "{report}");
        let ratio = report["elapsedSeconds"].as_f64().expect("a time") / planned;
        assert!(ratio >= 1.0 - TOLERANCE, "{seconds} s were planned: {report}");
        if ratio <= 1.0 + TOLERANCE && (report["throttled"] != 0) == is_throttled {
            return;
        }
        last = report;
    }
    panic!("{seconds} s were planned, and five times it was otherwise: {last}");
}

#[test]
fn h_3_at_the_rate_of_the_plan_and_at_none_every_device_is_assigned_in_the_planned_time() {
    let plan = plan();
    let rate = plan["rate"].as_str().expect("a rate");

    thread::scope(|scope| {
        // At the plan's rate nobody is put off; without one, the limit itself sets the pace.
        scope.spawn(|| assert_as_planned(&["--rate", rate], &plan["takesSeconds"], false));
        let at_least = &plan["limits"][0]["atLeastSeconds"];
        scope.spawn(|| assert_as_planned(&["--concurrency", "50"], at_least, true));
    });
}
