//! The variables of the environment that name a proxy.

use std::fmt;

use zeroize::Zeroizing;

/// Every variable that [`Route::through_environment`](super::Route::through_environment) may look at.
const NAMES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

/// The variables as they were at one moment, for servers that are known only later. None by default.
/// `Debug` shows their names only: a proxy may have a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxyVariables(Vec<(&'static str, Zeroizing<String>)>);

impl ProxyVariables {
    /// Those that `variable` finds, where an empty one counts as none.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let found = |name| Some((name, Zeroizing::new(variable(name)?)));
        Self(NAMES.into_iter().filter_map(found).collect())
    }

    /// What a variable says.
    pub fn get(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.to_string())
    }
}

impl fmt::Debug for ProxyVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_kept_and_passwords_are_not_shown() {
        let variables = ProxyVariables::read(|name| match name {
            "HTTPS_PROXY" => Some("http://u:s3cret@b:1".to_owned()),
            "no_proxy" => Some("a.net".to_owned()),
            _ => None,
        });

        assert_eq!(variables.get("HTTPS_PROXY").as_deref(), Some("http://u:s3cret@b:1"));
        assert_eq!(variables.get("no_proxy").as_deref(), Some("a.net"));
        assert_eq!((variables.get("https_proxy"), variables.get("PATH")), (None, None));
        assert_eq!(format!("{variables:?}"), r#"{"HTTPS_PROXY", "no_proxy"}"#);
    }
}
