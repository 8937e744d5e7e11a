//! SAS tokens in every spelling, signed here by HMAC and nothing else, so that a mistake of the
//! library's own signing cannot hide.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::setup::{PRIMARY_KEY, SCOPE};

/// As Python, .NET and the documentation spell a token.
pub const UPPER: Spelling = Spelling { slash: "%2F", fields: "sr={sr}&sig={sig}&se={se}" };

pub const C_SDK: Spelling =
    Spelling { slash: "%2f", fields: "sr={sr}&sig={sig}&se={se}&skn=registration" };

pub const DOT_NET_SDK: Spelling =
    Spelling { slash: "%2F", fields: "sr={sr}&sig={sig}&se={se}&skn=registration" };

pub const JAVA_SDK: Spelling = Spelling { slash: "/", fields: "sr={sr}&sig={sig}&se={se}&skn=" };

pub const NODE_SDK: Spelling =
    Spelling { slash: "/", fields: "sr={sr}&sig={sig}&skn=registration&se={se}" };

/// How an SDK writes a token.
#[derive(Debug, Clone, Copy)]
pub struct Spelling {
    /// What stands for `/` in `sr`.
    pub slash: &'static str,
    /// The fields in their order, with `{sr}`, `{sig}` and `{se}` for the values.
    pub fields: &'static str,
}

impl Spelling {
    /// A token for `id` that is good for an hour.
    pub fn token(self, key: &[u8], scope: &str, id: &str) -> String {
        self.token_until(key, scope, id, now() + 3600)
    }

    /// A token that ends at `se`.
    pub fn token_until(self, key: &[u8], scope: &str, id: &str, se: u64) -> String {
        let sr = [scope, "registrations", id].join(self.slash);
        let signature = STANDARD.encode(hmac(key, format!("{sr}\n{se}").as_bytes()));
        let escaped = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let fields = self.fields.replace("{sr}", &sr).replace("{se}", &se.to_string());
        let fields = fields.replace("{sig}", &escaped).replace("{rawSig}", &signature);
        format!("SharedAccessSignature {fields}")
    }
}

/// A token for a device of a hub that is good for an hour.
pub fn hub_token(key: &[u8], hub: &str, device_id: &str) -> String {
    hub_token_until(key, hub, device_id, now() + 3600)
}

/// One that ends at `se`.
pub fn hub_token_until(key: &[u8], hub: &str, device_id: &str, se: u64) -> String {
    let sr = format!("{hub}%2Fdevices%2F{device_id}");
    let signature = STANDARD.encode(hmac(key, format!("{sr}\n{se}").as_bytes()));
    let escaped = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("SharedAccessSignature sr={sr}&sig={escaped}&se={se}")
}

/// A token of a shared access policy for `host` that ends at `se` (E.6).
pub fn policy_token(key: &[u8], host: &str, policy: &str, se: u64) -> String {
    let sr = host.replace(':', "%3A");
    let signature = STANDARD.encode(hmac(key, format!("{sr}\n{se}").as_bytes()));
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("SharedAccessSignature sr={sr}&sig={signature}&se={se}&skn={policy}")
}

/// A good token of a device of the group `pumps`.
pub fn of_device(id: &str) -> String {
    UPPER.token(&derived(PRIMARY_KEY, id), SCOPE, id)
}

/// The device key that belongs to a group key (D.3).
pub fn derived(group_key: &str, id: &str) -> Vec<u8> {
    hmac(&decoded(group_key), id.as_bytes())
}

pub fn decoded(key: &str) -> Vec<u8> {
    STANDARD.decode(key).expect("a key of the tests is Base64")
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}
