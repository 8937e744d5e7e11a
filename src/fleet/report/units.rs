//! Numbers for people.

use std::time::Duration;

/// `0 µs`, `850 µs`, `12.3 ms`, `4.21 s`, `2m 5s`: about three digits.
pub(super) fn short(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..1_000_000 => millis(duration),
        1_000_000..60_000_000 => format!("{:.2} s", duration.as_secs_f64()),
        _ => {
            let whole = Duration::from_secs(duration.as_secs_f64().round() as u64);
            humantime::format_duration(whole).to_string()
        }
    }
}

/// `12.3 ms`.
pub(super) fn millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1e3;
    if millis < 100.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

/// `100 %`, `0.1 %`, `0.004 %`; never a 0 or a 100 that is only nearly so.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = match percent.min((100.0 - percent).abs()) {
        small if small < 1e-9 => 0,
        small if small < 0.01 => 4,
        small if small < 0.1 => 3,
        small if small < 1.0 => 2,
        _ => 1,
    };
    let text = format!("{percent:.digits$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

/// `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `2,850/s`, `16.7/s`, `0.25/s`.
pub(super) fn per_second(rate: f64) -> String {
    match rate {
        100.0.. => format!("{}/s", grouped(rate.round() as u64)),
        10.0..100.0 => format!("{rate:.1}/s"),
        _ => format!("{rate:.2}/s"),
    }
}

/// `1 device`, `2 devices`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_about_three_digits() {
        for (micros, shown) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1000, "1.0 ms"),
            (99_940, "99.9 ms"),
            (123_456, "123 ms"),
            (4_210_000, "4.21 s"),
            (125_000_000, "2m 5s"),
        ] {
            assert_eq!(short(Duration::from_micros(micros)), shown);
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        for (share, shown) in [
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.5, "50 %"),
            (0.123_45, "12.3 %"),
            (0.001, "0.1 %"),
            (0.000_04, "0.004 %"),
            (0.9999, "99.99 %"),
        ] {
            assert_eq!(percent(share), shown);
        }
    }

    #[test]
    fn numbers_and_rates_are_grouped() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0, 999, 1000, 1_234_567].map(grouped).each_ref().map(String::as_str)
        );
        assert_eq!(
            ["2,850/s", "16.7/s", "0.25/s"],
            [2850.2, 16.67, 0.25].map(per_second).each_ref().map(String::as_str)
        );
        assert_eq!(
            (counted(1, "try", "tries"), counted(2000, "try", "tries")),
            ("1 try".to_owned(), "2,000 tries".to_owned())
        );
    }
}
