//! The MQTT reader and writer held against valid packets, mutations of them, noise, and rumqttc as
//! an oracle.
//!
//! One rule each is tested beside the code; here it is shown that nothing else gets through.

use provision_sim::service::endpoint::mqtt::codec as mqtt;
use provision_sim::wire::ConnectCode;

use bytes::{BufMut, BytesMut};
use mqtt::{Connect, Packet, Publish, QoS, SubAck, Subscribe, Unsubscribe, Violation};
use mqtt::{Will, read, write};
use proptest::prelude::*;
use rumqttc::mqttbytes::v4 as oracle;

/// Larger than any packet here, mutations of the remaining length aside.
const MAX_PACKET: usize = 4096;

// --- Valid packets ---

/// Valid packets as they are sent, and as they are understood.
fn valid_packets() -> Vec<(&'static str, Packet)> {
    let mut packets = valid_connects();
    packets.extend(valid_publishes());
    packets.extend(valid_subscriptions());
    packets.extend([
        ("40 02 0001", Packet::PubAck(1)),
        ("50 02 00ff", Packet::PubRec(255)),
        ("62 02 0100", Packet::PubRel(256)),
        ("70 02 ffff", Packet::PubComp(u16::MAX)),
        ("c0 00", Packet::PingReq),
        ("e0 00", Packet::Disconnect),
    ]);
    packets
}

fn valid_connects() -> Vec<(&'static str, Packet)> {
    let plain = Connect {
        client_id: "dev".to_owned(),
        clean_session: true,
        keep_alive: 60,
        will: None,
        user_name: None,
        password: None,
    };
    let anonymous = Connect { client_id: String::new(), keep_alive: 0, ..plain.clone() };
    let lasting =
        Connect { clean_session: false, user_name: Some("me".to_owned()), ..plain.clone() };
    let binary =
        Connect { user_name: Some(String::new()), password: Some(vec![0xff, 0]), ..plain.clone() };
    let empty =
        Connect { user_name: Some("me".to_owned()), password: Some(Vec::new()), ..plain.clone() };
    let will = |payload: &[u8], qos, retain| {
        let (topic, payload) = ("w/t".to_owned(), payload.to_vec());
        Some(Will { topic, payload, qos, retain })
    };
    let silent = Connect { will: will(b"", QoS::AtMostOnce, false), ..plain.clone() };
    let full = Connect {
        will: will(b"\xff\x00", QoS::ExactlyOnce, true),
        user_name: Some("ü".to_owned()),
        password: Some(b"pw".to_vec()),
        ..plain.clone()
    };
    vec![
        ("10 0f 00044d515454 04 02 003c 0003646576", Packet::Connect(plain)),
        ("10 0c 00044d515454 04 02 0000 0000", Packet::Connect(anonymous)),
        ("10 13 00044d515454 04 80 003c 0003646576 00026d65", Packet::Connect(lasting)),
        ("10 15 00044d515454 04 c2 003c 0003646576 0000 0002ff00", Packet::Connect(binary)),
        ("10 15 00044d515454 04 c2 003c 0003646576 00026d65 0000", Packet::Connect(empty)),
        ("10 16 00044d515454 04 06 003c 0003646576 0003772f74 0000", Packet::Connect(silent)),
        (
            "10 20 00044d515454 04 f6 003c 0003646576 0003772f74 0002ff00 0002c3bc 00027077",
            Packet::Connect(full),
        ),
    ]
}

fn valid_publishes() -> Vec<(&'static str, Packet)> {
    let plain = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "$dps/a/?$rid=1&x=y".to_owned(),
        packet_id: None,
        payload: b"{}".to_vec(),
    };
    let retained =
        Publish { retain: true, topic: "/".to_owned(), payload: Vec::new(), ..plain.clone() };
    let confirmed = Publish { qos: QoS::AtLeastOnce, packet_id: Some(0x1234), ..plain.clone() };
    let repeated = Publish {
        dup: true,
        retain: true,
        qos: QoS::ExactlyOnce,
        packet_id: Some(1),
        ..retained.clone()
    };
    vec![
        ("30 16 0012 246470732f612f3f247269643d3126783d79 7b7d", Packet::Publish(plain)),
        ("31 03 0001 2f", Packet::Publish(retained)),
        ("32 18 0012 246470732f612f3f247269643d3126783d79 1234 7b7d", Packet::Publish(confirmed)),
        ("3d 05 0001 2f 0001", Packet::Publish(repeated)),
    ]
}

