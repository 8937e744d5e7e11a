//! Texts with what differs from run to run put aside, so that the rest can be compared letter by
//! letter, order of members included.

/// `json` with the values of timestamps, etags and operation IDs replaced.
pub fn normalised(json: &str) -> String {
    let json = masked(json, "createdDateTimeUtc", "<time>");
    let json = masked(&json, "lastUpdatedDateTimeUtc", "<time>");
    let json = masked(&json, "timestampUtc", "<time>");
    let json = masked(&json, "trackingId", "<guid>");
    let json = masked(&json, "etag", "<etag>");
    masked(&json, "operationId", "<operation>")
}

/// `json` with the text under `key` replaced.
fn masked(json: &str, key: &str, with: &str) -> String {
    let start = format!("\"{key}\":\"");
    let Some((before, rest)) = json.split_once(&start) else { return json.to_owned() };
    let mut is_escaped = false;
    let end = rest.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    let after = &rest[end.expect("a text has an end")..];
    format!("{before}{start}{with}{}", masked(after, key, with))
}

/// Whether `text` is a time as the service writes them (E.1).
pub fn is_timestamp(text: &str) -> bool {
    let digits_are_digits = text.bytes().enumerate().all(|(index, byte)| match index {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        19 => byte == b'.' || byte == b'Z',
        _ => byte.is_ascii_digit() || byte == b'Z',
    });
    digits_are_digits && text.ends_with('Z') && (20..=28).contains(&text.len())
}
