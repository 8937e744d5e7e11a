// The SDK for Node as a program that registers once: over MQTT, or with `amqp` as argument over AMQP, with `https` over
// HTTPS; with its key, or with `x509` as argument its certificate, with `tpm=PORT` the TPM simulator there.
//
// It adds nothing to what the SDK does: `provision-sim conformance` is to see that. Its provisioning client
// has no option for a CA; NODE_EXTRA_CA_CERTS, which Node reads as it begins, has to name it.
'use strict';
const fs = require('fs');
const https = require('https');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Amqp } = require('azure-iot-provisioning-device-amqp');
const { Http } = require('azure-iot-provisioning-device-http');
const { Mqtt } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { TpmSecurityClient } = require('azure-iot-security-tpm');
const { X509Security } = require('azure-iot-security-x509');
const { HttpsProxyAgent } = require('https-proxy-agent');
const { Tpm } = require('tss.js');

const { DPS_AMQP, DPS_GATEWAY, DPS_MQTT, DPS_ID_SCOPE, DPS_REGISTRATION_ID } = process.env;
const { DPS_DEVICE_KEY, DPS_CERT, DPS_CERT_KEY } = process.env;

const read = (file) => fs.readFileSync(file, 'utf8');
const given = (argument) => process.argv.includes(argument);
const simulator = process.argv.find((argument) => argument.startsWith('tpm='))?.slice('tpm='.length);

function credential() {
  if (simulator) return new TpmSecurityClient(DPS_REGISTRATION_ID, new Tpm(true, '127.0.0.1', Number(simulator)));
  if (given('x509')) return new X509Security(DPS_REGISTRATION_ID, { cert: read(DPS_CERT), key: read(DPS_CERT_KEY) });
  return new SymmetricKeySecurityClient(DPS_REGISTRATION_ID, DPS_DEVICE_KEY);
}

function transport() {
  if (given('amqp')) return [DPS_AMQP, new Amqp()];
  if (!given('https')) return [DPS_MQTT, new Mqtt()];
  // It takes no port: the gateway leads the process to the service.
  https.globalAgent = new HttpsProxyAgent(`http://${DPS_GATEWAY}`);
  return ['global.azure-devices-provisioning.net', new Http()];
}

const [host, connection] = transport();
ProvisioningDeviceClient.create(host, DPS_ID_SCOPE, connection, credential()).register((error, result) => {
  console.log(error ?? result);
  // With a TPM it hands over the whole answer, whose status is the same.
  process.exit(error || result.status !== 'assigned' ? 1 : 0);
});
