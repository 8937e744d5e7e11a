//! How each kind of client is told to trust a CA file.

use super::columns::columns;
use crate::text::shell_word;

/// The store that the Java line makes, and its password, which protects nothing but is wanted.
pub(super) const JAVA_STORE: &str = "trust.jks";
pub(super) const JAVA_PASSWORD: &str = "changeit";

/// A line for each kind of client, in columns.
pub fn how_to_trust(ca_file: &str) -> Vec<String> {
    let ca = shell_word(ca_file);
    // Backslashes mean something in Python's other strings.
    let raw = if ca_file.contains('\\') { "r" } else { "" };
    columns([
        ("C", format!("SSL_CERT_FILE={ca}, or its PEM text as OPTION_TRUSTED_CERT")),
        ("Python", format!("server_verification_cert=open({raw}\"{ca_file}\").read()")),
        ("", format!("SSL_CERT_FILE={ca} where a wrapper passes nothing on, as iotc does")),
        ("Node", format!("NODE_EXTRA_CA_CERTS={ca}, set before the process starts")),
        (".NET", format!("SSL_CERT_FILE={ca} on Linux; on Windows add it to the trusted roots")),
        (
            "Java",
            format!(
                "keytool -importcert -noprompt -storepass {JAVA_PASSWORD} -file {ca} -keystore {JAVA_STORE} -alias provision-sim"
            ),
        ),
        (
            "",
            format!(
                "java -Djavax.net.ssl.trustStore={JAVA_STORE} -Djavax.net.ssl.trustStorePassword={JAVA_PASSWORD} …"
            ),
        ),
        ("az", format!("REQUESTS_CA_BUNDLE={ca} SSL_CERT_FILE={ca}")),
        ("requests", format!("REQUESTS_CA_BUNDLE={ca}")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_is_told_what_makes_it_trust() {
        let lines = how_to_trust("/ca/ca.pem").join("\n");

        for said in [
            "az            REQUESTS_CA_BUNDLE=/ca/ca.pem SSL_CERT_FILE=/ca/ca.pem",
            "-file /ca/ca.pem -keystore trust.jks",
            "-Djavax.net.ssl.trustStore=trust.jks -Djavax.net.ssl.trustStorePassword=changeit",
            "SSL_CERT_FILE=/ca/ca.pem where a wrapper",
        ] {
            assert!(lines.contains(said), "{said} in {lines}");
        }
        assert!(how_to_trust(r"C:\ca.pem")[1].contains("open(r\"C:"), "a raw string of Python");
    }
}
