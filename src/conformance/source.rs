//! Where it is public what devices should do.

/// A public document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source(pub(super) Option<&'static str>);

/// Nowhere: a choice of ours.
pub(super) const OURS: Source = Source(None);
/// How devices speak MQTT with DPS.
pub(super) const MQTT_AND_DPS: Source =
    Source(Some("https://learn.microsoft.com/azure/iot/iot-mqtt-connect-to-iot-dps"));
/// How they speak MQTT with hubs.
pub(super) const MQTT_AND_HUBS: Source =
    Source(Some("https://learn.microsoft.com/azure/iot/iot-mqtt-connect-to-iot-hub"));
/// How they speak HTTPS with DPS.
pub(super) const HTTPS_AND_DPS: Source =
    Source(Some("https://learn.microsoft.com/azure/iot-dps/iot-dps-https-sym-key-support"));
/// How often they may ask.
pub(super) const LIMITS: Source =
    Source(Some("https://learn.microsoft.com/azure/iot-dps/about-iot-dps#quotas-and-limits"));
/// How many devices are provisioned well.
pub(super) const AT_SCALE: Source =
    Source(Some("https://learn.microsoft.com/azure/iot-dps/concepts-deploy-at-scale"));
/// How to try again.
pub(super) const TRANSIENT_FAULTS: Source =
    Source(Some("https://learn.microsoft.com/azure/architecture/best-practices/transient-faults"));
/// What the errors of DPS mean.
pub(super) const TROUBLESHOOTING: Source =
    Source(Some("https://learn.microsoft.com/azure/iot-dps/how-to-troubleshoot-dps"));
/// When devices provision themselves again.
pub(super) const REPROVISIONING: Source =
    Source(Some("https://learn.microsoft.com/azure/iot-dps/concepts-device-reprovision"));
/// How a device is taken out of service.
pub(super) const UNPROVISIONING: Source =
    Source(Some("https://learn.microsoft.com/azure/iot-dps/how-to-unprovision-devices"));
/// What a webhook decides.
pub(super) const CUSTOM_ALLOCATION: Source =
    Source(Some("https://learn.microsoft.com/azure/iot-dps/concepts-custom-allocation"));
/// Which TLS DPS speaks.
pub(super) const TLS: Source =
    Source(Some("https://learn.microsoft.com/azure/iot-dps/tls-support"));
/// What a SAS token is.
pub(super) const TOKENS: Source =
    Source(Some("https://learn.microsoft.com/azure/iot-dps/concepts-symmetric-key-attestation"));
/// What the device API is.
pub(super) const DEVICE_API: Source =
    Source(Some("https://learn.microsoft.com/rest/api/iot-dps/device/runtime-registration"));
/// MQTT.
pub(super) const MQTT: Source =
    Source(Some("https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html"));
/// HTTP.
pub(super) const HTTP: Source =
    Source(Some("https://www.rfc-editor.org/rfc/rfc9110#name-retry-after"));
/// How the name of a service is checked.
pub(super) const SERVICE_IDENTITY: Source = Source(Some("https://www.rfc-editor.org/rfc/rfc9525"));
/// How a certificate is checked.
pub(super) const CERTIFICATES: Source =
    Source(Some("https://www.rfc-editor.org/rfc/rfc5280#section-6"));
