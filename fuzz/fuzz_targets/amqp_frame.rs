//! Nothing makes the reader of AMQP frames panic, and what it takes is the same when it was written and
//! is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::amqp::{Kind, Message, next_frame, read_value, write_value};

const MAX_FRAME: usize = 64 * 1024;

fuzz_target!(|data: &[u8]| {
    for kind in [Kind::Amqp, Kind::Sasl] {
        let Ok(Some((frame, size))) = next_frame(data, kind, MAX_FRAME) else { continue };
        assert!(size <= data.len());
        let mut written = Vec::new();
        frame.clone().write(&mut written);
        let (again, length) = next_frame(&written, kind, usize::MAX)
            .expect("what was written is right")
            .expect("what was written is whole");
        assert_eq!((again, length), (frame, written.len()));
    }
    if let Ok((value, _)) = read_value(data) {
        let mut written = Vec::new();
        write_value(&value, &mut written);
        assert_eq!(read_value(&written), Ok((value, written.len())));
    }
    if let Ok(message) = Message::read(data) {
        assert_eq!(Message::read(&message.clone().write()), Ok(message));
    }
});
