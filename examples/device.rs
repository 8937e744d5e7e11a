//! A device that provisions itself, on Azure or here, with the group's or its own key.
//!
//! ```text
//! export IOTHUB_DEVICE_DPS_ID_SCOPE=0ne00012345 IOTHUB_DEVICE_DPS_DEVICE_ID=pump-1
//! export IOTHUB_DEVICE_DPS_DEVICE_KEY=…
//! cargo run --example device --no-default-features --features device
//! ```
//!
//! For `provision-sim serve` on this machine set `IOTHUB_DEVICE_DPS_ENDPOINT=localhost:8883` and
//! `SSL_CERT_FILE` to its CA file as well.

#![allow(clippy::print_stdout, reason = "what an example has to show")]

use std::env;
use std::error::Error;

use provision_sim::device::{Class, Credential, Notice, ProvisioningClient, Settings, Transport};
use provision_sim::net::{Trust, client_config};
use provision_sim::wire::GLOBAL_ENDPOINT;

fn settings() -> Result<Settings, Box<dyn Error>> {
    let host =
        env::var("IOTHUB_DEVICE_DPS_ENDPOINT").unwrap_or_else(|_| GLOBAL_ENDPOINT.to_owned());
    let trust = match env::var_os("SSL_CERT_FILE") {
        Some(path) => Trust::File(path.into()),
        None => Trust::System,
    };
    Ok(Settings {
        transport: Transport::Mqtt,
        payload: Some(r#"{"fw":"12.0.2.5"}"#.parse()?),
        ..Settings::new(
            host.parse()?,
            env::var("IOTHUB_DEVICE_DPS_ID_SCOPE")?.parse()?,
            env::var("IOTHUB_DEVICE_DPS_DEVICE_ID")?.parse()?,
            Credential::SymmetricKey(env::var("IOTHUB_DEVICE_DPS_DEVICE_KEY")?.parse()?),
            client_config(&trust)?,
        )
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut notify = |notice| {
        if let Notice::Assigning { wait, .. } = notice {
            println!("assigning; asking again in {wait:?}");
        }
    };
    match ProvisioningClient::new(settings()?).register(&mut notify).await {
        Ok(it) => println!("{} is assigned to {}", it.device_id, it.assigned_hub),
        // `class` says who has to do something about it.
        Err(error) if error.class() == Class::Identity => {
            return Err(format!("check the key: {error}").into());
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
