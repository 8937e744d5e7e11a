//! From TOML to JSON: every value that JSON has too, exactly, and no other.

use toml::Spanned;
use toml::de::{DeArray, DeFloat, DeInteger, DeTable, DeValue};
use zeroize::Zeroizing;

use super::path::MemberPath;

/// A value that JSON does not have.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) path: MemberPath,
    pub(super) reason: String,
}

/// The JSON of a value. Members stand in the order in which they are written; a table that is written
/// in several places stands where it begins.
pub(super) fn write(value: &DeValue<'_>) -> Result<Zeroizing<String>, Misfit> {
    let mut json = Zeroizing::new(String::new());
    Writer { json: &mut json }.value(value, &MemberPath::default())?;
    Ok(json)
}

struct Writer<'a> {
    json: &'a mut String,
}

impl Writer<'_> {
    fn value(&mut self, value: &DeValue<'_>, path: &MemberPath) -> Result<(), Misfit> {
        let misfit = |reason: String| Misfit { path: path.clone(), reason };
        match value {
            DeValue::String(text) => self.text(text),
            DeValue::Boolean(value) => self.json.push_str(if *value { "true" } else { "false" }),
            DeValue::Integer(number) => self.json.push_str(&integer(number).map_err(misfit)?),
            DeValue::Float(number) => self.json.push_str(float(number).map_err(misfit)?),
            DeValue::Datetime(date) => {
                return Err(misfit(format!(
                    "JSON has no dates and times; write it as text: \"{date}\""
                )));
            }
            DeValue::Array(items) => self.array(items, path)?,
            DeValue::Table(members) => self.table(members, path)?,
        }
        Ok(())
    }

    fn array(&mut self, items: &DeArray<'_>, path: &MemberPath) -> Result<(), Misfit> {
        self.json.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            self.value(item.get_ref(), &path.item(index))?;
        }
        self.json.push(']');
        Ok(())
    }

    fn table(&mut self, members: &DeTable<'_>, path: &MemberPath) -> Result<(), Misfit> {
        let mut members: Vec<(_, &Spanned<DeValue<'_>>)> = members.iter().collect();
        members.sort_by_cached_key(|(name, value)| begin(name, value));
        self.json.push('{');
        for (index, (name, value)) in members.into_iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            self.text(name.get_ref());
            self.json.push(':');
            self.value(value.get_ref(), &path.member(name.get_ref()))?;
        }
        self.json.push('}');
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let quoted =
            serde_json::to_string(text).unwrap_or_else(|_| unreachable!("every text has JSON"));
        self.json.push_str(&Zeroizing::new(quoted));
    }
}

/// Where a member is first spoken of: `[a.b]` may stand before `[a]`, where the parser then sees it.
fn begin<T>(name: &Spanned<T>, value: &Spanned<DeValue<'_>>) -> usize {
    let inner = value.get_ref().as_table().into_iter().flatten();
    inner.map(|(name, value)| begin(name, value)).fold(name.span().start, usize::min)
}

/// JSON's integers are decimal and of any length.
fn integer(number: &DeInteger<'_>) -> Result<String, String> {
    let digits = number.as_str();
    if number.radix() != 10 {
        return match u128::from_str_radix(digits, number.radix()) {
            Ok(value) => Ok(value.to_string()),
            Err(_) => Err("the number is too large; write it in decimal digits".to_owned()),
        };
    }
    // TOML has a zero with a sign, which readers of JSON take for a float.
    let unsigned = digits.trim_start_matches(['+', '-']);
    Ok(if digits.starts_with('-') && unsigned != "0" { digits } else { unsigned }.to_owned())
}

/// TOML's floats are JSON's, but for a plus and for what is no number.
fn float<'a>(number: &'a DeFloat<'_>) -> Result<&'a str, String> {
    let text = number.as_str();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(text.strip_prefix('+').unwrap_or(text)),
        Ok(_) if !text.contains("inf") && !text.contains("nan") => {
            Err("the number is too large".to_owned())
        }
        _ => Err(format!("JSON has no number `{text}`")),
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
