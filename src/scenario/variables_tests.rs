use proptest::prelude::*;

use super::*;

fn declared(name: &str, default: Option<&str>, secret: bool) -> (String, Declared) {
    (name.to_owned(), Declared { default: default.map(str::to_owned), secret })
}

fn named(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// `text` with the variable `hub`, which has this default.
fn expanded(
    text: &str,
    default: Option<&str>,
    by_flag: &[(&str, &str)],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let named = named(by_flag);
    let given = Given { named: &named, environment };
    let declared = default.map(|default| declared("hub", Some(default), false));
    let variables = Variables::new(&declared.into_iter().collect(), &given)
        .map_err(|(name, reason)| format!("{name}: {reason}"))?;
    variables.expand(text, &given, &|name| Err(format!("{name} is not made")))
}

fn nothing(_: &str) -> Option<String> {
    None
}

/// J-270.
#[test]
fn j_270_the_command_line_goes_before_the_environment_and_that_before_the_default() {
    let there = |name: &str| (name == "hub").then(|| "environment".to_owned());
    let flag = [("hub", "flag")];

    for (by_flag, environment, value) in [
        (&flag[..], &there as &dyn Fn(&str) -> Option<String>, "flag"),
        (&[], &there, "environment"),
        (&[], &nothing, "default"),
    ] {
        let text = expanded("to ${hub}.", Some("default"), by_flag, environment);
        assert_eq!(text, Ok(format!("to {value}.")));
    }
    assert_eq!(expanded("${hub}", None, &[], &there), Ok("environment".to_owned()));
}

#[test]
fn a_dollar_more_stands_for_the_text_itself() {
    for (text, value) in [
        ("$${hub}", "${hub}"),
        ("$$${hub}", "$${hub}"),
        ("a $ {hub} $hub }", "a $ {hub} $hub }"),
        ("${hub}${hub}", "WW"),
        ("$${${hub}", "${W"),
    ] {
        assert_eq!(expanded(text, Some("W"), &[], &nothing).as_deref(), Ok(value), "{text}");
    }
}

#[test]
fn what_has_no_value_is_refused_by_its_name() {
    let refused = |text: &str| expanded(text, Some("x"), &[], &nothing).unwrap_err();

    let unknown = refused("${hubb}");
    assert!(unknown.starts_with("the variable `hubb` has no value; give it by --var"), "{unknown}");
    assert!(unknown.ends_with("did you mean `hub`?"), "{unknown}");
    assert!(refused("${a b}").starts_with("`${a b}` is no variable"));
    assert!(refused("${}").starts_with("`${}` is no variable"));
    assert!(refused("x ${hub").starts_with("a `${` has no `}`"));
    assert_eq!(refused("${authority:x}"), "authority:x is not made");

    let none = named(&[]);
    let given = Given { named: &none, environment: &nothing };
    let all = [declared("must", None, false)].into_iter().collect();
    let (name, reason) = Variables::new(&all, &given).unwrap_err();
    assert_eq!(name, "must");
    assert!(reason.starts_with("it has no value; give it by --var must=VALUE"), "{reason}");
}

#[test]
fn a_secret_is_hidden_wherever_its_value_came_from() {
    let by_flag = named(&[("key", "c2VjcmV0")]);
    let given = Given { named: &by_flag, environment: &nothing };
    let all = [declared("key", Some("other"), true)].into_iter().collect();

    let variables = Variables::new(&all, &given).unwrap();

    assert_eq!(variables.secrets().mask("it is c2VjcmV0, not other"), "it is ***, not other");
    assert!(!format!("{variables:?}").contains("c2Vj"));
}

proptest! {
    /// Whatever a value says, it is taken as it is, and what is no name stays as it is written.
    #[test]
    fn a_value_is_never_read_again(value in "\\PC{0,20}", before in "[^$]{0,10}", after in "[^$]{0,10}") {
        let text = format!("{before}${{hub}}{after}");

        let expanded = expanded(&text, Some(&value), &[], &nothing);

        prop_assert_eq!(expanded, Ok(format!("{before}{value}{after}")));
    }

    /// Escaped, every text comes out as it went in.
    #[test]
    fn every_text_can_be_written(text in "[${}a]{0,20}") {
        // A `$` right before `${` cannot be told from an escape, and so is left out.
        prop_assume!(!text.contains("$${"));
        let written = text.replace("${", "$${");

        prop_assert_eq!(expanded(&written, None, &[], &nothing), Ok(text));
    }

    #[test]
    fn no_text_is_too_much(text in "[${}a:]{0,30}") {
        let _ = expanded(&text, Some("x"), &[], &nothing);
    }
}
