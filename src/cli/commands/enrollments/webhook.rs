//! Webhooks that the local service calls by a name, because their address is new at each start: the
//! tutorial's function (J-221).

use serde_json::Value;

use crate::cli::local::NamedWebhooks;
use crate::cli::report::Report;
use crate::contoso::FUNCTION_URL;

/// The webhooks that the service has names for.
pub(super) struct Webhooks {
    named: NamedWebhooks,
    is_local: bool,
}

impl Webhooks {
    /// Those of the service on this machine.
    pub(super) fn here(named: NamedWebhooks) -> Self {
        Self { named, is_local: true }
    }

    /// A service elsewhere has none.
    pub(super) fn there() -> Self {
        Self { named: NamedWebhooks::new(), is_local: false }
    }

    /// Puts the address of a webhook in the place of its name. `input` is where the record comes from,
    /// for the error.
    ///
    /// # Errors
    ///
    /// If the service has no such webhook.
    pub(super) fn place(&self, input: &str, record: &mut Value) -> Result<(), Report> {
        let Some(url) = url_of(record) else { return Ok(()) };
        let Some(name) = url.as_str() else { return Ok(()) };
        if let Some(address) = self.named.get(name) {
            *url = address.as_str().into();
            return Ok(());
        }
        if !is_name(name) {
            return Ok(());
        }
        let report = Report::usage(format!("{input}: the service has no function {FUNCTION_URL}"));
        Err(if self.is_local {
            report
                .cause("no enrollment of the configuration that it was started with has it as webhookUrl")
                .remedy("start `provision-sim serve` without --config, or give the address of a function")
        } else {
            report
                .cause("the name stands for the tutorial's function, which only `provision-sim serve` runs")
                .remedy("give --local, or the https address of a function")
        })
    }

    /// Puts the name of a webhook back in the place of its address, which is another one next time.
    pub(super) fn name(&self, record: &mut Value) {
        let Some(url) = url_of(record) else { return };
        let name = self.named.iter().find(|(_, address)| url.as_str() == Some(address.as_str()));
        if let Some((name, _)) = name {
            *url = name.as_str().into();
        }
    }
}

/// Whether it stands for a webhook instead of being its address.
pub(super) fn is_name(url: &str) -> bool {
    url == FUNCTION_URL
}

fn url_of(record: &mut Value) -> Option<&mut Value> {
    record.get_mut("customAllocationDefinition")?.get_mut("webhookUrl")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use zeroize::Zeroizing;

    use super::*;

    fn record(url: &str) -> Value {
        json!({ "customAllocationDefinition": { "webhookUrl": url } })
    }

    #[test]
    fn j_221_a_name_becomes_an_address_and_an_address_a_name() {
        let address = "http://127.0.0.1:7/api/HttpTrigger1?code=s3cret";
        let named = [(FUNCTION_URL.to_owned(), Zeroizing::new(address.to_owned()))];
        let here = Webhooks::here(named.into());
        for (written, sent) in
            [(FUNCTION_URL, address), ("https://a.example/", "https://a.example/")]
        {
            let mut written_record = record(written);
            here.place("--webhook-url", &mut written_record).unwrap();
            assert_eq!(written_record, record(sent));
            here.name(&mut written_record);
            assert_eq!(written_record, record(written));
        }
        let mut none = json!({ "customAllocationDefinition": null });
        here.place("--webhook-url", &mut none).unwrap();
    }

    #[test]
    fn j_221_a_service_without_the_function_is_not_sent_its_name() {
        for webhooks in [Webhooks::there(), Webhooks::here(NamedWebhooks::new())] {
            let report =
                webhooks.place("dps.json, record 1", &mut record(FUNCTION_URL)).unwrap_err();
            assert!(report.message.starts_with("dps.json, record 1: "), "{report:?}");
            webhooks.place("", &mut record("https://a.example/")).unwrap();
        }
    }
}
