//! Lines of real programs: whose they are, and what they speak of.

use proptest::prelude::*;

use super::*;
use crate::explain::catalogue::WRAPPER;
use crate::explain::phrases::Client::{
    Az, C, DotNet, Go, IotEdge, Java, MbedTls, Mosquitto, Node, OpenSsl, Paho, Python,
};

/// What a line says, whose it is, and the entries. `None` where the words are common to several.
const LINES: &[(&str, Option<Client>, &[&str])] = &[
    // C: provisioning_client/src and adapters
    (
        "Error: Time:Sun Nov 22 20:56:43 2026 File:/s/prov_device_ll_client.c Func:prov_transport_process_json_reply Line:656 Provisioning Failure: OperationId: 4.d0a671905ea5b2c8.e7173b7b-0e54-4aa0-9d20-aeb1b89e6c7d - Date: 2020-04-09T18:14:39.0Z - Msg: Custom allocation failed with status code: 400",
        Some(C),
        &["400207"],
    ),
    (
        "Provisioning Failure: OperationId: 4.5cda764d087b4e5a.6c6a7983 - Date: 2020-12-10T06:42:32.1308829Z - Msg: {\"Message\":\"ErrorCode:IotHubUnauthorizedAccess;Unauthorized\"}",
        None,
        &["link-unauthorized"],
    ),
    (
        "Func:x Line:1 Provisioning Failure: OperationId: 4.a - Date: 2020 - Msg: something new",
        Some(C),
        &["failed"],
    ),
    (
        "Error: Func:prov_transport_common_mqtt_dowork Line:979 Unable to process registration reply.",
        Some(C),
        &["client-wrapper"],
    ),
    ("Unable to process status reply", Some(C), &["client-wrapper"]),
    ("Failure retrieving data from the provisioning service", Some(C), &["client-wrapper"]),
    ("Func:f Line:574 failure retrieving json auth key value", Some(C), &["breach-missing"]),
    ("failure retrieving json operation id", Some(C), &["breach-missing"]),
    ("Failure: operation_id node is mising", Some(C), &["breach-missing"]),
    ("failure retrieving json registration status node", Some(C), &["breach-missing"]),
    (
        "failure retrieving json value assigned_hub: (nil), device_id: (nil)",
        Some(C),
        &["breach-missing"],
    ),
    ("failure getting nonce field from json", Some(C), &["breach-missing"]),
    ("failure calling json_parse_string", Some(C), &["breach-not-json"]),
    (
        "Unsuccessful json encountered: {\"errorCode\":401002,\"trackingId\":\"8c1f\",\"message\":\"Unauthorized\"}",
        Some(C),
        &["401002"],
    ),
    (
        "Unsuccessful json encountered: {\"errorCode\":404000,\"message\":\"x\"}",
        Some(C),
        &["404000"],
    ),
    (
        "Error: Func:on_operation_complete Line:1 Connection Not Accepted: 0x5: Not Authorized",
        Some(C),
        &["connack-5"],
    ),
    ("Connection Not Accepted: 0x3: Server Unavailable", Some(C), &["connack-3"]),
    ("Connection Not Accepted: 0x4: Bad Username/Password", Some(C), &["connack-4"]),
    ("Connection Not Accepted: 0x2: Id Rejected", Some(C), &["connack-2"]),
    ("Connection Not Accepted: 0x1: Unacceptable Version", Some(C), &["connack-1"]),
    ("Subscribe delivery failure of subscribe 0", Some(C), &["breach-suback"]),
    ("Timeout waiting for reply", Some(C), &["deadline-answer"]),
    (
        "Timed out connecting to provisioning service",
        Some(C),
        &["deadline-connack", "deadline-tls"],
    ),
    ("Client X509 certificate was not configured.", Some(C), &["client-certificate"]),
    ("Failure setting x509 key on xio", Some(C), &["client-certificate"]),
    ("Invalid length Base64 string!", Some(C), &["client-key"]),
    ("Failed decoding symmetrical key", Some(C), &["client-key"]),
    ("Failure retrieving sas token from key", Some(C), &["client-key"]),
    (
        "failure parsing custom info.  This custom info MUST be valid json",
        Some(C),
        &["client-payload"],
    ),
    ("Registration ID was not configured.", Some(C), &["client-use"]),
    ("Security type 2 is not supported in this SDK build", Some(C), &["client-use"]),
    ("Failure allocating registration id, size:65", Some(C), &["client-memory"]),
    ("Could not get endorsement key from tpm", Some(C), &["client-tpm"]),
    ("The device has been disabled by DPS service", Some(C), &["disabled"]),
    ("The device is unauthorized with service", Some(C), &["breach-status"]),
    (
        "Failure registering device: PROV_DEVICE_RESULT_DEV_AUTH_ERROR",
        Some(C),
        &["client-dev-auth"],
    ),
    ("Failure registering device: PROV_DEVICE_RESULT_DISABLED", Some(C), &["disabled"]),
    ("Failure registering device: PROV_DEVICE_RESULT_HUB_NOT_SPECIFIED", Some(C), &["400208"]),
    ("Failure: connect failure 111.", None, &["refused"]),
    ("Info: Failed DNS lookup for dps.example: -3", None, &["dns"]),
    ("MQTT communication error", None, &["reset", "closed-before-connack"]),
    // Python
    (
        "azure.iot.device.exceptions.ConnectionFailedError: ConnectionFailedError('Connection Refused: broker unavailable.')",
        Some(Python),
        &["connack-3"],
    ),
    ("ConnectionFailedError: Connection Refused: broker unavailable.", Some(Paho), &["connack-3"]),
    (
        "azure.iot.device.exceptions.ClientError: Unexpected failure",
        Some(Python),
        &["client-wrapper"],
    ),
    (
        "azure.iot.device.exceptions.CredentialError: Credentials invalid, could not connect",
        Some(Python),
        &["connack-4", "connack-5"],
    ),
    (
        "azure.iot.device.common.transport_exceptions.UnauthorizedError: Connection Refused: not authorised.",
        Some(Python),
        &["connack-5"],
    ),
    (
        "azure.iot.device.exceptions.ServiceError: register request returned a service error status code 401",
        Some(Python),
        &["http-401"],
    ),
    (
        "azure.iot.device.exceptions.ServiceError: query request returned a service error status code 404",
        Some(Python),
        &["http-404"],
    ),
    (
        "azure.iot.device.exceptions.ServiceError: Query Status operation returned a failed registration status with a status code of 200",
        Some(Python),
        &["failed"],
    ),
    (
        "azure.iot.device.exceptions.ServiceError: Query Status Operation encountered an invalid registration status disabled with a status code of 200",
        Some(Python),
        &["disabled"],
    ),
    (
        "azure.iot.device.exceptions.ServiceError: Operation timed out before provisioning service could respond for register operation",
        Some(Python),
        &["deadline-answer"],
    ),
    (
        "azure.iot.device.exceptions.OperationTimeout: Transport timeout on connection operation",
        Some(Python),
        &["deadline-connack"],
    ),
    (
        "azure.iot.device.exceptions.ConnectionDroppedError: Unexpected disconnection",
        Some(Python),
        &["reset", "closed-before-connack"],
    ),
    (
        "azure.iot.device.common.transport_exceptions.TlsExchangeAuthError: TlsExchangeAuthError(None) caused by SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain (_ssl.c:1006)')",
        Some(Python),
        &["tls-unknown-issuer", "tls-wrong-name", "tls-expired"],
    ),
    (
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for 'localhost'.",
        None,
        &["tls-unknown-issuer", "tls-wrong-name", "tls-expired"],
    ),
    (
        "ValueError: Could not create a SasToken using the provided values",
        Some(Python),
        &["client-key"],
    ),
    ("ConnectionRefusedError: [Errno 111] Connection refused", None, &["refused"]),
    ("socket.gaierror: [Errno -2] Name or service not known", None, &["dns"]),
    ("ConnectionResetError: [Errno 104] Connection reset by peer", None, &["reset"]),
    // Paho and Mosquitto
    ("Connection Refused: not authorised.", Some(Paho), &["connack-5"]),
    ("Connection Refused: bad user name or password.", Some(Paho), &["connack-4"]),
    ("Connection Refused: identifier rejected.", Some(Node), &["connack-2"]),
    ("Connection Refused: unacceptable protocol version.", Some(Paho), &["connack-1"]),
    ("The connection was lost.", Some(Paho), &["reset"]),
    ("A TLS error occurred.", Some(Paho), &["tls-other"]),
    (
        "org.eclipse.paho.client.mqttv3.MqttSecurityException: Not authorized to connect (5)",
        Some(Paho),
        &["connack-5"],
    ),
    (
        "org.eclipse.paho.client.mqttv3.MqttException: Broker unavailable (3)",
        Some(Paho),
        &["connack-3"],
    ),
    (
        "Unable to connect to server (32103) - java.net.ConnectException: Connection refused",
        Some(Paho),
        &["refused", "tls-unknown-issuer"],
    ),
    ("Connection lost (32109) - java.io.EOFException", Some(Paho), &["reset"]),
    ("Timed out waiting for a response from the server (32000)", Some(Paho), &["deadline-answer"]),
    ("Connection error: Connection Refused: not authorised.", Some(Mosquitto), &["connack-5"]),
    ("Connection error: Connection Refused: broker unavailable.", Some(Mosquitto), &["connack-3"]),
    ("Connection error: Not authorized.", Some(Mosquitto), &["connack-5"]),
    ("Error: Lookup error.", Some(Mosquitto), &["dns"]),
    ("Error: Proxy error.", Some(Mosquitto), &["proxy-refused"]),
    ("Error: TLS handshake failed.", Some(Mosquitto), &["tls-other"]),
    // Node
    ("Error: Connection refused: Not authorized", Some(Node), &["connack-5"]),
    ("Error: Connection refused: Server unavailable", Some(Node), &["connack-3"]),
    ("Error: Connection refused: Bad username or password", Some(Node), &["connack-4"]),
    ("ProvisioningRegistrationFailedError: registration failed", Some(Node), &["failed"]),
    ("UnauthorizedError: incoming message failure", Some(Node), &["http-401"]),
    ("SyntaxError: status is disabled", Some(Node), &["disabled"]),
    ("SyntaxError: status is unassigned", Some(Node), &["breach-status"]),
    (
        "InvalidOperationError: The server did NOT respond with an unauthorized error.  For a TPM challenge this is \
         incorrect.",
        Some(Node),
        &["404201"],
    ),
    ("TimeoutError", Some(Node), &["deadline-answer", "deadline-connack"]),
    ("NotConnectedError: Unable to establish a connection", Some(Node), &["closed-before-connack"]),
    ("TooManyDevicesError", Some(Node), &["http-403"]),
    (
        "Error: self-signed certificate in certificate chain\n    code: 'SELF_SIGNED_CERT_IN_CHAIN'",
        Some(Node),
        &["tls-unknown-issuer"],
    ),
    (
        "Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames",
        None,
        &["tls-wrong-name"],
    ),
    ("SyntaxError: Unexpected token < in JSON at position 0", Some(Node), &["breach-stranger"]),
    ("Error: connect ECONNREFUSED 127.0.0.1:8883", None, &["refused"]),
    ("Error: getaddrinfo ENOTFOUND global.azure-devices-provisioning.net", None, &["dns"]),
    // Java
    (
        "com.microsoft.azure.sdk.iot.provisioning.device.internal.exceptions.ProvisioningDeviceHubException: 401 : Unauthorized",
        Some(Java),
        &["http-401"],
    ),
    (
        "Device provisioning service failed to provision the device, finished with status FAILED: Custom allocation failed with status code: 400",
        None,
        &["400207"],
    ),
    (
        "Device provisioning service failed to provision the device, finished with status DISABLED: null",
        Some(Java),
        &["disabled"],
    ),
    ("Timed out waiting for registration to complete", Some(Java), &["deadline-assigning"]),
    (
        "ProvisioningDeviceConnectionException: Unable to connect to mqtt service",
        Some(Java),
        &["client-wrapper"],
    ),
    ("Sas token was rejected by the service", Some(Java), &["401002"]),
    (
        "Failed to send amqp message to register device: Amqp message was not accepted by service, remote state was Rejected",
        Some(Java),
        &["http-401", "http-429"],
    ),
    (
        "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target",
        Some(Java),
        &["tls-unknown-issuer"],
    ),
    (
        "javax.net.ssl.SSLHandshakeException: No subject alternative DNS name matching localhost found.",
        Some(Java),
        &["tls-wrong-name"],
    ),
    (
        "javax.net.ssl.SSLHandshakeException: Received fatal alert: bad_certificate",
        Some(Java),
        &["tls-alert-untrusted"],
    ),
    (
        "javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure",
        Some(Java),
        &["tls-alert-handshake"],
    ),
    (
        "javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
        Some(Java),
        &["tls-not-tls"],
    ),
    ("java.net.UnknownHostException: global.azure-devices-provisioning.net", Some(Java), &["dns"]),
    // .NET
    (
        "Microsoft.Azure.Devices.Provisioning.Client.ProvisioningTransportException: MQTT transport exception",
        Some(DotNet),
        &["client-wrapper"],
    ),
    (
        "Microsoft.Azure.Devices.Provisioning.Client.ProvisioningTransportException: AMQP transport exception ---> Microsoft.Azure.Amqp.AmqpException: {\"errorCode\":401002,\"trackingId\":\"009f4f3a\",\"message\":\"IotHubUnauthorizedAccess\"}",
        Some(DotNet),
        &["401002"],
    ),
    ("MQTT Protocol Exception: Channel closed.", Some(DotNet), &["reset", "closed-before-connack"]),
    ("ConnectReturnCode: RefusedNotAuthorized", Some(DotNet), &["connack-5"]),
    (
        "System.Security.Authentication.AuthenticationException: The remote certificate is invalid because of errors in the certificate chain: UntrustedRoot",
        Some(DotNet),
        &["tls-unknown-issuer", "tls-wrong-name", "tls-expired"],
    ),
    (
        "The remote certificate is invalid according to the validation procedure: RemoteCertificateNameMismatch",
        Some(DotNet),
        &["tls-unknown-issuer", "tls-wrong-name", "tls-expired"],
    ),
    ("Unable to deserialize the response.", Some(DotNet), &["breach-not-json"]),
    (
        "Unable to read data from the transport connection: An existing connection was forcibly closed by the remote host.",
        Some(DotNet),
        &["reset"],
    ),
    // Mbed TLS and ESP-IDF
    (
        "E (401500) esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x2700",
        Some(MbedTls),
        &["tls-unknown-issuer", "tls-wrong-name", "tls-expired"],
    ),
    (
        "E (401002) esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x7280",
        Some(MbedTls),
        &["tls-closed"],
    ),
    (
        "[E][ssl_client.cpp:37] _handle_error(): X509 - Certificate verification failed, e.g. CRL, CA or signature check failed",
        Some(MbedTls),
        &["tls-unknown-issuer", "tls-wrong-name", "tls-expired"],
    ),
    (
        "  The certificate Common Name (CN) does not match with the expected CN",
        Some(MbedTls),
        &["tls-wrong-name"],
    ),
    (
        "The certificate is not correctly signed by the trusted CA",
        Some(MbedTls),
        &["tls-unknown-issuer"],
    ),
    (
        "E (3456) esp-x509-crt-bundle: No matching trusted root certificate found",
        Some(MbedTls),
        &["tls-unknown-issuer"],
    ),
    ("mbedtls_ssl_handshake returned -0x7f00", Some(MbedTls), &["client-memory"]),
    (
        "mbedtls_ssl_handshake returned -0x7780",
        Some(MbedTls),
        &["tls-alert", "tls-alert-untrusted", "tls-alert-handshake"],
    ),
    (
        "E (5010) esp-tls: couldn't get hostname for :global.azure-devices-provisioning.net:",
        Some(MbedTls),
        &["dns"],
    ),
    ("W (9) mqtt_client: Connection refused, not authorized", Some(MbedTls), &["connack-5"]),
    ("W (9) mqtt_client: Connection refused, server unavailable", Some(MbedTls), &["connack-3"]),
    ("failed, rc=5 try again in 5 seconds", Some(MbedTls), &["connack-5"]),
    // OpenSSL
    (
        "error:0A000086:SSL routines::certificate verify failed",
        Some(OpenSsl),
        &["tls-unknown-issuer", "tls-wrong-name", "tls-expired"],
    ),
    (
        "140:error:14094418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:ssl/record/rec_layer_s3.c:1544:SSL alert number 48",
        Some(OpenSsl),
        &["tls-alert-untrusted"],
    ),
    (
        "error:0A000412:SSL routines::sslv3 alert bad certificate",
        Some(OpenSsl),
        &["tls-alert-untrusted"],
    ),
    (
        "error:0A000410:SSL routines::sslv3 alert handshake failure",
        Some(OpenSsl),
        &["tls-alert-handshake"],
    ),
    (
        "error:0A00045C:SSL routines::tlsv13 alert certificate required",
        Some(OpenSsl),
        &["tls-alert-denied"],
    ),
    ("error:0A00010B:SSL routines::wrong version number", Some(OpenSsl), &["tls-not-tls"]),
    ("error:0A000126:SSL routines::unexpected eof while reading", Some(OpenSsl), &["tls-closed"]),
    (
        "error:05800074:x509 certificate routines::key values mismatch",
        Some(OpenSsl),
        &["client-certificate"],
    ),
    (
        "verify error:num=20:unable to get local issuer certificate",
        Some(OpenSsl),
        &["tls-unknown-issuer"],
    ),
    ("verify error:num=10:certificate has expired", Some(OpenSsl), &["tls-expired"]),
    // Go
    ("remote error: tls: bad certificate", Some(Go), &["tls-alert-untrusted"]),
    ("remote error: tls: unknown certificate authority", Some(Go), &["tls-alert-untrusted"]),
    ("remote error: tls: expired certificate", Some(Go), &["tls-alert-expired"]),
    ("remote error: tls: handshake failure", Some(Go), &["tls-alert-handshake"]),
    ("remote error: tls: certificate required", Some(Go), &["tls-alert-denied"]),
    ("remote error: tls: error decrypting message", Some(Go), &["tls-alert-unsupported"]),
    (
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        Some(Go),
        &["tls-unknown-issuer"],
    ),
    ("x509: certificate is valid for localhost, not dps.example", Some(Go), &["tls-wrong-name"]),
    (
        "x509: certificate has expired or is not yet valid: current time 2026",
        Some(Go),
        &["tls-expired", "tls-not-yet-valid"],
    ),
    ("tls: first record does not look like a TLS handshake", Some(Go), &["tls-not-tls"]),
    // Tools
    ("aziot-identityd[77]: DPS client error", Some(IotEdge), &["client-wrapper"]),
    (
        "aziot-identityd: Reprovisioning failed to communicate with DPS. Using offline backup from last run.",
        Some(IotEdge),
        &["client-wrapper"],
    ),
    (
        "aziot-identityd: DPS registration is still in progress.",
        Some(IotEdge),
        &["deadline-assigning"],
    ),
    ("(Unauthorized) Unauthorized", Some(Az), &["401002"]),
    ("az iot dps: Unable to find provisioning service: contoso", Some(Az), &["404201"]),
    ("code: IH400303, message: no hub", Some(Az), &["400203"]),
];

