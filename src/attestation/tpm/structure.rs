//! Structures as TPMs write them: numbers with the most significant byte first, and buffers with their size in two
//! bytes before them (`TPM2B_…`).

/// Reads one after the other; nothing is there once too little is left.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn number_16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    pub(crate) fn number_32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    /// A buffer without its size.
    pub(crate) fn sized(&mut self) -> Option<&'a [u8]> {
        let count = self.number_16()?;
        self.take(count.into())
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// Appends `bytes` with their size before them.
pub(crate) fn push_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    let size = u16::try_from(bytes.len()).unwrap_or_else(|_| unreachable!("no part is that long"));
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(bytes);
}
