//! What the page of `serve` can do that only the program can: let a simulated device register.

use crate::support::browser::{Browser, unescaped};
use crate::support::cli::{HUB, Machine};

#[tokio::test(flavor = "multi_thread")]
async fn j_253_a_simulated_device_registers_from_the_page_and_its_conversation_is_linked() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s", "--admin-port", "0"]);
    let address = serve.ready["admin"].as_str().unwrap().parse().unwrap();
    let browser = Browser::open(address).await;
    let page = browser.get("/ui/try").await;
    page.has("value=\"contoso-toaster-007\"").has("value=\"contoso-heatpump-088\"");

    let toaster = browser.post("/ui/try/device", &[("sample", "contoso-toaster-007")]).await;
    let heat_pump = browser.post("/ui/try/device", &[("sample", "contoso-heatpump-088")]).await;
    let own = [("id", "sim-1"), ("transport", "https"), ("payload", "{\"n\":1.50}")];
    let own = browser.post("/ui/try/device", &own).await;
    let amqp = [("id", "sim-2"), ("transport", "amqp")];
    let amqp = browser.post("/ui/try/device", &amqp).await;

    toaster.has("PROV_DEVICE_REG_STATUS_ASSIGNING").has(HUB).has("/ui/registration/1");
    assert!(unescaped(&toaster.body).contains("deviceId: contoso-toaster-007"), "{toaster:?}");
    heat_pump.has("Not assigned").has("status code: 400").has("/ui/registration/2");
    own.has(">Assigned<").has("/ui/registration/3");
    amqp.has(">Assigned<").has("/ui/registration/4").has("value=\"amqp\" selected");
    let entry = browser.get("/journal?after=2").await;
    entry.has("\"transport\":\"https\"").has("1.50").has("\"transport\":\"amqp\"");
    for (fields, said) in [
        (&[("id", "")][..], "registration ID"),
        (&[("id", "a"), ("enrollment", "nobody")], "There is no enrollment"),
        (&[("id", "a"), ("payload", "{")], "not JSON"),
    ] {
        let wrong = browser.post("/ui/try/device", fields).await;
        assert_eq!(wrong.status, 400, "{fields:?}");
        wrong.has(said);
    }
}
