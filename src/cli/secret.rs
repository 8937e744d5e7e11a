//! Secrets as arguments, variables and files give them.
//!
//! A [`Secret`] is wiped when it is dropped and never shows itself. What an argument says becomes
//! one as soon as it is parsed, and stays one until it is a key.
//!
//! Copies that nobody here can wipe are those of the operating system (the arguments of the process
//! and its environment, which its user can see for as long as it runs) and those that the standard
//! library and clap make of the arguments while they are parsed. That is why every secret can also
//! be given as `@FILE` or `-`: then there is no such copy.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use zeroize::Zeroizing;

/// A secret text, or an argument (`VALUE`, `@FILE`, `-`) that may be one. Wiped when dropped,
/// redacted in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// An environment variable that is a secret; empty counts as not set.
pub(crate) fn secret_variable(name: &str) -> Option<Secret> {
    let value = Zeroizing::new(std::env::var(name).ok()?);
    (!value.is_empty()).then_some(Secret(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_can_be_used_and_is_not_shown() {
        let secret: Secret = "c2VjcmV0".parse().unwrap();

        assert_eq!(secret.as_bytes(), b"c2VjcmV0");
        assert_eq!(format!("{:?}", Some(secret)), "Some(Secret(redacted))");
    }
}