fn valid_subscriptions() -> Vec<(&'static str, Packet)> {
    let filters = ["#", "+/b", "$a/#"].map(str::to_owned);
    let [all, single, multi] = filters.clone();
    let wanted =
        vec![(all, QoS::AtMostOnce), (single, QoS::AtLeastOnce), (multi, QoS::ExactlyOnce)];
    let one = vec![("a".to_owned(), QoS::AtLeastOnce)];
    vec![
        ("82 06 0001 000161 01", Packet::Subscribe(Subscribe { packet_id: 1, filters: one })),
        (
            "82 13 000a 000123 00 00032b2f62 01 00042461 2f23 02",
            Packet::Subscribe(Subscribe { packet_id: 10, filters: wanted }),
        ),
        (
            "a2 10 000b 000123 00032b2f62 000424612f23",
            Packet::Unsubscribe(Unsubscribe { packet_id: 11, filters: filters.to_vec() }),
        ),
    ]
}

#[test]
fn valid_packets_are_read_and_encode_to_the_same_bytes() {
    for (hex, packet) in valid_packets() {
        assert_eq!(read_all(&unhex(hex)), Ok(Some(packet.clone())), "{hex}");
        assert_eq!(encode(&packet), unhex(hex), "{packet:?}");
    }
}

#[test]
fn packets_that_arrive_byte_by_byte_are_read_when_complete() {
    for (hex, packet) in valid_packets() {
        let bytes = unhex(hex);
        let mut buffer = BytesMut::new();
        for &byte in &bytes {
            assert_eq!(read(&mut buffer, MAX_PACKET), Ok(None), "{hex}");
            buffer.put_u8(byte);
        }
        assert_eq!(buffer, bytes[..], "an incomplete packet must be left alone");
        assert_eq!(read(&mut buffer, MAX_PACKET), Ok(Some(packet)), "{hex}");
        assert!(buffer.is_empty());
    }
}

// --- Mutations and noise ---

#[test]
fn whatever_is_accepted_of_mutated_packets_rumqttc_accepts_alike() {
    let mut rng = fastrand::Rng::with_seed(0x6d71_7474);
    let originals: Vec<Vec<u8>> = valid_packets().into_iter().map(|(hex, _)| unhex(hex)).collect();
    let mut accepted = 0;
    for _ in 0..300_000 {
        let mutant = mutate(&mut rng, &originals);
        if let Ok(Some(packet)) = read_all(&mutant) {
            assert_oracle_agrees(&mutant, &packet);
            accepted += 1;
        }
    }
    // A reader that refuses everything would pass otherwise.
    assert!((30_000..270_000).contains(&accepted), "{accepted} mutants were accepted");
}

#[test]
fn whatever_is_accepted_of_noise_rumqttc_accepts_alike() {
    let mut rng = fastrand::Rng::with_seed(0x6e6f_6973);
    for _ in 0..300_000 {
        let mut noise: Vec<u8> = (0..rng.usize(..48)).map(|_| rng.u8(..)).collect();
        if rng.bool() {
            mend_remaining_length(&mut noise);
        }
        if let Ok(Some(packet)) = read_all(&noise) {
            assert_oracle_agrees(&noise, &packet);
        }
    }
}

#[test]
fn a_verdict_on_the_first_bytes_stands_when_more_arrive() {
    let mut rng = fastrand::Rng::with_seed(0x6561_726c);
    let originals: Vec<Vec<u8>> = valid_packets().into_iter().map(|(hex, _)| unhex(hex)).collect();
    for _ in 0..20_000 {
        let mutant = mutate(&mut rng, &originals);
        let whole = read_all(&mutant);
        for end in 0..mutant.len() {
            let early = read_all(&mutant[..end]);
            assert!(
                early == Ok(None) || early == whole,
                "{mutant:02x?}: {early:?} at {end}, then {whole:?}"
            );
        }
    }
}

