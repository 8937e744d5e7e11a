//! Addresses within the site. Names stand in their query, never in their path: a browser changes paths (`..`).

use url::form_urlencoded::Serializer;

use crate::service::enrollment::Kind;

/// A path with a query; what is empty is left out.
pub(super) fn address(path: &str, query: &[(&str, &str)]) -> String {
    let mut pairs = Serializer::new(String::new());
    query.iter().filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| {
        pairs.append_pair(name, value);
    });
    match pairs.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// What a query says of a name, without the blanks around it; empty if nothing.
pub(super) fn asked(query: Option<&str>, name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let found = pairs.find(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned());
    found.unwrap_or_default()
}

/// Where an enrollment is shown.
pub(super) fn of_enrollment(kind: Kind, name: &str) -> String {
    address("/ui/enrollment", &[("kind", kind.as_str()), ("name", name)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_an_address_comes_out_of_it() {
        for name in ["pumps", "a b&c=d#e%f+g", "..", "\"'<>", "ü\u{202e}"] {
            let address = address("/x", &[("name", name), ("other", "")]);
            let query = address.strip_prefix("/x?").unwrap();
            assert_eq!(
                (asked(Some(query), "name"), asked(Some(query), "other")),
                (name.into(), "".into())
            );
            assert!(!query.contains([' ', '"', '<', '#']), "{query}");
        }
        assert_eq!(address("/x", &[]), "/x");
    }
}
