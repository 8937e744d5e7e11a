//! Lines for people: who, and what.

/// As wide as the longest name of a client, and a gap.
const WIDTH: usize = 14;

/// A line for each, in two columns.
pub(super) fn columns<const LINES: usize>(lines: [(&str, String); LINES]) -> Vec<String> {
    lines.map(|(client, how)| format!("{client:<WIDTH$}{how}")).into()
}
