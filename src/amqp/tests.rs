//! Bytes as real clients write them, and what the standard forbids.

use proptest::prelude::*;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn value(hex: &str) -> Result<Value, Violation> {
    read_value(&bytes(hex)).map(|(value, _)| value)
}

fn frame(hex: &str) -> Result<Option<(Frame, usize)>, Violation> {
    next_frame(&bytes(hex), Kind::Amqp, MIN_MAX_FRAME)
}

#[test]
fn each_form_of_each_type_is_read() {
    for (hex, expected) in [
        ("40", Value::Null),
        ("41", Value::Boolean(true)),
        ("5600", Value::Boolean(false)),
        ("50ff", Value::Ubyte(255)),
        ("600102", Value::Ushort(258)),
        ("43", Value::Uint(0)),
        ("5207", Value::Uint(7)),
        ("7000000007", Value::Uint(7)),
        ("44", Value::Ulong(0)),
        ("5307", Value::Ulong(7)),
        ("800000000000000007", Value::Ulong(7)),
        ("51ff", Value::Byte(-1)),
        ("61ffff", Value::Short(-1)),
        ("54ff", Value::Int(-1)),
        ("71fffffffe", Value::Int(-2)),
        ("55ff", Value::Long(-1)),
        ("81fffffffffffffffe", Value::Long(-2)),
        ("723f800000", Value::Float(1.0f32.to_bits())),
        ("823ff0000000000000", Value::Double(1.0f64.to_bits())),
        ("7300000041", Value::Char('A')),
        ("83000000000000000a", Value::Timestamp(10)),
        ("a00201ff", Value::Binary(vec![1, 255])),
        ("b0000000020102", Value::Binary(vec![1, 2])),
        ("a103616263", Value::text("abc")),
        ("b100000003616263", Value::text("abc")),
        ("a303616263", Value::symbol("abc")),
        ("45", Value::List(vec![])),
        ("c0030241 42", Value::List(vec![Value::Boolean(true), Value::Boolean(false)])),
        ("c105 02 5301 5302", Value::Map(vec![(Value::Ulong(1), Value::Ulong(2))])),
        ("e006 02 a3 0161 0162", Value::Array(vec![Value::symbol("a"), Value::symbol("b")])),
        ("005301 41", Value::Described(Value::Ulong(1).into(), Value::Boolean(true).into())),
    ] {
        assert_eq!(value(hex), Ok(expected), "{hex}");
    }
}

#[test]
fn what_the_standard_forbids_is_refused_with_its_section() {
    for (hex, rule) in [
        ("", "AMQP 1.0 part 1, 1.2"),
        ("01", "AMQP 1.0 part 1, 1.2"),
        ("5602", "AMQP 1.0 part 1, 1.6.2"),
        ("730000d800", "AMQP 1.0 part 1, 1.6.16"),
        ("a102c328", "AMQP 1.0 part 1, 1.6.20"),
        ("a302c3a4", "AMQP 1.0 part 1, 1.6.21"),
        ("c003 01 4142", "AMQP 1.0 part 1, 1.2.3"),
        ("c002 05 41", "AMQP 1.0 part 1, 1.2.3"),
        ("c102 01 41", "AMQP 1.0 part 1, 1.6.23"),
        ("c105 04 41414141", "AMQP 1.0 part 1, 1.6.23"),
        // Four billion values of no bytes each.
        ("f000000005ffffffff41", "AMQP 1.0 part 1, 1.2.3"),
    ] {
        let violation = value(hex).expect_err(hex);
        assert_eq!(violation.rule(), rule, "{hex}: {violation}");
    }
    let long = format!("e0ff 02 00 a3c8 {} 41", "61".repeat(200));
    assert!(value(&format!("{long}{}", "00".repeat(60))).is_err());
    let nested = "00".repeat(64);
    assert!(matches!(value(&nested), Err(Violation::Depth { .. })));
    for open in ["c0ff01", "d0000000ff00000001"] {
        assert!(value(&open.repeat(100)).is_err());
    }
}

#[test]
fn frames_that_are_too_large_too_small_or_of_another_type_are_refused() {
    assert_eq!(frame("0000"), Ok(None));
    assert_eq!(frame("00000010 02000000"), Ok(None));
    assert_eq!(frame("00000008 02000000"), Ok(Some((Frame::Empty, 8))));
    for (hex, rule) in [
        ("ffffffff", "AMQP 1.0 part 2, 2.7.1"),
        ("00000007 02000000", "AMQP 1.0 part 2, 2.3.1"),
        ("00000008 01000000", "AMQP 1.0 part 2, 2.3.1"),
        ("00000008 03000000", "AMQP 1.0 part 2, 2.3.1"),
        ("00000008 02010000", "AMQP 1.0 part 2, 2.3.2"),
        ("00000009 02000000 41", "AMQP 1.0 part 2, 2.3.2"),
        ("0000000c 02000000 00537745", "AMQP 1.0 part 2, 2.3.2"),
        // open without container-id, and close with two members
        ("0000000c 02000000 00531045", "AMQP 1.0 part 1, 1.4"),
        ("00000010 02000000 005318c0 03024040", "AMQP 1.0 part 1, 1.4"),
        // close, and a byte behind it
        ("0000000d 02000000 00531845 40", "AMQP 1.0 part 2, 2.3.2"),
    ] {
        let violation = frame(hex).expect_err(hex);
        assert_eq!(violation.rule(), rule, "{hex}: {violation}");
    }
}

