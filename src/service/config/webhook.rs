//! Webhooks that configurations call by a name, because their address is new at each start.

use std::borrow::Cow;

use super::written::EnrollmentConfig;
use crate::service::enrollment::WebhookUrl;

/// Which address each name stands for this time. The only place that turns one into the other.
#[derive(Debug, Clone, Default)]
pub(in crate::service) struct NamedWebhooks(Vec<NamedWebhook>);

#[derive(Debug, Clone)]
struct NamedWebhook {
    /// What stands in the place of `webhookUrl`.
    name: String,
    /// Where it is this time.
    address: WebhookUrl,
}

impl NamedWebhooks {
    /// Says where the webhook of this name is.
    pub(in crate::service) fn place(&mut self, name: &str, address: WebhookUrl) {
        self.0.retain(|webhook| webhook.name != name);
        self.0.push(NamedWebhook { name: name.to_owned(), address });
    }

    /// Where the webhook of this name is.
    pub(in crate::service) fn address(&self, name: &str) -> Option<&WebhookUrl> {
        self.0.iter().find(|webhook| webhook.name == name).map(|webhook| &webhook.address)
    }

    /// What configurations call the webhook at this address.
    pub(in crate::service) fn name(&self, address: &WebhookUrl) -> Option<&str> {
        self.0.iter().find(|webhook| webhook.address == *address).map(|webhook| &*webhook.name)
    }

    /// All of them, with where they are.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &WebhookUrl)> {
        self.0.iter().map(|webhook| (&*webhook.name, &webhook.address))
    }

    /// The enrollment with the address of its webhook in the place of a name.
    pub(super) fn resolve<'a>(&self, written: &'a EnrollmentConfig) -> Cow<'a, EnrollmentConfig> {
        let name = if self.0.is_empty() { None } else { written.webhook_url() };
        match name.and_then(|name| self.address(&name)) {
            Some(address) => Cow::Owned(written.with_webhook_url(address.as_written())),
            None => Cow::Borrowed(written),
        }
    }
}
