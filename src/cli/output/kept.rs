//! What was printed, for those who print it later.

/// Where a line belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Errors,
}

/// Lines in the order in which they were printed, with their colours.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Vec<(Stream, String)>);

impl Kept {
    pub(super) fn add(&mut self, stream: Stream, line: &str) {
        self.0.push((stream, line.to_owned()));
    }

    /// Behind this, what came after it.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = (Stream, &str)> {
        self.0.iter().map(|(stream, line)| (*stream, line.as_str()))
    }
}
