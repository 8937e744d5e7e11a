//! Records for people: a table of many, lines of one. Keys only where they are asked for, and the
//! function key of a webhook never.

use serde_json::Value;

use crate::api_client::Kind;
use crate::cli::output::printer::Printer;
use crate::text::inert;

/// A text of the service. It may be anybody's who can write enrollments; columns are as wide as what
/// the printer makes of it.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(inert(text).into_owned()),
        other => Some(inert(&other.to_string()).into_owned()),
    }
}

fn list(value: &Value) -> Option<String> {
    let items = value.as_array().filter(|items| !items.is_empty())?;
    Some(items.iter().filter_map(text).collect::<Vec<_>>().join(" "))
}

/// `enrollment group` as the first words of a line.
pub(super) fn capitalized(noun: &str) -> String {
    let mut letters = noun.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// One line each.
pub(super) fn table(kind: Kind, records: &[Value], printer: &mut Printer) {
    if records.is_empty() {
        return printer.line(format!("No {}s", kind.noun()));
    }
    let last = match kind {
        Kind::Group => "IOT HUBS",
        Kind::Individual => "DEVICE ID",
    };
    let head = ["NAME", "ATTESTATION", "ALLOCATION", "STATUS", last];
    let rows = records.iter().map(|record| {
        let last = match kind {
            Kind::Group => list(&record["iotHubs"]),
            Kind::Individual => text(&record["deviceId"]),
        };
        [
            text(&record[kind.id_member()]),
            text(&record["attestation"]["type"]),
            text(&record["allocationPolicy"]),
            text(&record["provisioningStatus"]),
            last,
        ]
    });
    columns(head, rows, printer);
}

/// Rows below their headings, as wide as what stands there.
fn columns<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [Option<String>; N]>,
    printer: &mut Printer,
) {
    let rows = rows.map(|row| row.map(|cell| cell.unwrap_or_else(|| "-".to_owned())));
    let rows: Vec<[String; N]> = [head.map(str::to_owned)].into_iter().chain(rows).collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        printer.line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Registrations of devices, one line each.
pub(super) fn registrations(states: &[Value], printer: &mut Printer) {
    if states.is_empty() {
        return printer.line("No registrations");
    }
    let head = ["REGISTRATION ID", "STATUS", "ASSIGNED HUB", "DEVICE ID", "CHANGED"];
    let members = ["registrationId", "status", "assignedHub", "deviceId", "lastUpdatedDateTimeUtc"];
    columns(head, states.iter().map(|state| members.map(|member| text(&state[member]))), printer);
}

/// A registration, a line for each thing that there is to say.
pub(super) fn registration(state: &Value, printer: &mut Printer) {
    for (name, member) in [
        ("Registration ID", "registrationId"),
        ("Status", "status"),
        ("Substatus", "substatus"),
        ("Assigned hub", "assignedHub"),
        ("Device ID", "deviceId"),
        ("Error code", "errorCode"),
        ("Error", "errorMessage"),
        ("Payload", "payload"),
        ("ETag", "etag"),
        ("Created", "createdDateTimeUtc"),
        ("Changed", "lastUpdatedDateTimeUtc"),
    ] {
        if let Some(value) = text(&state[member]) {
            printer.line(format!("{name:<18}{value}"));
        }
    }
}

/// A line for each thing that there is to say.
pub(super) fn record(kind: Kind, record: &Value, show_keys: bool, printer: &mut Printer) {
    let name = capitalized(kind.noun());
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            printer.line(format!("{name:<18}{value}"));
        }
    };
    row(&name, text(&record[kind.id_member()]));
    row("Device ID", text(&record["deviceId"]));
    attestation(&record["attestation"], show_keys, &mut row);
    row("Allocation", text(&record["allocationPolicy"]).or_else(|| Some("(default)".to_owned())));
    row("IoT hubs", list(&record["iotHubs"]));
    let webhook = &record["customAllocationDefinition"];
    row("Webhook", webhook["webhookUrl"].as_str().map(masked));
    row("Webhook API", text(&webhook["apiVersion"]));
    row("Status", text(&record["provisioningStatus"]));
    row("Reprovisioning", reprovisioning(&record["reprovisionPolicy"]));
    row("IoT Edge", record["capabilities"]["iotEdge"].as_bool().map(yes_or_no));
    row("Issued by", issuer(record));
    row("Initial twin", text(&record["initialTwin"]));
    let state = &record["registrationState"];
    row("Registration", text(&state["status"]));
    row("Assigned hub", text(&state["assignedHub"]));
    row("ETag", text(&record["etag"]));
    row("Created", text(&record["createdDateTimeUtc"]));
    row("Changed", text(&record["lastUpdatedDateTimeUtc"]));
}

fn attestation(value: &Value, show_keys: bool, row: &mut impl FnMut(&str, Option<String>)) {
    row("Attestation", text(&value["type"]));
    if show_keys {
        row("Primary key", text(&value["symmetricKey"]["primaryKey"]));
        row("Secondary key", text(&value["symmetricKey"]["secondaryKey"]));
    }
    for member in ["clientCertificates", "signingCertificates", "caReferences"] {
        for (slot, name) in [("primary", "Primary"), ("secondary", "Secondary")] {
            let value = &value["x509"][member][slot];
            if let Some(ca) = value.as_str().filter(|ca| !ca.is_empty()) {
                row(&format!("{name} CA"), Some(ca.to_owned()));
            }
            let info = &value["info"];
            let subject = text(&info["subjectName"]);
            let until = text(&info["notAfterUtc"]);
            let line = subject.map(|it| format!("{it}, until {}", until.unwrap_or_default()));
            row(&format!("{name} cert."), line);
            row("  SHA-256", text(&info["sha256Thumbprint"]));
        }
    }
}

/// As DPS shows it in its own messages (G-1).
fn masked(url: &str) -> String {
    match url.split_once('?') {
        Some((address, _)) => format!("{address}?****"),
        None => url.to_owned(),
    }
}

/// The names of who issues certificates: `fleet/line-1, policy short`.
fn issuer(record: &Value) -> Option<String> {
    let names = ["namespaceName", "certificateAuthorityName"].map(|member| text(&record[member]));
    let names: Vec<_> = names.into_iter().flatten().collect();
    let policy =
        text(&record["certificatePolicyName"]).or_else(|| text(&record["credentialPolicyName"]));
    let policy = policy.map(|policy| format!("policy {policy}"));
    let parts: Vec<_> =
        (!names.is_empty()).then(|| names.join("/")).into_iter().chain(policy).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn reprovisioning(policy: &Value) -> Option<String> {
    let member = |name: &str| policy[name].as_bool().unwrap_or(true);
    policy.as_object()?;
    Some(
        match (member("updateHubAssignment"), member("migrateDeviceData")) {
            (false, _) => "never",
            (true, true) => "migrate data",
            (true, false) => "reset data",
        }
        .to_owned(),
    )
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_1_function_keys_are_not_shown() {
        assert_eq!(masked("https://f/api/A?code=secret"), "https://f/api/A?****");
        assert_eq!(masked("https://f/api/A"), "https://f/api/A");
    }
}
