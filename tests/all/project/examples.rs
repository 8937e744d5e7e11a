//! The examples do what they say.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use provision_sim::LocalService;

fn example(name: &str) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_provision-sim"));
    let folder: PathBuf = binary.parent().expect("a folder").join("examples");
    let path = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        path.exists(),
        "cargo test builds the examples, cargo test --test all does not: cargo build --examples"
    );
    Command::new(path)
}

#[track_caller]
fn told(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn the_device_registers_with_what_the_environment_says() {
    let service = LocalService::start().await.unwrap();
    let id = "pump-1".parse().unwrap();
    let mut device = example("device");
    device
        .env("IOTHUB_DEVICE_DPS_ENDPOINT", service.endpoint().to_string())
        .env("SSL_CERT_FILE", service.ca_file())
        .env("IOTHUB_DEVICE_DPS_ID_SCOPE", service.id_scope().as_str())
        .env("IOTHUB_DEVICE_DPS_DEVICE_ID", "pump-1");

    let good =
        device.env("IOTHUB_DEVICE_DPS_DEVICE_KEY", service.device_key(&id).to_base64().as_str());
    let good = good.output().unwrap();
    let other = service.device_key(&"pump-2".parse().unwrap());
    let bad =
        device.env("IOTHUB_DEVICE_DPS_DEVICE_KEY", other.to_base64().as_str()).output().unwrap();

    let hub = LocalService::DEFAULT_HUB;
    assert!(told(&good).ends_with(&format!("pump-1 is assigned to {hub}\n")), "{good:?}");
    assert!(!bad.status.success());
    assert!(String::from_utf8_lossy(&bad.stderr).contains("check the key"), "{bad:?}");
}

#[test]
fn the_test_with_its_own_service_passes() {
    let told = told(&example("local_service").output().unwrap());

    assert!(told.contains("toaster-1 is assigned to hub-east.azure-devices.net\n"), "{told}");
    assert!(told.contains("heatpump-1 is not: "), "{told}");
}

#[test]
fn the_device_on_its_hub_hears_of_the_change_that_it_waits_for() {
    let told = told(&example("hub").output().unwrap());

    assert!(told.contains("reported, now version 2\n"), "{told}");
    assert!(told.ends_with("desired, now version 2: {\"interval\":30,\"$version\":2}\n"), "{told}");
}
