//! What a test with its own service looks like: an allocation function as a closure, enrollments, and
//! what is expected to happen.
//!
//! ```text
//! cargo run --example local_service
//! ```

#![allow(clippy::print_stdout, reason = "what an example has to show")]

use std::error::Error;

use provision_sim::device::ProvisioningClient;
use provision_sim::{AllocationAnswer, EnrollmentBuilder, Expectation, LocalService};

const EAST: &str = "hub-east.azure-devices.net";
const WEST: &str = "hub-west.azure-devices.net";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = LocalService::builder()
        .hub(EAST)
        .hub(WEST)
        .enrollment(EnrollmentBuilder::group("pumps").static_hub(WEST))
        .allocation_function(|request| {
            match request["deviceRuntimeContext"]["payload"]["model"].as_str() {
                Some("toaster") => AllocationAnswer::hub(EAST),
                _ => AllocationAnswer::refuse("toasters only"),
            }
        })
        .start()
        .await?;
    service.expect(Expectation::registration("toaster-1").assigned_to(EAST).times(1));

    // Yours is the device under test. It gets its address, ID scope, CA and key from the service.
    println!("MQTT at {}, CA in {}", service.mqtt_address(), service.ca_file().display());
    let mut settings = service.device_settings(&"toaster-1".parse()?);
    settings.payload = Some(r#"{"model":"toaster"}"#.parse()?);
    let registered = ProvisioningClient::new(settings.clone()).register(&mut |_| ()).await?;
    println!("toaster-1 is assigned to {}", registered.assigned_hub);

    settings.payload = Some(r#"{"model":"heat pump"}"#.parse()?);
    settings.registration_id = "heatpump-1".parse()?;
    settings.credential = service.device_settings(&settings.registration_id).credential;
    match ProvisioningClient::new(settings).register(&mut |_| ()).await {
        Ok(_) => return Err("a heat pump was accepted".into()),
        Err(error) => println!("heatpump-1 is not: {error}"),
    }

    // Panics, with the whole conversation, if the expectation was not met.
    service.verify().await;
    Ok(())
}
