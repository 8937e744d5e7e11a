//! What a text seems to be, for who was given another file than the one that was meant.

/// What a text is, as far as its beginning shows: `a certificate (PEM)`, `an HTML page`, …
pub fn seems(text: &str) -> &'static str {
    let text = text.trim();
    let first = text.lines().next().unwrap_or_default();
    let starts = |known: &str| {
        text.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
    };
    if text.is_empty() {
        "an empty file"
    } else if text.contains("PRIVATE KEY-----") {
        "a private key (PEM)"
    } else if starts("-----BEGIN CERTIFICATE") {
        "a certificate (PEM)"
    } else if starts("-----BEGIN ") {
        "PEM"
    } else if starts("<!doctype html") || starts("<html") {
        "an HTML page, as a proxy or a sign-in page answers"
    } else if starts("<") {
        "XML"
    } else if starts("HostName=") {
        "a connection string"
    } else if starts("{") || starts("[{") {
        "JSON with a mistake"
    } else if starts("resource \"") || text.contains("\nresource \"") {
        "the source of a Terraform module; give its state, `terraform show -json`"
    } else if text.parse::<toml::Table>().is_ok() {
        "TOML, such as a configuration of `provision-sim serve --config`"
    } else if text.lines().nth(1).is_some_and(|line| line.starts_with("-----")) {
        "a table for people; have it printed with -o json"
    } else if first.contains(',') {
        "CSV"
    } else {
        "a text of another kind"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_by_its_beginning() {
        for (text, what) in [
            (" \n", "an empty file"),
            ("-----BEGIN CERTIFICATE-----\nAA", "a certificate (PEM)"),
            ("-----BEGIN EC PRIVATE KEY-----\nAA", "a private key (PEM)"),
            ("<!DOCTYPE html><html>", "an HTML page, as a proxy or a sign-in page answers"),
            ("<?xml version=\"1.0\"?>", "XML"),
            ("HostName=a.b;SharedAccessKey=", "a connection string"),
            ("{\"a\":", "JSON with a mistake"),
            (
                "idScope = \"0ne1\"",
                "TOML, such as a configuration of `provision-sim serve --config`",
            ),
            (
                "Name    Status\n------  ------\na  b",
                "a table for people; have it printed with -o json",
            ),
            ("a,b\n1,2", "CSV"),
            ("é", "a text of another kind"),
        ] {
            assert_eq!(seems(text), what, "{text}");
        }
    }
}
