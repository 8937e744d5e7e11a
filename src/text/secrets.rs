//! What must not be shown, wherever text leaves the program.

use std::borrow::Cow;

use zeroize::Zeroizing;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Texts that are never shown. [`mask`](Self::mask) is the last that happens to a text before it is
/// printed or written.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Each in all the forms in which it may appear; the longest first, for one may stand in another.
    forms: Vec<(Zeroizing<String>, String)>,
}

impl Secrets {
    /// Nothing to hide.
    pub const fn none() -> Self {
        Self { forms: Vec::new() }
    }

    /// From now on this is not shown either, nor as it stands in JSON, in a URL or in HTML.
    pub fn add(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let quoted = Zeroizing::new(serde_json::to_string(secret).unwrap_or_default());
        let in_json = quoted.trim_matches('"');
        let in_url =
            percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
        let in_html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let forms = [secret.to_owned(), in_json.to_owned(), in_url.to_string(), in_html];
        self.hide(forms.into_iter().map(|form| (Zeroizing::new(form), MASK.to_owned())));
    }

    /// From now on this is called so. It is no secret, but another each time.
    pub fn call(&mut self, text: &str, name: &str) {
        self.hide(std::iter::once((Zeroizing::new(text.to_owned()), name.to_owned())));
    }

    /// All of these too.
    pub fn extend(&mut self, others: &Self) {
        self.hide(others.forms.iter().cloned());
    }

    fn hide(&mut self, forms: impl Iterator<Item = (Zeroizing<String>, String)>) {
        for form in forms {
            if !self.forms.contains(&form) {
                self.forms.push(form);
            }
        }
        self.forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    }

    /// The text with `***` in the place of each secret.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for (form, shown) in &self.forms {
            if masked.contains(form.as_str()) {
                masked = Cow::Owned(masked.replace(form.as_str(), shown));
            }
        }
        masked
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} forms)", self.forms.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hiding(secrets: &[&str]) -> Secrets {
        let mut all = Secrets::default();
        secrets.iter().for_each(|secret| all.add(secret));
        all
    }

    #[test]
    fn a_secret_is_masked_in_every_form_in_which_it_may_leave() {
        let secrets = hiding(&["a+b/c=\"<x>"]);

        for text in ["a+b/c=\"<x>", "a+b/c=\\\"<x>", "a%2Bb%2Fc%3D%22%3Cx%3E", "a+b/c=\"&lt;x&gt;"]
        {
            assert_eq!(secrets.mask(&format!("key {text}!")), "key ***!");
        }
    }

    #[test]
    fn of_two_secrets_of_which_one_is_in_the_other_nothing_stays() {
        assert_eq!(hiding(&["pump", "pump-key"]).mask("it is pump-key, pump"), "it is ***, ***");
    }

    #[test]
    fn what_is_empty_is_no_secret_and_debug_shows_none() {
        assert_eq!(hiding(&[""]).mask("abc"), "abc");
        assert!(!format!("{:?}", hiding(&["s3cret"])).contains("s3cret"));
    }

    proptest! {
        #[test]
        fn no_masked_text_has_a_secret_in_it(
            secret in "[a-z+/=\"<&%é ]{4,12}",
            before in "\\PC{0,20}",
            after in "\\PC{0,20}",
        ) {
            let secrets = hiding(&[&secret]);
            let text = format!("{before}{secret}{after}");
            let json = serde_json::to_string(&text).unwrap();

            prop_assert!(!secrets.mask(&text).contains(&secret));
            prop_assert!(!secrets.mask(&json).contains(serde_json::to_string(&secret).unwrap().trim_matches('"')));
        }
    }
}
