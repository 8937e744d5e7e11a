//! Topic names and topic filters (section 4.7).
//!
//! Only the shape that MQTT gives them; what the provisioning service means by a topic is decided
//! elsewhere, so `$dps/…/?$rid=1&x=y` is a topic like any other.

use super::violation::excerpt;
use super::{Field, Violation};

const SINGLE_LEVEL: char = '+';
const MULTI_LEVEL: char = '#';

/// Checks the topic name of a PUBLISH.
pub(super) fn check_name(topic: &str) -> Result<(), Violation> {
    check_not_empty(topic, Field::TopicName)?;
    first_wildcard(topic).map_or(Ok(()), |wildcard| {
        let topic = excerpt(topic);
        Err(Violation::WildcardInTopicName { topic, wildcard })
    })
}

/// Checks a will topic: as the will is published there, it is a topic name.
pub(super) fn check_will(topic: &str) -> Result<(), Violation> {
    check_not_empty(topic, Field::WillTopic)?;
    first_wildcard(topic)
        .map_or(Ok(()), |wildcard| Err(Violation::WildcardInWillTopic { wildcard }))
}

/// Checks a topic filter, in which a wildcard stands for whole levels only.
pub(super) fn check_filter(filter: &str) -> Result<(), Violation> {
    check_not_empty(filter, Field::TopicFilter)?;
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let alone = level.chars().nth(1).is_none();
        if level.contains(MULTI_LEVEL) && !(alone && levels.peek().is_none()) {
            return Err(Violation::MultiLevelWildcard { filter: excerpt(filter) });
        }
        if level.contains(SINGLE_LEVEL) && !alone {
            return Err(Violation::SingleLevelWildcard { filter: excerpt(filter) });
        }
    }
    Ok(())
}

fn first_wildcard(topic: &str) -> Option<char> {
    topic.chars().find(|&character| matches!(character, SINGLE_LEVEL | MULTI_LEVEL))
}

fn check_not_empty(topic: &str, field: Field) -> Result<(), Violation> {
    if topic.is_empty() {
        return Err(Violation::EmptyTopic { field });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verdict: Result<(), Violation>) -> Option<&'static str> {
        verdict.err().map(|violation| violation.rule())
    }

    #[test]
    fn a_topic_name_may_be_anything_else() {
        for topic in
            ["/", "a//b", " ", "$dps/registrations/PUT/iotdps-register/?$rid=1&x=y", "\u{feff}"]
        {
            assert_eq!(check_name(topic), Ok(()), "{topic}");
            assert_eq!(check_will(topic), Ok(()), "{topic}");
            assert_eq!(check_filter(topic), Ok(()), "{topic}");
        }
    }

    #[test]
    fn an_empty_topic_is_refused() {
        let rules = [check_name(""), check_will(""), check_filter("")].map(rule);
        assert_eq!(rules, [Some("MQTT-4.7.3-1"); 3]);
    }

    #[test]
    fn a_wildcard_in_a_topic_name_is_refused() {
        for topic in ["#", "a/+", "a+", "#b"] {
            assert_eq!(rule(check_name(topic)), Some("MQTT-3.3.2-2"), "{topic}");
            assert_eq!(rule(check_will(topic)), Some("MQTT-4.7.1-1"), "{topic}");
        }
        let (topic, wildcard) = ("a/+/#".to_owned(), '+');
        assert_eq!(check_name("a/+/#"), Err(Violation::WildcardInTopicName { topic, wildcard }));
    }

    #[test]
    fn a_wildcard_may_stand_for_whole_levels() {
        for filter in
            ["#", "+", "+/+", "/+", "+/", "a/+/b", "a/#", "/#", "+/#", "$dps/registrations/res/#"]
        {
            assert_eq!(check_filter(filter), Ok(()), "{filter}");
        }
    }

    #[test]
    fn an_ill_placed_multi_level_wildcard_is_refused() {
        for filter in ["a#", "#a", "a/#b", "#/a", "a/#/b", "#/", "##", "+#"] {
            assert_eq!(rule(check_filter(filter)), Some("MQTT-4.7.1-2"), "{filter}");
        }
    }

    #[test]
    fn an_ill_placed_single_level_wildcard_is_refused() {
        for filter in ["a+", "+a", "a/+b/c", "++", "a+/#", "ü+"] {
            assert_eq!(rule(check_filter(filter)), Some("MQTT-4.7.1-3"), "{filter}");
        }
    }
}