#[test]
fn a_length_alone_claims_no_memory() {
    let mut buffer = BytesMut::from(&unhex("30 ffffff7f 0001")[..]);
    let capacity = buffer.capacity();
    assert_eq!(read(&mut buffer, usize::MAX), Ok(None));
    assert_eq!(buffer.capacity(), capacity);
}

fn mutate(rng: &mut fastrand::Rng, originals: &[Vec<u8>]) -> Vec<u8> {
    let mut mutant = originals[rng.usize(..originals.len())].clone();
    for _ in 0..rng.usize(1..4) {
        mutate_once(rng, &mut mutant);
    }
    // Most mutants would die of their length alone; with it mended they get to the rules behind it.
    if rng.u8(..4) > 0 {
        mend_remaining_length(&mut mutant);
    }
    mutant
}

fn mutate_once(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    let at = rng.usize(..=bytes.len());
    match (rng.u8(..6), bytes.get_mut(at)) {
        (0, _) => bytes.insert(at, rng.u8(..)),
        (1, Some(_)) => drop(bytes.remove(at)),
        (2, _) if rng.bool() => bytes.truncate(at),
        (3, Some(byte)) => *byte = *rng.choice(b"\0\x01\x02#+/M\x7f\x80\xff").unwrap_or(&0),
        (_, Some(byte)) => *byte ^= 1 << rng.u8(..8),
        (_, None) => bytes.push(rng.u8(..)),
    }
}

/// Makes the second byte the remaining length of what follows, where one byte can say it.
fn mend_remaining_length(bytes: &mut [u8]) {
    if let [_, length, rest @ ..] = bytes
        && let Ok(mended @ ..=0x7f) = u8::try_from(rest.len())
    {
        *length = mended;
    }
}

// --- rumqttc as an oracle ---

fn assert_oracle_agrees(bytes: &[u8], ours: &Packet) {
    let mut buffer = BytesMut::from(bytes);
    match oracle::Packet::read(&mut buffer, MAX_PACKET) {
        Ok(theirs) => assert!(agree(ours, &theirs), "{bytes:02x?}: {ours:?}, but {theirs:?}"),
        // The standard has passwords be any bytes (section 3.1.3.5); rumqttc wants text.
        Err(rumqttc::mqttbytes::Error::TopicNotUtf8) if has_binary_password(ours) => {}
        Err(error) => panic!("{bytes:02x?}: {ours:?}, but {error}"),
    }
}

fn has_binary_password(packet: &Packet) -> bool {
    let Packet::Connect(Connect { password: Some(password), .. }) = packet else {
        return false;
    };
    std::str::from_utf8(password).is_err()
}

fn agree(ours: &Packet, theirs: &oracle::Packet) -> bool {
    match (ours, theirs) {
        (Packet::Connect(ours), oracle::Packet::Connect(theirs)) => agree_on_connect(ours, theirs),
        (Packet::Publish(ours), oracle::Packet::Publish(theirs)) => agree_on_publish(ours, theirs),
        (Packet::PubAck(id), oracle::Packet::PubAck(theirs)) => *id == theirs.pkid,
        (Packet::PubRec(id), oracle::Packet::PubRec(theirs)) => *id == theirs.pkid,
        (Packet::PubRel(id), oracle::Packet::PubRel(theirs)) => *id == theirs.pkid,
        (Packet::PubComp(id), oracle::Packet::PubComp(theirs)) => *id == theirs.pkid,
        (Packet::Subscribe(ours), oracle::Packet::Subscribe(theirs)) => {
            let filters =
                theirs.filters.iter().map(|filter| (filter.path.as_str(), filter.qos as u8));
            ours.packet_id == theirs.pkid
                && ours
                    .filters
                    .iter()
                    .map(|(filter, qos)| (filter.as_str(), *qos as u8))
                    .eq(filters)
        }
        (Packet::Unsubscribe(ours), oracle::Packet::Unsubscribe(theirs)) => {
            ours.packet_id == theirs.pkid && ours.filters == theirs.topics
        }
        (Packet::PingReq, oracle::Packet::PingReq) => true,
        (Packet::Disconnect, oracle::Packet::Disconnect) => true,
        _ => false,
    }
}

