//! How to get to a server: from which address, through which proxy, and whom to dial in its place.

use std::net::IpAddr;

use thiserror::Error;

use super::no_proxy::is_loopback;
use super::{ConnectTo, Endpoint, NoProxy, Proxy, ProxyError};

/// The way through the network. The default is the direct one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The first that is about the target counts.
    pub connect_to: Vec<ConnectTo>,
    /// Opens a tunnel to the target.
    pub proxy: Option<Proxy>,
    /// Targets that are reached without the proxy.
    pub no_proxy: NoProxy,
    /// This machine's address to connect from; `None` leaves it to the operating system. A machine
    /// has some 28,000 ports for one destination, for each address.
    pub source: Option<IpAddr>,
}

/// A variable of the environment that is no proxy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable}: {source}")]
pub struct EnvironmentError {
    /// Its name.
    pub variable: &'static str,
    /// What is wrong with it.
    pub source: ProxyError,
}

impl Route {
    /// Adds whom to dial in the place of others.
    #[must_use]
    pub fn with_connect_to(mut self, connect_to: Vec<ConnectTo>) -> Self {
        self.connect_to = connect_to;
        self
    }

    /// Sends every connection through `proxy`.
    #[must_use]
    pub fn through(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self.no_proxy = NoProxy::default();
        self
    }

    /// Sends connections to `host` through the proxy that the environment names, as curl does:
    /// `https_proxy`, else `all_proxy`, except for what `no_proxy` lists; the lower-case name comes
    /// first. This machine is never behind a proxy. `ports` are those that will be dialled, and
    /// `variable` looks a variable up, where an empty one counts as none.
    ///
    /// # Errors
    ///
    /// If the variable that would be used is no `http://` proxy.
    pub fn through_environment(
        mut self,
        host: &Endpoint,
        ports: &[u16],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, EnvironmentError> {
        let no_proxy = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
        let no_proxy = NoProxy::new(&no_proxy);
        let is_exempt = |port: &u16| no_proxy.covers(&host.or_port(*port));
        if is_loopback(host) || ports.iter().all(is_exempt) {
            return Ok(self);
        }
        let names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        let found = names.into_iter().find_map(|name| Some((name, variable(name)?)));
        if let Some((variable, text)) = found {
            let proxy = text.parse().map_err(|source| EnvironmentError { variable, source })?;
            (self.proxy, self.no_proxy) = (Some(proxy), no_proxy);
        }
        Ok(self)
    }

    /// Connects from this address of the machine.
    #[must_use]
    pub fn from_source(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Who is dialled, or asked of the proxy, for `target`, whose port is given.
    pub fn destination(&self, target: &Endpoint) -> Endpoint {
        let redirected = self.connect_to.iter().find_map(|rule| rule.redirect(target));
        redirected.unwrap_or_else(|| target.clone())
    }

    /// The proxy in front of `target`, whose port is given.
    pub fn proxy_for(&self, target: &Endpoint) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| !self.no_proxy.covers(target))
    }

    /// To whom the TCP connection for `target`, whose port is given, is opened: the proxy, where
    /// there is one.
    pub fn next_hop(&self, target: &Endpoint) -> Endpoint {
        let proxy = self.proxy_for(target).map(|proxy| proxy.endpoint().clone());
        proxy.unwrap_or_else(|| self.destination(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy for `a.net:8883` in an environment.
    fn proxy_in(variables: &[(&str, &str)]) -> Result<Option<String>, EnvironmentError> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let target: Endpoint = "a.net:8883".parse().unwrap();
        let route = Route::default().through_environment(&target, &[8883], lookup)?;
        Ok(route.proxy_for(&target).map(ToString::to_string))
    }

    /// J-104.
    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        for (variables, expected) in [
            (&[][..], None),
            (&[("HTTPS_PROXY", "http://b:1")], Some("http://b:1")),
            (&[("HTTPS_PROXY", "http://b:1"), ("https_proxy", "http://c:1")], Some("http://c:1")),
            (&[("HTTPS_PROXY", "http://b:1"), ("all_proxy", "http://c:1")], Some("http://b:1")),
            (&[("ALL_PROXY", "c:1")], Some("http://c:1")),
            (&[("HTTP_PROXY", "http://b:1")], None),
            (&[("ALL_PROXY", "c:1"), ("NO_PROXY", "a.net")], None),
            (&[("ALL_PROXY", "c:1"), ("NO_PROXY", "a.net:443")], Some("http://c:1")),
            (&[("ALL_PROXY", "c:1"), ("NO_PROXY", "*"), ("no_proxy", "b")], Some("http://c:1")),
            (&[("ALL_PROXY", "socks5://c:1"), ("NO_PROXY", "*")], None),
        ] {
            assert_eq!(proxy_in(variables).unwrap().as_deref(), expected, "{variables:?}");
        }
        let error = proxy_in(&[("ALL_PROXY", "socks5://u:secret@c:1")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ALL_PROXY: it is a socks5:// proxy; only http:// proxies are known"
        );
    }

    /// J-104.
    #[test]
    fn this_machine_is_behind_no_proxy_of_the_environment_but_behind_one_that_is_given() {
        let local: Endpoint = "127.0.0.1:8883".parse().unwrap();
        let everywhere = |_: &str| Some("http://b:1".to_owned());

        let from_environment =
            Route::default().through_environment(&local, &[8883], everywhere).unwrap();
        let given = Route::default().through("http://b:1".parse().unwrap());

        assert_eq!(from_environment.proxy_for(&local), None);
        assert!(given.proxy_for(&local).is_some());
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rules = ["b.net::c.net:", "a.net:1:x:", "a.net::y:2", "::z:"];
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let route = Route::default().with_connect_to(rules);

        let destination = route.destination(&"a.net:8883".parse().unwrap());

        assert_eq!(destination.to_string(), "y:2");
    }
}
