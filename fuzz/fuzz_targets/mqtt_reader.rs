//! Nothing makes the strict reader panic, and whatever it accepts rumqttc's reader accepts too, but
//! for binary passwords, which rumqttc refuses although they are legal.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use provision_sim::service::endpoint::mqtt::codec::{Packet, read};

const MAX_PACKET: usize = 100 * 1024;

fuzz_target!(|data: &[u8]| {
    let mut ours = BytesMut::from(data);
    let Ok(Some(packet)) = read(&mut ours, MAX_PACKET) else { return };
    if let Packet::Connect(connect) = &packet
        && connect.password.as_ref().is_some_and(|password| std::str::from_utf8(password).is_err())
    {
        return;
    }
    let mut oracle = BytesMut::from(data);
    rumqttc::mqttbytes::v4::Packet::read(&mut oracle, MAX_PACKET).expect("rumqttc is more lenient");
    assert_eq!(ours, oracle, "both take the same bytes");
});
