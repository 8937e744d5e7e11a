// Devices as a production program has them: the unmodified SDKs, Azure's host names, no option that a test
// needs. Where a test leads them by an agent, the options are its own.
'use strict';
const { Client } = require('azure-iot-device');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const dpsTransports = {
  ...require('azure-iot-provisioning-device-mqtt'),
  ...require('azure-iot-provisioning-device-http'),
  ...require('azure-iot-provisioning-device-amqp'),
};
const hubTransports = { ...require('azure-iot-device-mqtt'), ...require('azure-iot-device-amqp') };

const HOST = 'global.azure-devices-provisioning.net';

/** Registers a device; `over` is Mqtt, MqttWs, Http, Amqp or AmqpWs. */
function register({ idScope, registrationId, key, payload, over = 'Mqtt', transportOptions }) {
  const transport = new dpsTransports[over]();
  if (transportOptions) transport.setTransportOptions(transportOptions);
  const security = new SymmetricKeySecurityClient(registrationId, key);
  const client = ProvisioningDeviceClient.create(HOST, idScope, transport, security);
  if (payload !== undefined) client.setProvisioningPayload(payload);
  return client.register();
}

/** Signs the device in to the hub that it was assigned to. */
async function connect({ assignedHub, deviceId, key, over = 'Mqtt', options }) {
  const text = `HostName=${assignedHub};DeviceId=${deviceId};SharedAccessKey=${key}`;
  const client = Client.fromConnectionString(text, hubTransports[over]);
  if (options) await client.setOptions(options);
  await client.open();
  return client;
}

/** The first desired properties that `wanted` accepts. */
function desired(twin, wanted) {
  return new Promise((resolve) => {
    twin.on('properties.desired', (patch) => wanted(patch) && resolve(JSON.parse(JSON.stringify(patch))));
  });
}

function report(twin, patch) {
  return new Promise((resolve, reject) => {
    twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
  });
}

module.exports = { connect, desired, register, report };
