//! What tells a form of ours from one that another page made (J-225).
//!
//! A foreign page cannot read ours, so it cannot know the token that stands in it. `guard` has refused its
//! `Origin` already; this is the second lock, for browsers and helpers that leave the header out.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::sources::Chance;
/// The field by which a form of ours sends it.
pub(super) const FIELD: &str = "token";

/// A secret of one running service, known to the pages that it served.
pub(in crate::service::endpoint) struct Token(String);

impl Token {
    pub(in crate::service::endpoint) fn random() -> Self {
        // A secret that stands in no output, so that no seed may fix it.
        let mut bytes = [0; 32];
        Chance::system().fill("page", "", &mut bytes);
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The text, for a page.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// What tells this service from the one before it, and says nothing of the token.
    pub(super) fn mark(&self) -> String {
        let digest = Sha256::new().chain_update("mark of ").chain_update(&self.0).finalize();
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether somebody knows it. How long this takes says nothing of it: digests are compared.
    pub(super) fn is(&self, given: &str) -> bool {
        !self.0.is_empty() && Sha256::digest(&self.0) == Sha256::digest(given)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_225_every_service_has_a_token_of_its_own_and_knows_no_other() {
        let (token, other) = (Token::random(), Token::random());

        assert_eq!(token.text().len(), 64);
        assert!(token.is(token.text()));
        for wrong in ["", other.text(), &token.text()[..63], &format!("{}0", token.text())] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(secret redacted)");
    }

    #[test]
    fn j_225_a_service_without_random_numbers_takes_no_empty_token() {
        assert!(!Token(String::new()).is(""));
    }
}
