//! YAML, as `az -o yaml` writes it, as the JSON that it stands for.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Number, Value};

/// As deep as one line may begin: what nests deeper than anybody writes would exhaust the stack.
const DEEPEST: usize = 400;

/// The documents of a text, each an object or a list: any text is YAML, if only a string. None if it
/// is none, or says what JSON cannot.
pub fn yaml(text: &str) -> Option<Vec<Value>> {
    let begins_at = |line: &str| line.len() - line.trim_start_matches(['-', '?', ' ', '\t']).len();
    if text.lines().any(|line| begins_at(line) > DEEPEST) {
        return None;
    }
    let documents = Yaml::load_from_str(text).ok()?;
    let values = documents.iter().map(value).collect::<Option<Vec<_>>>()?;
    let has_members = |value: &Value| value.is_object() || value.is_array();
    (!values.is_empty() && values.iter().all(has_members)).then_some(values)
}

fn value(node: &Yaml<'_>) -> Option<Value> {
    Some(match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(value)) => (*value).into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => Number::from_f64(value.into_inner())?.into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(value).collect::<Option<_>>()?,
        Yaml::Mapping(members) => {
            let members = members
                .iter()
                .map(|(name, member)| Some((value(name)?.as_str()?.to_owned(), value(member)?)));
            Value::Object(members.collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_az_writes_is_the_json_that_it_stands_for() {
        let text = "- a: 1\n  b: null\n  c: 'true'\n  d: true\n  e: []\n  f:\n  - x\n  - 1.5\n  g: {}\n  h: '2019-03-31'\n";
        let value = json!([{
            "a": 1, "b": null, "c": "true", "d": true, "e": [], "f": ["x", 1.5], "g": {}, "h": "2019-03-31"
        }]);

        assert_eq!(yaml(text), Some(vec![value]));
    }

    #[test]
    fn what_is_no_object_or_nests_too_deep_is_none() {
        for text in ["", "a text", "HostName=a", "1: 2", "a: .nan", "a: [", "a: !!int x"] {
            assert_eq!(yaml(text), None, "{text}");
        }
        for deep in ["- ", "? ", "["] {
            assert_eq!(yaml(&deep.repeat(100_000)), None);
        }
        let bomb = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\n"
            .to_owned()
            + "d: &d [*c, *c, *c, *c]\ne: &e [*d, *d, *d, *d]\nf: &f [*e, *e, *e, *e]\n"
            + "g: &g [*f, *f, *f, *f]\nh: &h [*g, *g, *g, *g]\ni: [*h, *h, *h, *h]\n";
        assert_eq!(yaml(&bomb), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-?:\\[\\]{}&*!|>'\" \n\ta-c0-9.]{0,60}") {
            let _ = yaml(&text);
        }
    }
}
