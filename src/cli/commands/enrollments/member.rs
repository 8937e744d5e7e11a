//! Members of a record that are written into.

use serde_json::{Value, json};

/// A member to write into. Whatever else than an object a service has sent there is replaced.
pub(super) fn object_at<'a>(value: &'a mut Value, member: &str) -> &'a mut Value {
    let found = &mut value[member];
    if !found.is_object() {
        *found = json!({});
    }
    found
}
