//! What a program prints, bounded and without secrets.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroizing;

/// Most bytes that are kept of one stream (J-321): the last ones, where what went wrong stands.
const MAX_KEPT: usize = 64 * 1024;
/// What stands in the place of a secret.
const MASKED: &str = "****";

/// What a program has printed so far. Clones are of the same.
#[derive(Debug, Clone, Default)]
pub struct Printed(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    dropped: usize,
}

impl Printed {
    /// Takes in a stream until it ends.
    pub(super) async fn take_in(self, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 8 * 1024];
        // A stream that breaks has ended.
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            self.add(buffer.get(..count).unwrap_or_default());
        }
    }

    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes.extend_from_slice(bytes);
        // Twice as much, so that not every byte moves all others.
        if kept.bytes.len() > 2 * MAX_KEPT {
            kept.cut();
        }
    }

    /// All that is kept of it, without these secrets; what is no text is replaced.
    pub fn text(&self, secrets: &[Zeroizing<String>]) -> String {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.cut();
        let mut text = String::from_utf8_lossy(&kept.bytes).into_owned();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret.as_str(), MASKED);
        }
        match kept.dropped {
            0 => text,
            dropped => format!("({dropped} bytes before this are not kept)\n{text}"),
        }
    }
}

impl Kept {
    fn cut(&mut self) {
        let surplus = self.bytes.len().saturating_sub(MAX_KEPT);
        if surplus == 0 {
            return;
        }
        // A whole line where there is one: half a secret would not be found.
        let line = memchr::memchr(b'\n', self.bytes.get(surplus..).unwrap_or_default());
        let surplus = line.map_or(self.bytes.len(), |end| surplus + end + 1);
        self.bytes.drain(..surplus);
        self.dropped += surplus;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_321_the_last_lines_are_kept_and_no_secret_stands_in_them() {
        let printed = Printed::default();
        let secret = "c2VjcmV0";
        for n in 0..20_000 {
            printed.add(format!("{n} key={secret}\n").as_bytes());
        }

        let text = printed.text(&[Zeroizing::new(secret.to_owned())]);

        assert!(
            text.len() <= MAX_KEPT + 64 && text.ends_with("19999 key=****\n"),
            "{}",
            text.len()
        );
        assert!(text.starts_with('(') && !text.contains("c2V"), "{}", &text[..80]);
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        let printed = Printed::default();
        printed.add(b"a\xffb");

        assert_eq!(printed.text(&[]), "a\u{fffd}b");
    }
}
