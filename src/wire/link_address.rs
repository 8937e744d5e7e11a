//! The address of a link over AMQP, before which C and .NET write `amqps://HOST`, Java a slash.

/// The host without its port, if there is one, and what stands behind it.
pub(super) fn split_host(text: &str) -> (Option<&str>, &str) {
    let is_scheme = |scheme: &&str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let Some(scheme) = ["amqps://", "amqp://"].into_iter().find(is_scheme) else {
        return (None, text);
    };
    let (authority, path) = text[scheme.len()..].split_once('/').unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    (Some(host), path)
}
