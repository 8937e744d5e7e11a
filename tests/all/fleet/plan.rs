//! `fleet plan`, as a user calls it.

use crate::support::cli::Machine;

#[test]
fn h_3_a_hundred_thousand_devices_under_azures_limits() {
    let machine = Machine::new();

    let ran = machine.run(&["fleet", "plan", "--count", "100000"]).assert_exit(0);

    for part in [
        "registrations  1000/min                 16.67   1 h 39 min   (this one binds)",
        "At --rate 950/m all 100,000 are assigned after about 1 h 45 min.",
        "wait a random time of up to 1 h 53 min",
        "All at once: about 4,950,000 answers 429, in 100 rounds",
        "--hub-sku",
    ] {
        assert!(ran.stdout.contains(part), "{part:?} in\n{}", ran.stdout);
    }
    assert_eq!(ran.stderr, "");
}

#[test]
fn the_same_for_programs() {
    let machine = Machine::new();

    let arguments = ["fleet", "plan", "--count=100000", "--quotas=azure", "-o", "json"];
    let json = machine.run(&arguments).assert_exit(0).json();

    assert_eq!(json["devices"], 100_000);
    assert_eq!((&json["binds"], &json["rate"]), (&"registrations".into(), &"950/m".into()));
    assert_eq!(json["limits"][0]["limit"], "1000/min");
    assert_eq!(json["limits"][0]["atLeastSeconds"], 5940.0);
    assert_eq!(json["allAtOnce"]["throttled"], 4_950_000);
    assert_eq!(json["allAtOnce"]["rounds"], 100);
    assert_eq!(json["takesSeconds"].as_f64().unwrap().round(), 6316.0);
    assert_eq!(json["startSpreadSeconds"].as_f64().unwrap().round(), 6808.0);
}

#[test]
fn h_4_the_hubs_bind_when_they_are_the_slower_ones() {
    let machine = Machine::new();
    let plan = |arguments: &[&str]| {
        let arguments = [&["fleet", "plan", "--count=50000", "-o=json"], arguments].concat();
        machine.run(&arguments).assert_exit(0).json()
    };

    let raised = ["--quota=registrations=60000/min", "--hub-sku=s1", "--hub-units=2"];
    let (raised, more) = (plan(&raised), plan(&[&raised[..], &["--hubs=3"]].concat()));
    let azure = plan(&["--hub-sku", "S3"]);

    assert_eq!((&raised["binds"], &raised["rate"]), (&"connections".into(), &"95/s".into()));
    assert_eq!(raised["limits"][0]["limit"], "100/s");
    assert_eq!(more["rate"], "285/s");
    assert_eq!(
        (&azure["binds"], &azure["limits"][1]["limit"]),
        (&"registrations".into(), &"6000/s".into())
    );
    assert!(azure["notes"][0].as_str().unwrap().contains("5000 operations"), "{azure}");
}

#[test]
fn h_3_lookups_count_as_registrations_and_polls_do_not() {
    let machine = Machine::new();
    let rate = |arguments: &[&str]| {
        let arguments = [&["fleet", "plan", "--count=5000", "-o=json"], arguments].concat();
        machine.run(&arguments).assert_exit(0).json()["rate"].as_str().unwrap().to_owned()
    };

    assert_eq!(rate(&["--polls-per-device=4"]), "950/m");
    assert_eq!(rate(&["--lookups-per-device=1"]), "475/m");
}

#[test]
fn what_cannot_be_planned_is_refused_with_what_to_give() {
    let machine = Machine::new();
    let refused = |arguments: &[&str]| {
        machine.run(&[&["fleet", "plan"], arguments].concat()).assert_exit(2).stderr
    };

    assert!(refused(&["--count=5", "--quotas=none"]).contains("give --quotas azure"));
    assert!(refused(&["--count=0"]).contains("1.."));
    assert!(refused(&["--count=5", "--quota=registrations"]).contains("registrations=1000/min"));
    assert!(refused(&["--count=5", "--hub-sku=S4"]).contains("S4"));
    assert!(refused(&[]).contains("--count"));
}

#[test]
fn the_rate_is_one_that_a_fleet_takes_at_the_ends_too() {
    let machine = Machine::new();
    for limit in ["registrations=1/24h", "registrations=1/1ms", "registrations=1000000/1ms"] {
        for count in ["1", "1000000000"] {
            let plan = ["fleet", "plan", "--count", count, "--quota", limit];
            let polls = ["--polls-per-device=65535", "--lookups-per-device=65535", "-o", "json"];
            let json = machine.run(&[&plan[..], &polls].concat()).assert_exit(0).json();

            let rate = json["rate"].as_str().unwrap();
            let taken = rate.parse::<provision_sim::fleet::StartRate>();
            assert!(taken.is_ok(), "{limit}, {count}: {rate}");
        }
    }
}