fn agree_on_connect(ours: &Connect, theirs: &oracle::Connect) -> bool {
    let wills = match (&ours.will, &theirs.last_will) {
        (Some(ours), Some(theirs)) => {
            (&ours.topic, &ours.payload[..], ours.qos as u8, ours.retain)
                == (&theirs.topic, &theirs.message[..], theirs.qos as u8, theirs.retain)
        }
        (ours, theirs) => ours.is_none() && theirs.is_none(),
    };
    // rumqttc does not tell a user name or password that is empty from one that is missing.
    let user_name = ours.user_name.as_deref().unwrap_or_default();
    let password = ours.password.as_deref().unwrap_or_default();
    let (their_name, their_password) = match &theirs.login {
        Some(login) => (login.username.as_str(), login.password.as_bytes()),
        None => ("", &b""[..]),
    };
    wills
        && (user_name, password) == (their_name, their_password)
        && (&ours.client_id, ours.clean_session, ours.keep_alive)
            == (&theirs.client_id, theirs.clean_session, theirs.keep_alive)
}

fn agree_on_publish(ours: &Publish, theirs: &oracle::Publish) -> bool {
    (ours.dup, ours.qos as u8, ours.retain) == (theirs.dup, theirs.qos as u8, theirs.retain)
        && (&ours.topic, &ours.payload[..]) == (&theirs.topic, &theirs.payload[..])
        && ours.packet_id.unwrap_or_default() == theirs.pkid
        && ours.packet_id.is_some() == (ours.qos != QoS::AtMostOnce)
}

// --- The writer ---

/// The one packet that `fill` writes, as rumqttc reads it.
fn understood(fill: impl FnOnce(&mut BytesMut)) -> oracle::Packet {
    let mut out = BytesMut::new();
    fill(&mut out);
    let packet = oracle::Packet::read(&mut out, usize::MAX).expect("a packet that rumqttc reads");
    assert!(out.is_empty(), "{out:?} was left over");
    packet
}

#[test]
fn rumqttc_understands_every_connack() {
    let codes = [
        (ConnectCode::Accepted, oracle::ConnectReturnCode::Success),
        (
            ConnectCode::UnacceptableProtocolVersion,
            oracle::ConnectReturnCode::RefusedProtocolVersion,
        ),
        (ConnectCode::IdentifierRejected, oracle::ConnectReturnCode::BadClientId),
        (ConnectCode::ServerUnavailable, oracle::ConnectReturnCode::ServiceUnavailable),
        (ConnectCode::BadUserNameOrPassword, oracle::ConnectReturnCode::BadUserNamePassword),
        (ConnectCode::NotAuthorized, oracle::ConnectReturnCode::NotAuthorized),
    ];
    for (ours, theirs) in codes {
        let packet = understood(|out| write::connack(out, false, ours));
        assert_eq!(packet, oracle::Packet::ConnAck(oracle::ConnAck::new(theirs, false)));
    }
    let packet = understood(|out| write::connack(out, true, ConnectCode::Accepted));
    let expected = oracle::ConnAck::new(oracle::ConnectReturnCode::Success, true);
    assert_eq!(packet, oracle::Packet::ConnAck(expected));
}

#[test]
fn rumqttc_understands_the_acknowledgements() {
    for id in [1, 0x1234, u16::MAX] {
        let puback = understood(|out| write::puback(out, id));
        assert_eq!(puback, oracle::Packet::PubAck(oracle::PubAck::new(id)));
        let unsuback = understood(|out| write::unsuback(out, id));
        assert_eq!(unsuback, oracle::Packet::UnsubAck(oracle::UnsubAck::new(id)));
    }
    assert_eq!(understood(write::pingresp), oracle::Packet::PingResp);
}

#[test]
fn rumqttc_understands_subacks_of_every_length() {
    for length in [1, 125, 126, 16_381, 16_382] {
        let mut answers = vec![SubAck::Failure; length];
        answers[0] = SubAck::Granted(QoS::AtLeastOnce);
        let packet = understood(|out| write::suback(out, 3, &answers).expect("a writable SUBACK"));
        let mut codes = vec![oracle::SubscribeReasonCode::Failure; length];
        codes[0] = oracle::SubscribeReasonCode::Success(rumqttc::mqttbytes::QoS::AtLeastOnce);
        assert_eq!(packet, oracle::Packet::SubAck(oracle::SubAck::new(3, codes)));
    }
}