fn keys(line: &super::super::find::Line) -> Vec<&'static str> {
    line.entries.iter().map(|entry| entry.key).collect()
}

/// J-118, J-243.
#[test]
fn j_243_lines_of_every_client_are_understood_and_their_client_is_named() {
    assert!(LINES.len() >= 120, "{}", LINES.len());
    let mut wrong = Vec::new();
    for (text, client, expected) in LINES {
        let line = find_in_line(text);
        if keys(&line) != *expected || line.client != *client {
            wrong.push(format!(
                "{text}\n    {:?} {:?}, expected {client:?} {expected:?}",
                line.client,
                keys(&line)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn j_243_every_phrase_leads_to_entries_that_there_are() {
    for (client, (text, keys)) in crate::explain::phrases::phrases() {
        assert_eq!(text, text.to_lowercase(), "{client:?}");
        assert!(
            !keys.is_empty() && keys.iter().all(|key| crate::explain::entry(key).is_some()),
            "{text}"
        );
    }
}

/// A number beside it must not hide what a line says, and what is no code must not be one.
#[test]
fn j_243_times_counters_and_fractions_are_no_codes() {
    for (text, expected) in [
        ("401 500 E Connection refused", &["refused"][..]),
        ("E (401002) mqtt: Connection refused, not authorized", &["connack-5"]),
        ("12:00:01.401002 connect: connection refused", &["refused"]),
        ("0x401002 a401002b at 401002z", &[]),
        ("errorCode:401002,", &["401002"]),
        ("first 404201, then 404203", &["404201", "404203"]),
        ("    at request (node:_http_client:405:12)", &[]),
        ("http x-ms-request-id: 9f404b-a401-b429c", &[]),
        ("error, status: 405: no", &["http-405"]),
        ("nothing to see at 8883 after 300 s", &[]),
    ] {
        assert_eq!(keys(&find_in_line(text)), expected, "{text}");
    }
}

#[test]
fn j_243_a_log_is_told_in_order_once_with_counts_and_the_client_of_the_lines_around() {
    let mut log = Log::default();
    for line in [
        "Provisioning Status: PROV_DEVICE_REG_STATUS_CONNECTED",
        "Error: Func:a Line:1 Connection Not Accepted: 0x5: Not Authorized",
        "connect: connection refused",
        "",
        "connect: connection refused",
        "Unable to process registration reply.",
        "connect: connection refused",
    ] {
        log.line(line);
    }

    let told: Vec<_> = log
        .findings()
        .iter()
        .map(|found| (found.line, found.times, found.entries[0].key, found.client))
        .collect();
    assert_eq!(told, [(2, 1, "connack-5", Some(C)), (3, 3, "refused", Some(C))]);
    assert_eq!(log.lines(), 7);
}

#[test]
fn j_243_lines_that_say_nothing_count_only_alone() {
    let mut log = Log::default();
    log.line("azure.iot.device.exceptions.ClientError: Unexpected failure");

    assert_eq!(log.findings()[0].entries[0].key, WRAPPER);
    log.line("ServiceError: register request returned a service error status code 401");
    let found: Vec<_> = log.findings().iter().map(|found| found.entries[0].key).collect();
    assert_eq!(found, ["http-401"]);
}

#[test]
fn what_is_shown_of_a_line_has_no_key_and_steers_no_terminal() {
    let line =
        "\u{1b}[31msig=c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAwMDA%3D&se=1 connection refused";

    let shown = shown(line);

    assert!(!shown.contains("c2Vj") && !shown.contains('\u{1b}'), "{shown}");
    assert!(shown.ends_with("connection refused"), "{shown}");
    let long = super::shown(&"wort ".repeat(400));
    assert!(long.chars().count() <= SHOWN + 1, "{long}");
}

proptest! {
    #[test]
    fn no_line_makes_it_panic(lines in prop::collection::vec("(E \\(|connack|[0-9]{6}|\\PC){0,30}", 0..9)) {
        let mut log = Log::default();
        lines.iter().for_each(|line| log.line(line));
        prop_assert_eq!(log.lines(), lines.len() as u64);
    }
}
