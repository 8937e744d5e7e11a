// The SDK for Node as a program that registers once: over MQTT, or with `amqp` as argument over AMQP; with its
// key, or with `x509` as argument.
//
// It adds nothing to what the SDK does: `provision-sim conformance` is to see that. Its provisioning client
// has no option for a CA; NODE_EXTRA_CA_CERTS, which Node reads as it begins, has to name it.
'use strict';
const fs = require('fs');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Amqp } = require('azure-iot-provisioning-device-amqp');
const { Mqtt } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');

const { DPS_AMQP, DPS_MQTT, DPS_ID_SCOPE, DPS_REGISTRATION_ID, DPS_DEVICE_KEY, DPS_CERT, DPS_CERT_KEY } = process.env;

const read = (file) => fs.readFileSync(file, 'utf8');
const security = process.argv.includes('x509')
  ? new X509Security(DPS_REGISTRATION_ID, { cert: read(DPS_CERT), key: read(DPS_CERT_KEY) })
  : new SymmetricKeySecurityClient(DPS_REGISTRATION_ID, DPS_DEVICE_KEY);

const [host, transport] = process.argv.includes('amqp') ? [DPS_AMQP, new Amqp()] : [DPS_MQTT, new Mqtt()];

ProvisioningDeviceClient.create(host, DPS_ID_SCOPE, transport, security).register((error, result) => {
  console.log(error ?? result);
  process.exit(error || result.status !== 'assigned' ? 1 : 0);
});