#[test]
fn rumqttc_and_our_reader_understand_publishes_of_every_length() {
    for length in [0, 1, 120, 121, 122, 16_378, 16_379, 2_097_150] {
        for packet_id in [None, Some(1), Some(u16::MAX)] {
            let payload = vec![b'x'; length];
            let fill = |out: &mut BytesMut| {
                write::publish(out, "t/ü", &payload, packet_id).expect("a writable PUBLISH");
            };
            let ours = Packet::Publish(Publish {
                dup: false,
                qos: packet_id.map_or(QoS::AtMostOnce, |_| QoS::AtLeastOnce),
                retain: false,
                topic: "t/ü".to_owned(),
                packet_id,
                payload: payload.clone(),
            });
            assert!(agree(&ours, &understood(fill)), "{length} bytes, {packet_id:?}");
            let mut out = BytesMut::new();
            fill(&mut out);
            assert!(read(&mut out, usize::MAX) == Ok(Some(ours)), "{length} bytes, {packet_id:?}");
        }
    }
}

// --- Arbitrary packets ---

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn arbitrary_packets_are_read_as_they_were_written(packet in packet(), next in any::<[u8; 2]>()) {
        let bytes = encode(&packet);
        let mut buffer = BytesMut::from(&bytes[..]);
        buffer.put_slice(&next);
        prop_assert_eq!(read(&mut buffer, bytes.len()), Ok(Some(packet.clone())));
        prop_assert_eq!(&buffer[..], &next);
        assert_oracle_agrees(&bytes, &packet);
    }

    #[test]
    fn arbitrary_packets_are_refused_one_byte_over_the_limit(packet in packet()) {
        let bytes = encode(&packet);
        let (size, limit) = (bytes.len(), bytes.len() - 1);
        let verdict = read(&mut BytesMut::from(&bytes[..]), limit);
        prop_assert_eq!(verdict, Err(Violation::PacketTooLarge { size, limit }));
    }
}

fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), length).prop_map(|characters| {
        characters.into_iter().map(|c| if c == '\0' { '0' } else { c }).collect()
    })
}

fn topic_name() -> impl Strategy<Value = String> {
    text(1..40).prop_map(|topic| topic.replace(['#', '+'], "/"))
}

fn topic_filter() -> impl Strategy<Value = String> {
    let level = prop_oneof![Just("+".to_owned()), topic_name(), Just(String::new())];
    (prop::collection::vec(level, 1..5), any::<bool>()).prop_map(|(mut levels, multi)| {
        if multi || levels.concat().is_empty() {
            levels.push("#".to_owned());
        }
        levels.join("/")
    })
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]
}

fn binary() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

fn connect() -> impl Strategy<Value = Packet> {
    let will = (topic_name(), binary(), qos(), any::<bool>())
        .prop_map(|(topic, payload, qos, retain)| Will { topic, payload, qos, retain });
    let login = (text(0..20), prop::option::of(binary()));
    let fields =
        (text(0..30), any::<bool>(), any::<u16>(), prop::option::of(will), prop::option::of(login));
    fields.prop_map(|(client_id, clean, keep_alive, will, login)| {
        let clean_session = clean || client_id.is_empty();
        let (user_name, password) =
            login.map_or((None, None), |(name, password)| (Some(name), password));
        Packet::Connect(Connect { client_id, clean_session, keep_alive, will, user_name, password })
    })
}

fn publish() -> impl Strategy<Value = Packet> {
    let fields = (any::<bool>(), qos(), any::<bool>(), topic_name(), 1..=u16::MAX, binary());
    fields.prop_map(|(dup, qos, retain, topic, packet_id, payload)| {
        let confirmed = qos != QoS::AtMostOnce;
        let packet_id = confirmed.then_some(packet_id);
        Packet::Publish(Publish { dup: dup && confirmed, qos, retain, topic, packet_id, payload })
    })
}

