//! Messages from back ends to a device, kept until it has taken them (I).

use std::collections::VecDeque;
use std::sync::Arc;

/// Messages that wait for one device, at most: IoT Hub's limit.
pub(super) const MAX_WAITING: usize = 50;

/// A message to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceMessage {
    /// Its properties, as they stand behind the topic: URL-encoded.
    pub properties: String,
    /// What it says.
    pub body: Vec<u8>,
}

/// A message with its number: each of a device has a higher one than those before it.
pub type NumberedMessage = (u64, Arc<DeviceMessage>);

/// The messages that wait for one device, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: VecDeque<NumberedMessage>,
    numbers: u64,
}

impl Mailbox {
    /// Whether there was room.
    pub(super) fn put(&mut self, message: DeviceMessage) -> bool {
        if self.waiting.len() >= MAX_WAITING {
            return false;
        }
        self.numbers += 1;
        self.waiting.push_back((self.numbers, Arc::new(message)));
        true
    }

    /// Those behind a number.
    pub(super) fn after(&self, number: u64) -> Vec<NumberedMessage> {
        self.waiting.iter().filter(|(own, _)| *own > number).cloned().collect()
    }

    /// The device has taken a message.
    pub(super) fn complete(&mut self, number: u64) {
        self.waiting.retain(|(own, _)| *own != number);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> DeviceMessage {
        DeviceMessage { properties: String::new(), body: body.into() }
    }

    #[test]
    fn i_fifty_messages_wait_in_order_until_they_are_taken() {
        let mut mailbox = Mailbox::default();
        let taken: Vec<_> = (0..51).map(|n| mailbox.put(message(&n.to_string()))).collect();

        assert_eq!((taken[49], taken[50]), (true, false));
        mailbox.complete(1);
        assert!(mailbox.put(message("last")), "there is room again");
        let behind: Vec<_> = mailbox.after(49).into_iter().map(|(number, _)| number).collect();
        assert_eq!((behind.as_slice(), mailbox.len()), (&[50, 51][..], 50));
    }
}
