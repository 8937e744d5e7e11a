//! `${NAME}` in the texts of a scenario: where values come from, and which of them are secret.
//!
//! A value is taken from the command line, else from the environment, else it is the default that the
//! file has. `$${` stands for `${` itself. Names with a colon, `${authority:NAME}`, are those of what
//! the file has made; who reads the file knows them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use zeroize::Zeroizing;

use crate::text::{Secrets, nearest};

/// Where values come from that are not in the file.
pub struct Given<'a> {
    /// By the command line, `--var NAME=VALUE`.
    pub named: &'a BTreeMap<String, String>,
    /// By the environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

/// A variable as the file declares it: its default, or a table.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Declared {
    default: Option<String>,
    secret: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    default: Option<String>,
    #[serde(default)]
    secret: bool,
}

/// The variables of a file, with their values.
#[derive(Default)]
pub(super) struct Variables {
    values: BTreeMap<String, Zeroizing<String>>,
    secrets: Secrets,
    /// Those that are declared, and those that were asked for.
    names: RefCell<BTreeSet<String>>,
}

impl Variables {
    /// The values of the variables that a file declares, and of all that were named for it.
    ///
    /// # Errors
    ///
    /// The name of a variable, and why it has no value.
    pub(super) fn new(
        declared: &BTreeMap<String, Declared>,
        given: &Given<'_>,
    ) -> Result<Self, (String, String)> {
        let mut variables = Self::default();
        for (name, value) in given.named {
            variables.values.insert(name.clone(), Zeroizing::new(value.clone()));
        }
        for (name, Declared { default, secret }) in declared {
            if !is_name(name) {
                return Err((
                    name.clone(),
                    format!(
                        "a variable's name has letters, digits and _, and no digit first; {name:?} has others"
                    ),
                ));
            }
            let value = given.named.get(name).cloned();
            let value = value.or_else(|| (given.environment)(name)).or_else(|| default.clone());
            let value = value.map(Zeroizing::new).ok_or_else(|| {
                let reason = format!(
                    "it has no value; give it by --var {name}=VALUE, or in the environment, or a default in the file"
                );
                (name.clone(), reason)
            })?;
            if *secret {
                variables.secrets.add(&value);
            }
            variables.values.insert(name.clone(), value);
        }
        variables.names = RefCell::new(declared.keys().cloned().collect());
        Ok(variables)
    }

    /// Puts values in the place of names; `made` knows those with a colon.
    ///
    /// # Errors
    ///
    /// Which name is not known.
    pub(super) fn expand(
        &self,
        text: &str,
        given: &Given<'_>,
        made: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<String, String> {
        expand(text, &mut |name| {
            if name.contains(':') {
                return made(name);
            }
            if !is_name(name) {
                return Err(format!(
                    "`${{{name}}}` is no variable; write `$${{` for the text `${{` itself"
                ));
            }
            self.names.borrow_mut().insert(name.to_owned());
            let value = self.values.get(name).map(|value| value.as_str().to_owned());
            value.or_else(|| (given.environment)(name)).ok_or_else(|| self.unknown(name))
        })
    }

    fn unknown(&self, name: &str) -> String {
        let near = nearest(name, self.values.keys().map(String::as_str));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!(
            "the variable `{name}` has no value; give it by --var {name}=VALUE, or in the environment, or a default in [variables]{near}"
        )
    }

    /// The names that the file has for anything: others mean nothing to it.
    pub(super) fn into_names(self) -> BTreeSet<String> {
        self.names.into_inner()
    }

    /// The values that must not be shown.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }
}

/// The values may be secrets.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values.keys()).finish()
    }
}

/// What is written in the file may be a secret too.
impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declared").field("secret", &self.secret).finish_non_exhaustive()
    }
}

/// By hand, for an untagged enum does not say which member is wrong.
impl<'de> Deserialize<'de> for Declared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;

        impl<'de> Visitor<'de> for TextOrTable {
            type Value = Declared;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("its default as a string, or an object with `default` and `secret`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Declared, E> {
                Ok(Declared { default: Some(text.to_owned()), secret: false })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Declared, A::Error> {
                let Table { default, secret } =
                    Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Declared { default, secret })
            }
        }

        deserializer.deserialize_any(TextOrTable)
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The text with `value` of each name in its place. What a value says is taken as it is.
fn expand(
    text: &str,
    value: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| "a `${` has no `}`; write `$${` for the text `${` itself".to_owned())?;
        expanded.push_str(before);
        expanded.push_str(&value(name)?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;