fn packet() -> impl Strategy<Value = Packet> {
    let id = || 1..=u16::MAX;
    let filters = prop::collection::vec(topic_filter(), 1..6);
    let wanted = prop::collection::vec((topic_filter(), qos()), 1..6);
    prop_oneof![
        4 => connect(),
        4 => publish(),
        2 => (id(), wanted).prop_map(|(packet_id, filters)| Packet::Subscribe(Subscribe { packet_id, filters })),
        2 => (id(), filters).prop_map(|(packet_id, filters)| Packet::Unsubscribe(Unsubscribe { packet_id, filters })),
        1 => id().prop_map(Packet::PubAck),
        1 => id().prop_map(Packet::PubRec),
        1 => id().prop_map(Packet::PubRel),
        1 => id().prop_map(Packet::PubComp),
        1 => Just(Packet::PingReq),
        1 => Just(Packet::Disconnect),
    ]
}

// --- The client's side of the encoding ---

/// Reads from a copy of `bytes`.
fn read_all(bytes: &[u8]) -> Result<Option<Packet>, Violation> {
    read(&mut BytesMut::from(bytes), MAX_PACKET)
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two hex digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A client's encoder, written from the standard without a look at the reader.
fn encode(packet: &Packet) -> Vec<u8> {
    let acknowledgement = |first, id: u16| (first, id.to_be_bytes().to_vec());
    let (first, body) = match packet {
        Packet::Connect(connect) => (0x10, connect_body(connect)),
        Packet::Publish(publish) => (publish_first_byte(publish), publish_body(publish)),
        Packet::PubAck(id) => acknowledgement(0x40, *id),
        Packet::PubRec(id) => acknowledgement(0x50, *id),
        Packet::PubRel(id) => acknowledgement(0x62, *id),
        Packet::PubComp(id) => acknowledgement(0x70, *id),
        Packet::Subscribe(subscribe) => (0x82, subscribe_body(subscribe)),
        Packet::Unsubscribe(unsubscribe) => (0xa2, unsubscribe_body(unsubscribe)),
        Packet::PingReq => (0xc0, Vec::new()),
        Packet::Disconnect => (0xe0, Vec::new()),
    };
    [vec![first], remaining_length(body.len()), body].concat()
}

/// The algorithm that section 2.2.3 gives.
fn remaining_length(mut x: usize) -> Vec<u8> {
    let mut encoded = Vec::new();
    loop {
        let byte = (x % 128) as u8;
        x /= 128;
        if x == 0 {
            encoded.push(byte);
            return encoded;
        }
        encoded.push(byte | 128);
    }
}

fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short field");
    [&length.to_be_bytes(), bytes].concat()
}

fn connect_body(connect: &Connect) -> Vec<u8> {
    let mut flags = u8::from(connect.clean_session) << 1;
    let mut payload = prefixed(connect.client_id.as_bytes());
    if let Some(will) = &connect.will {
        flags |= 0x04 | (will.qos as u8) << 3 | u8::from(will.retain) << 5;
        payload.extend([prefixed(will.topic.as_bytes()), prefixed(&will.payload)].concat());
    }
    if let Some(name) = &connect.user_name {
        flags |= 0x80;
        payload.extend(prefixed(name.as_bytes()));
    }
    if let Some(password) = &connect.password {
        flags |= 0x40;
        payload.extend(prefixed(password));
    }
    [&prefixed(b"MQTT")[..], &[4, flags], &connect.keep_alive.to_be_bytes(), &payload].concat()
}

fn publish_first_byte(publish: &Publish) -> u8 {
    0x30 | u8::from(publish.dup) << 3 | (publish.qos as u8) << 1 | u8::from(publish.retain)
}

fn publish_body(publish: &Publish) -> Vec<u8> {
    let id = publish.packet_id.map_or(Vec::new(), |id| id.to_be_bytes().to_vec());
    [prefixed(publish.topic.as_bytes()), id, publish.payload.clone()].concat()
}

fn subscribe_body(subscribe: &Subscribe) -> Vec<u8> {
    let mut body = subscribe.packet_id.to_be_bytes().to_vec();
    for (filter, qos) in &subscribe.filters {
        body.extend(prefixed(filter.as_bytes()));
        body.push(*qos as u8);
    }
    body
}

fn unsubscribe_body(unsubscribe: &Unsubscribe) -> Vec<u8> {
    let id = unsubscribe.packet_id.to_be_bytes().to_vec();
    let filters = unsubscribe.filters.iter().map(|filter| prefixed(filter.as_bytes()));
    [id].into_iter().chain(filters).collect::<Vec<_>>().concat()
}
