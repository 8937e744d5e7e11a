//! A rule of a configuration: a table whose members are the words of a rule, or one with the rule itself.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::parse::Given;
use super::rule::FaultRule;

impl<'de> Deserialize<'de> for FaultRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = FaultRule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rule, or a table with where it strikes and what happens")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<FaultRule, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FaultRule, A::Error> {
        let (mut rule, mut place, mut words) = (None, None, Vec::new());
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            let wrong = |expected: &str| A::Error::custom(format!("{name}: expected {expected}"));
            match (name.as_str(), value) {
                ("rule", Value::String(text)) => rule = Some(text),
                ("where", Value::String(text)) => place = Some(text),
                ("rule" | "where", _) => return Err(wrong("a string")),
                // A word without a value, or one that is not there.
                (_, Value::Bool(true)) => words.push((name, None)),
                (_, Value::Bool(false)) => {}
                (_, Value::String(text)) => words.push((name, Some(text))),
                (_, Value::Number(number)) => words.push((name, Some(number.to_string()))),
                _ => return Err(wrong("a string, a number, or true")),
            }
        }
        read(rule, place, words).map_err(A::Error::custom)
    }
}

fn read(
    rule: Option<String>,
    place: Option<String>,
    words: Vec<Given>,
) -> Result<FaultRule, String> {
    match (rule, place) {
        (Some(rule), None) if words.is_empty() => rule.parse().map_err(|error| format!("{error}")),
        (Some(_), _) => Err("a table with `rule` has nothing else".to_owned()),
        (None, Some(place)) => FaultRule::of(&place, words).map_err(|error| error.to_string()),
        (None, None) => {
            Err("it does not say where it strikes: `where`, or all of it as `rule`".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<String, String> {
        let rule: Result<FaultRule, _> = toml::from_str(toml);
        rule.map(|rule| rule.to_string()).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn j_260_a_table_says_the_same_as_a_rule() {
        let rule = "poll device=pump-* times=2 probability=0.5 status=503 retry-after=2";
        let table = "where = \"poll\"\nstatus = 503\nretry-after = 2\ntimes = 2\nprobability = 0.5\ndevice = \"pump-*\"";

        assert_eq!(read(table).unwrap(), rule);
        assert_eq!(read(&format!("rule = {rule:?}")).unwrap(), rule);
        assert_eq!(
            read("where = \"register\"\nclose = true\nhtml = false").unwrap(),
            "register close"
        );
    }

    #[test]
    fn a_table_that_is_no_rule_is_refused_with_the_reason() {
        for (table, reason) in [
            ("", "it does not say where"),
            ("rule = \"poll close\"\ntimes = 1", "nothing else"),
            ("where = \"poll\"\nstatsu = 503", "did you mean status?"),
            ("where = \"poll\"\nstatus = [503]", "status: expected a string, a number, or true"),
            ("where = 1", "where: expected a string"),
        ] {
            let told = read(table).unwrap_err();
            assert!(told.contains(reason), "{table}: {told}");
        }
    }
}
