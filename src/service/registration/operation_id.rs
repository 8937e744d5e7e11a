//! The names of operations.

use sha2::{Digest, Sha256};

use crate::wire::{IdScope, OperationId, RegistrationId};

/// The name of a new operation (F.2): the middle part is the same for every registration of one
/// device.
pub fn operation_id(
    id_scope: &IdScope,
    registration_id: &RegistrationId,
    unique: uuid::Uuid,
) -> OperationId {
    let device = format!("{}/{}", id_scope.as_str().to_ascii_lowercase(), registration_id.folded());
    let digest = Sha256::digest(device.as_bytes());
    let device: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("5.{device}.{unique}")
        .parse()
        .unwrap_or_else(|_| unreachable!("digits, letters, dots and dashes are an operation ID"))
}
