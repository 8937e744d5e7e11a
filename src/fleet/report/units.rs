//! Numbers for people.

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

/// `2,850/s`, `16.7/s`, `0.25/s`, `0`.
pub(super) fn per_second(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
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
            ["2,850/s", "16.7/s", "0.25/s", "0"],
            [2850.2, 16.67, 0.25, 0.0].map(per_second).each_ref().map(String::as_str)
        );
        assert_eq!(
            (counted(1, "try", "tries"), counted(2000, "try", "tries")),
            ("1 try".to_owned(), "2,000 tries".to_owned())
        );
    }
}