#[test]
fn sections_of_a_message_stand_in_order_and_once() {
    let data = "005375a00161";
    let read = |hex: String| Message::read(&bytes(&hex));

    assert_eq!(read(format!("{data}{data}")).unwrap().body, Body::Data(b"aa".to_vec()));
    for wrong in [
        format!("{data}00537741"),
        format!("{data}005374c10100"),
        "00537741 00537741".to_owned(),
        "41".to_owned(),
        "00530141".to_owned(),
    ] {
        assert!(matches!(read(wrong.clone()), Err(Violation::SectionOrder { .. })), "{wrong}");
    }
}

#[test]
fn nothing_that_may_be_secret_is_in_what_is_printed() {
    let message =
        Message { body: Body::Data(b"SharedAccessSignature".to_vec()), ..Message::default() };
    let transfer = Transfer { payload: message.clone().write(), ..Transfer::default() };
    let init = Sasl::Init {
        mechanism: Symbol::known("PLAIN"),
        response: Some(b"SharedAccessSignature".to_vec()),
        hostname: None,
    };
    let value = Value::text("SharedAccessSignature");

    assert!(!format!("{message:?}{transfer:?}{init:?}{value:?}").contains("Shared"));
}

fn any_symbol() -> impl Strategy<Value = Symbol> {
    "[ -~]{0,20}".prop_map(|text| Symbol::new(text).unwrap())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<u8>().prop_map(Value::Ubyte),
        any::<u16>().prop_map(Value::Ushort),
        any::<u32>().prop_map(Value::Uint),
        any::<u64>().prop_map(Value::Ulong),
        any::<i8>().prop_map(Value::Byte),
        any::<i16>().prop_map(Value::Short),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        any::<u32>().prop_map(Value::Float),
        any::<u64>().prop_map(Value::Double),
        any::<[u8; 16]>().prop_map(|bytes| Value::Decimal(bytes.to_vec())),
        any::<char>().prop_map(Value::Char),
        any::<i64>().prop_map(Value::Timestamp),
        any::<[u8; 16]>().prop_map(Value::Uuid),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Binary),
        ".{0,80}".prop_map(Value::String),
        any_symbol().prop_map(Value::Symbol),
    ];
    leaf.prop_recursive(3, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            prop::collection::hash_map(any::<u32>(), inner.clone(), 0..8).prop_map(|map| {
                Value::Map(map.into_iter().map(|(k, v)| (Value::Uint(k), v)).collect())
            }),
            prop::collection::vec(any_symbol().prop_map(Value::Symbol), 0..8)
                .prop_map(Value::Array),
            prop::collection::vec(any::<u64>().prop_map(Value::Ulong), 0..8).prop_map(Value::Array),
            (any::<u64>(), inner).prop_map(|(code, value)| Value::Described(
                Box::new(Value::Ulong(code)),
                Box::new(value)
            )),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_that_was_written_is_read_again(value in any_value()) {
        let mut out = Vec::new();
        write_value(&value, &mut out);

        prop_assert_eq!(read_value(&out), Ok((value, out.len())));
    }

    #[test]
    fn arrays_of_lists_maps_and_arrays_are_read_again(lists in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..4), 1..4)) {
        let list = |numbers: &Vec<u32>| Value::List(numbers.iter().copied().map(Value::Uint).collect());
        let array = |numbers: &Vec<u32>| Value::Array(numbers.iter().copied().map(Value::Uint).collect());
        let map = |numbers: &Vec<u32>| Value::Map(vec![(Value::Null, list(numbers))]);
        for value in [
            Value::Array(lists.iter().map(list).collect()),
            Value::Array(lists.iter().filter(|numbers| !numbers.is_empty()).map(array).collect()),
            Value::Array(lists.iter().map(map).collect()),
        ] {
            let mut out = Vec::new();
            write_value(&value, &mut out);
            prop_assert_eq!(read_value(&out), Ok((value, out.len())));
        }
    }

    /// Neither is more made of strangers' bytes than there are of them, by far.
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = read_value(&bytes);
        let _ = Message::read(&bytes);
        for kind in [Kind::Amqp, Kind::Sasl] {
            let _ = next_frame(&bytes, kind, 1 << 20);
            let mut framed = (u32::try_from(bytes.len() + FRAME_HEADER).unwrap()).to_be_bytes().to_vec();
            framed.extend([2, u8::from(kind == Kind::Sasl), 0, 0]);
            framed.extend(&bytes);
            let _ = next_frame(&framed, kind, 1 << 20);
        }
    }

    /// One that was cut off, or has a byte changed, is refused or read, and never makes it panic.
    #[test]
    fn a_broken_value_is_no_trap(value in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut out = Vec::new();
        write_value(&value, &mut out);
        let at = at.index(out.len());
        prop_assert!(read_value(&out[..at]).is_err());
        out[at] = byte;
        // What is read all the same, in whatever form, is the same when it was written.
        if let Ok((value, _)) = read_value(&out) {
            let mut again = Vec::new();
            write_value(&value, &mut again);
            prop_assert_eq!(read_value(&again), Ok((value, again.len())));
        }
    }

    /// The same of a message.
    #[test]
    fn a_broken_message_is_no_trap(value in any_value(), text in ".{0,20}", at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let message = Message {
            annotations: vec![(Value::symbol("operation"), value.clone())],
            // Null is what is not there.
            properties: Properties {
                message_id: (value != Value::Null).then(|| value.clone()),
                to: Some(text),
                ..Properties::default()
            },
            application: vec![(Value::text("status"), value.clone())],
            body: Body::Value(value),
            ..Message::default()
        };
        let mut out = message.clone().write();
        prop_assert_eq!(Message::read(&out), Ok(message));
        let at = at.index(out.len());
        out[at] = byte;
        if let Ok(message) = Message::read(&out) {
            prop_assert_eq!(Message::read(&message.clone().write()), Ok(message));
        }
    }

    #[test]
    fn frames_are_found_wherever_the_bytes_are_cut(text in ".{0,40}", channel in any::<u16>(), payload in prop::collection::vec(any::<u8>(), 0..100)) {
        let frames = vec![
            Frame::Amqp(channel, Performative::Open(Open { container_id: text.clone(), ..Open::default() })),
            Frame::Empty,
            Frame::Amqp(channel, Performative::Transfer(Transfer { handle: 3, payload, ..Transfer::default() })),
            Frame::Amqp(channel, Performative::Attach(Attach {
                name: text.clone(),
                handle: 7,
                role: Role::Receiver,
                snd_settle_mode: Some(2),
                rcv_settle_mode: Some(0),
                source: Some(Terminus::at(text.clone())),
                target: Some(Terminus::default()),
                initial_delivery_count: None,
                max_message_size: None,
                properties: vec![(Value::symbol("com.microsoft:api-version"), Value::text("2019-03-31"))],
            })),
            Frame::Amqp(channel, Performative::Disposition(Disposition {
                role: Role::Receiver,
                first: 1,
                last: None,
                settled: true,
                state: Some(Outcome::Rejected(Some(Failure::new("amqp:not-found", text)))),
            })),
            Frame::Amqp(0, Performative::Close(Close::default())),
        ];
        let mut out = Vec::new();
        frames.iter().cloned().for_each(|frame| frame.write(&mut out));
        let mut read = Vec::new();
        let mut buffer = Vec::new();
        for byte in out {
            buffer.push(byte);
            if let Some((frame, size)) = next_frame(&buffer, Kind::Amqp, 4096).unwrap() {
                prop_assert_eq!(size, buffer.len());
                buffer.clear();
                read.push(frame);
            }
        }
        prop_assert_eq!(read, frames);
    }
}

#[test]
fn a_batch_says_how_many_messages_it_stands_for() {
    let mut bytes = Vec::new();
    for part in [b"one", b"two"] {
        let section =
            Value::Described(Box::new(Value::Ulong(0x75)), Box::new(Value::Binary(part.to_vec())));
        write_value(&section, &mut bytes);
    }

    let batch = Message::read_as(&bytes, BATCH_FORMAT).unwrap();

    assert_eq!((batch.batch, batch.body), (Some(2), Body::Data(b"onetwo".to_vec())));
    assert_eq!(Message::read(&bytes).unwrap().batch, None);
}

#[test]
fn what_a_message_says_of_itself_comes_back() {
    let message = Message {
        properties: Properties {
            message_id: Some(Value::Uuid([7; 16])),
            user_id: Some(b"hub".to_vec()),
            to: Some("/devices/pump/messages/deviceBound".to_owned()),
            content_type: Symbol::new("application/json"),
            content_encoding: Symbol::new("utf-8"),
            absolute_expiry_time: Some(1_700_000_000_000),
            ..Properties::default()
        },
        ..Message::default()
    };

    assert_eq!(Message::read(&message.clone().write()), Ok(message));
}
