//! How MQTT matches topics against filters (MQTT 3.1.1, section 4.7).
//!
//! `+` stands for one level, `#` at the end for the level before it and all behind it. A filter that
//! begins with either matches no topic that begins with `$`. Filters are taken as they come: whether
//! one is well formed is seen where packets are read.

/// Whether what is published on `topic` reaches whoever subscribed to `filter`.
pub fn filter_matches(filter: &str, topic: &str) -> bool {
    if is_wild(filter) && topic.starts_with('$') {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            (_, None) => return false,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Whether there is a topic that both filters match: whoever subscribed to the one may hear something
/// that is published under the other.
pub fn filters_meet(one: &str, other: &str) -> bool {
    let is_reserved = |filter: &str| filter.starts_with('$');
    if is_wild(one) && is_reserved(other) || is_wild(other) && is_reserved(one) {
        return false;
    }
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (None, Some(_)) | (Some(_), None) => return false,
            (Some(a), Some(b)) if a == b || a == "+" || b == "+" => {}
            _ => return false,
        }
    }
}

/// Whether a filter begins with a wildcard [MQTT-4.7.2-1].
fn is_wild(filter: &str) -> bool {
    matches!(filter.split('/').next(), Some("#" | "+"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The examples of section 4.7, and the filters that devices were seen to use.
    #[test]
    fn a_4_filters_match_as_mqtt_has_it() {
        for (filter, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "sport", true),
            ("#", "$SYS/monitor", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/monitor", true),
            ("$iothub/twin/res/200/#", "$iothub/twin/res/200/?$rid=1", true),
            ("$iothub/twin/res/200/#", "$iothub/twin/res/204/?$rid=1", false),
            ("$iothub/twin/res/+/#", "$iothub/twin/res/204/?$rid=1", true),
            ("$iothub/#", "$iothub/twin/res/204/?$rid=1", true),
            ("$dps/registrations/res/+/+", "$dps/registrations/res/202/?$rid=1", true),
            ("$dps/registrations/RES/#", "$dps/registrations/res/202/?$rid=1", false),
        ] {
            assert_eq!(filter_matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn filters_meet_where_one_topic_is_for_both() {
        for (one, other, expected) in [
            ("$dps/registrations/res/200/#", "$dps/registrations/res/#", true),
            ("$dps/registrations/res", "$dps/registrations/res/#", true),
            ("$dps/+/res/#", "$dps/registrations/res/#", true),
            ("$dps/registrations", "$dps/registrations/res/#", false),
            ("$dps/registrations/+", "$dps/registrations/res/#", true),
            ("#", "$dps/registrations/res/#", false),
            ("+/#", "devices/pump/messages/devicebound/#", true),
            ("devices/+/messages/devicebound/#", "devices/pump/messages/devicebound/#", true),
            ("devices/other/#", "devices/pump/messages/devicebound/#", false),
        ] {
            assert_eq!(filters_meet(one, other), expected, "{one} {other}");
            assert_eq!(filters_meet(other, one), expected, "{other} {one}");
        }
    }

    /// The definition, word for word: every way to read the filter's levels.
    fn reference(filter: &[&str], topic: &[&str]) -> bool {
        match filter {
            [] => topic.is_empty(),
            ["#"] => true,
            [wanted, filter @ ..] => match topic {
                [] => false,
                [level, topic @ ..] => {
                    (*wanted == "+" || wanted == level) && reference(filter, topic)
                }
            },
        }
    }

    fn levels(text: &str) -> Vec<&str> {
        text.split('/').collect()
    }

    const FILTER: &str = r"(\$?[ab]?|\+)(/([ab]?|\+)){0,3}(/#)?|#";
    const TOPIC: &str = r"\$?[ab]?(/[ab]?){0,4}";

    proptest! {
        #[test]
        fn a_filter_matches_what_the_definition_says(filter in FILTER, topic in TOPIC) {
            let is_hidden = topic.starts_with('$') && filter.starts_with(['#', '+']);
            let expected = !is_hidden && reference(&levels(&filter), &levels(&topic));

            prop_assert_eq!(filter_matches(&filter, &topic), expected);
        }

        #[test]
        fn filters_that_match_one_topic_meet(one in FILTER, other in FILTER, topic in TOPIC) {
            if filter_matches(&one, &topic) && filter_matches(&other, &topic) {
                prop_assert!(filters_meet(&one, &other));
            }
        }

        #[test]
        fn a_topic_meets_exactly_the_filters_that_match_it(filter in FILTER, topic in TOPIC) {
            prop_assert_eq!(filters_meet(&filter, &topic), filter_matches(&filter, &topic));
        }
    }
}
