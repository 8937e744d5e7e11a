//! Whether what a device sends is a request for a certificate. What is in the PKCS #10 request is looked at
//! later, once it was taken up (I.4).
//!
//! Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::fault::RenewalFault;
use crate::wire::{DeviceId, IssueMembers, MAX_CSR, ObjectFault, Replace};

/// How much of a stranger's text is told.
const MAX_SHOWN: usize = 128;

/// A request that is taken up if nothing else stands against it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service::hub) struct Wanted {
    /// PKCS #10, or whatever the device takes for it.
    pub(in crate::service::hub) csr: Vec<u8>,
    /// Which operation it takes the place of.
    pub(in crate::service::hub) replace: Option<Replace>,
}

/// Reads the request of a device.
pub(in crate::service::hub) fn read(
    body: &[u8],
    device_id: &DeviceId,
) -> Result<Wanted, RenewalFault> {
    let members = IssueMembers::read(body).map_err(|fault| match fault {
        ObjectFault::Empty => RenewalFault::Empty,
        ObjectFault::NotAnObject(_) | ObjectFault::Member { .. } | ObjectFault::Twice(_) => {
            RenewalFault::Shape(fault)
        }
        fault => RenewalFault::NotJson(fault),
    })?;
    let IssueMembers { id, csr, replace, unknown } = members;
    if let Some(unknown) = unknown {
        return Err(RenewalFault::UnknownMember(shortened(&unknown)));
    }
    let id = id.filter(|id| !id.is_empty()).ok_or(RenewalFault::NoId)?;
    if id != device_id.as_str() {
        let (found, expected) = (shortened(&id), device_id.to_string());
        return Err(RenewalFault::OtherId { found, expected });
    }
    let csr = csr.filter(|csr| !csr.is_empty()).ok_or(RenewalFault::NoCsr)?;
    if csr.len() > MAX_CSR {
        return Err(RenewalFault::CsrTooLong(csr.chars().count()));
    }
    let csr = STANDARD.decode(csr).map_err(|_| RenewalFault::CsrNotBase64)?;
    let replace = match replace {
        Some(replace) => Some(Replace::read(&replace).ok_or(RenewalFault::Replace)?),
        None => None,
    };
    Ok(Wanted { csr, replace })
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_text(body: &str) -> Result<Wanted, RenewalFault> {
        read(body.as_bytes(), &"pump".parse().unwrap())
    }

    #[test]
    fn i_a_request_is_read_with_what_it_replaces() {
        let wanted = |replace| Ok(Wanted { csr: vec![0, 0, 0], replace });

        assert_eq!(read_text(r#"{"id":"pump","csr":"AAAA"}"#), wanted(None));
        let any = read_text(r#"{"id":"pump","csr":"AAAA","replace":"*"}"#);
        assert_eq!(any, wanted(Some(Replace::Any)));
        let one = read_text(r#"{"csr":"AAAA","replace":"12-34","id":"pump"}"#);
        assert_eq!(one, wanted(Some(Replace::One("12-34".to_owned()))));
    }

    /// The runs 001 to 010 against the hub.
    #[test]
    fn i_what_is_no_request_is_told_by_what_it_lacks() {
        let long = format!(r#"{{"id":"pump","csr":"{}"}}"#, "A".repeat(8196));
        for (body, code, told) in [
            ("", 400_004, "has no body"),
            (r#"{"id": "pump", "csr":"#, 400_006, "cannot decode json format"),
            ("hello", 400_006, "cannot decode json format"),
            (r#"["not","an","object"]"#, 400_004, "not a JSON object"),
            (r#"{"id":"pump","csr":""}"#, 400_004, "'csr'"),
            (r#"{"id":"pump","csr":null}"#, 400_004, "'csr'"),
            (&long, 400_004, "8196 characters"),
            (r#"{"id":"pump","csr":"not-valid-base64!!@@##"}"#, 400_004, "not Base64"),
            (r#"{"id":"other","csr":"AAAA"}"#, 400_004, "'other'"),
            (r#"{"id":"Pump","csr":"AAAA"}"#, 400_004, "'pump'"),
            (r#"{"id":"","csr":"AAAA"}"#, 400_004, "'id'"),
            (r#"{"id":7,"csr":"AAAA"}"#, 400_004, "`id`"),
            (r#"{"id":"pump","csr":"AAAA","unknownField":1}"#, 400_004, "'unknownField'"),
            (r#"{"id":"pump","csr":"AAAA","replace":"123"}"#, 400_004, "'replace'"),
        ] {
            let fault = read_text(body).unwrap_err();
            assert_eq!(fault.code().0, code, "{body}: {fault}");
            assert!(fault.to_string().contains(told), "{body}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "\\PC{0,60}|\\{\"id\":\"pump\",\"csr\":\"\\PC{0,20}\"\\}") {
            let _ = read_text(&body);
        }
    }
}
