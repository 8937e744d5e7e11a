//! A device that provisions itself and goes on to its hub: twin, reported properties, telemetry, and
//! a change of the desired properties that the back end makes.
//!
//! ```text
//! cargo run --example hub
//! ```
//!
//! The hub is the one behind a [`LocalService`]; for Azure, take the settings of the example `device`
//! and leave out the gateway.

#![allow(clippy::print_stdout, reason = "what an example has to show")]

use std::error::Error;

use provision_sim::LocalService;
use provision_sim::device::{HubClient, HubSettings, ProvisioningClient};
use provision_sim::service::{HubKey, TwinChange, TwinVerb};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = LocalService::start().await?;
    let settings = service.device_settings(&"pump-1".parse()?);
    let registered = ProvisioningClient::new(settings.clone()).register(&mut |_| ()).await?;

    // The hub's name leads nowhere on this machine: the service is dialled in its place.
    let hub = HubSettings::assigned(&settings, &registered)?.through(&service.endpoint());
    let hub = HubClient::connect(&hub).await?;
    // Before the twin is read, so that no change is missed in between.
    let mut changes = hub.desired_changes();
    println!("desired: {:?}", hub.twin().await?.desired);

    let reported = json!({ "fw": "12.0.2.5", "uptime": null });
    let version = hub.report(reported.as_object().ok_or("an object")?).await?;
    println!("reported, now version {}", version.unwrap_or_default());
    hub.send(br#"{"temperature":21.5}"#.to_vec()).await?;
    println!("telemetry sent");

    // What a back end does with `PATCH /twins/pump-1`.
    let change = TwinChange::read(br#"{"properties":{"desired":{"interval":30}}}"#)?;
    let key = HubKey::new(&registered.assigned_hub, &registered.device_id);
    service.service().hubs().change_twin(&key, &change, TwinVerb::Patch, |_| Ok(())).await?;
    let change = changes.next().await?;
    println!("desired, now version {}: {}", change.version, json!(change.patch));
    hub.close().await;
    Ok(())
}
