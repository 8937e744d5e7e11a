//! Durations as people say them, and as they write them for the program.

use std::time::Duration;

/// `850 µs`, `12.3 ms`, `2.2 s`, `1 min 30 s`, `1 h 5 min`, `2 days 3 h`, `40 days`, `1 year`: as much as is
/// of use, and rounded, so `1 year` may be some days less or more.
///
/// For people alone: what a flag or a file takes is [`written`].
pub fn spoken(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    // Rounded to what is shown before it is chosen what is shown: else there were "60 s".
    let in_units_of = |unit: u128| (nanos + unit / 2) / unit;
    match nanos {
        0 => return "0 s".to_owned(),
        _ if in_units_of(MICRO) < 1000 => return format!("{} µs", in_units_of(MICRO).max(1)),
        _ if in_units_of(MILLI / 10) < 1000 => return tenths(in_units_of(MILLI / 10), "ms"),
        _ if in_units_of(MILLI) < 1000 => return format!("{} ms", in_units_of(MILLI)),
        _ if in_units_of(SECOND / 10) < 600 => return tenths(in_units_of(SECOND / 10), "s"),
        _ => {}
    }
    let (seconds, minutes, hours) =
        (in_units_of(SECOND), in_units_of(60 * SECOND), in_units_of(HOUR));
    let days = in_units_of(24 * HOUR);
    match () {
        () if seconds < 3600 => two((seconds / 60, "min", "min"), (seconds % 60, "s")),
        () if minutes < 24 * 60 => two((minutes / 60, "h", "h"), (minutes % 60, "min")),
        () if hours < 10 * 24 => two((hours / 24, "day", "days"), (hours % 24, "h")),
        () if days < 365 => format!("{days} days"),
        () => two(((2 * days + 365) / 730, "year", "years"), (0, "")),
    }
}

/// `1m30s`: as flags and files take it.
#[expect(clippy::disallowed_methods, reason = "the program reads it, not people")]
pub fn written(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

const MICRO: u128 = 1000;
const MILLI: u128 = 1000 * MICRO;
const SECOND: u128 = 1000 * MILLI;
const HOUR: u128 = 3600 * SECOND;

fn tenths(number: u128, unit: &str) -> String {
    match number % 10 {
        0 => format!("{} {unit}", number / 10),
        tenth => format!("{}.{tenth} {unit}", number / 10),
    }
}

fn two((large, one, many): (u128, &str, &str), (small, unit): (u128, &str)) -> String {
    let large = format!("{large} {}", if large == 1 { one } else { many });
    if small == 0 { large } else { format!("{large} {small} {unit}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_is_said_as_people_say_it() {
        const DAY: f64 = 86_400.0;
        for (seconds, said) in [
            (0.0, "0 s"),
            (1e-9, "1 µs"),
            (0.000_85, "850 µs"),
            (0.000_999_9, "1 ms"),
            (0.012_34, "12.3 ms"),
            (0.099_96, "100 ms"),
            (0.999_6, "1 s"),
            (2.185_329_457, "2.2 s"),
            (10.0, "10 s"),
            (59.96, "1 min"),
            (125.4, "2 min 5 s"),
            (3599.6, "1 h"),
            (7261.0, "2 h 1 min"),
            (DAY - 20.0, "1 day"),
            (2.0 * DAY + 3.0 * 3600.0, "2 days 3 h"),
            (40.3 * DAY, "40 days"),
            (367.0 * DAY, "1 year"),
            (730.0 * DAY, "2 years"),
        ] {
            assert_eq!(spoken(Duration::from_secs_f64(seconds)), said, "{seconds}");
        }
    }

    #[test]
    fn the_longest_duration_is_said_too() {
        assert_eq!(spoken(Duration::MAX), "584942417355 years");
    }

    proptest! {
        #[test]
        fn no_unit_is_ever_full(seconds in any::<u64>(), shift in 0u32..64, nanos in 0u32..1_000_000_000) {
            let said = spoken(Duration::new(seconds >> shift, nanos));

            let words: Vec<_> = said.split(' ').collect();
            for part in words.chunks(2) {
                let full = match part[1] {
                    "µs" | "ms" => 1000.0,
                    "s" | "min" => 60.0,
                    "h" => 24.0,
                    "day" | "days" => 365.0,
                    _ => f64::MAX,
                };
                prop_assert!(part[0].parse::<f64>().unwrap() < full, "{said}");
            }
        }
    }
}
