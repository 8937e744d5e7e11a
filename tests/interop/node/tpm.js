// Devices with a TPM: `azure-iot-security-tpm` on swtpm, which stands here for Microsoft's simulator (tpm.py). A case's
// name begins with its transport to DPS; to the hub it is AMQP or MQTT, over WebSocket.
'use strict';
const assert = require('assert/strict');
const { createHash } = require('crypto');
const dns = require('dns');
const fs = require('fs');
const https = require('https');
const { Client, Message } = require('azure-iot-device');
const { AmqpWs } = require('azure-iot-device-amqp');
const { MqttWs } = require('azure-iot-device-mqtt');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { TpmAuthenticationProvider, TpmSecurityClient } = require('azure-iot-security-tpm');
const { Tpm } = require('tss.js');
const { client } = require('./device');
const { FACTS, DPS, HUB, agent, connectionString, main, messages, within, rejected, journal } = require('./witness');

/** The SDK's client of this case's TPM, with the registration ID given, or one of its own. */
const security = (name) => new TpmSecurityClient(name, new Tpm(true, '127.0.0.1', FACTS.tpm.simulator));

/** One of the TPM's two keys, in Base64. */
const key = (of, device) =>
  within(`get${of}Key`, new Promise((resolve, reject) => {
    device[`get${of}Key`]((error, data) => (error ? reject(error) : resolve(data.toString('base64'))));
  }));

/** Enrolls a device by its endorsement key, as a back end does; `more` are further members. */
async function enrolled(registrationId, endorsementKey, more = {}) {
  https.globalAgent = agent(); // see service.js
  const service = ProvisioningServiceClient.fromConnectionString(
    connectionString('my-dps.azure-devices-provisioning.net'),
  );
  const attestation = { type: 'tpm', tpm: { endorsementKey } };
  const made = await within(
    'createOrUpdate',
    service.createOrUpdateIndividualEnrollment({ registrationId, attestation, ...more }),
  );
  assert.equal(made.responseBody.attestation.tpm.endorsementKey, endorsementKey);
}

// With a TPM, the SDK loses the agent of its AMQP over WebSocket, and dials what this says is Azure (relay.py).
dns.lookup = ((lookup) => (name, ...more) => lookup(name === DPS ? FACTS.azure : name, ...more))(dns.lookup);

async function provisioned(name, transport, device) {
  // With a TPM, the SDK hands over the whole answer.
  const { registrationState: state } = await within('register', client(transport, device).register());
  assert.equal(state.status, 'assigned');
  assert.equal(state.assignedHub, HUB);
  assert.equal(state.deviceId, name);
  const line = await journal(name);
  assert.deepEqual([line.status, line.enrollment], ['assigned', name]);
}

/** Signs in at the hub with the key that the TPM was given, and is heard there; `heard` is how often by then. */
async function atItsHub(name, transport, device, heard) {
  const provider = TpmAuthenticationProvider.fromTpmSecurityClient(name, HUB, device);
  const connection = Client.fromAuthenticationProvider(provider, transport.startsWith('amqp') ? AmqpWs : MqttWs);
  const options = { webSocketAgent: agent() };
  await within('setOptions', connection.setOptions({ amqp: options, mqtt: options }));
  await within('open', connection.open());
  await within('sendEvent', connection.sendEvent(new Message('{"temperature": 21.5}')));
  assert.equal(await within('messages', messages(name)), heard);
  await within('close', connection.close());
}

const assigned = (transport) => async () => {
  const name = `node-tpm-${transport.toLowerCase()}`;
  const device = security(name);
  await enrolled(name, await key('Endorsement', device));
  // A second time it gets another key, which takes the place of the first in the TPM, and at the hub.
  for (const heard of [1, 2]) {
    await provisioned(name, transport, device);
    await atItsHub(name, transport, device, heard);
  }
  return `${name} assigned to ${HUB} twice, and signed in there with both keys`;
};

/** The SDK makes the ID of the endorsement key. */
async function ownId() {
  const device = security();
  const endorsementKey = await key('Endorsement', device);
  const name = await within('getRegistrationId', new Promise((resolve, reject) => {
    device.getRegistrationId((error, id) => (error ? reject(error) : resolve(id)));
  }));
  assert.equal(name, base32(createHash('sha256').update(Buffer.from(endorsementKey, 'base64')).digest()));
  await enrolled(name, endorsementKey);
  await provisioned(name, 'http', device);
  return `${name} is its endorsement key's hash, and assigned`;
}

function base32(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.replace(/.{1,5}/g, (five) => 'abcdefghijklmnopqrstuvwxyz234567'[parseInt(five.padEnd(5, '0'), 2)]);
}

/** Registers with an enrollment that is for another TPM; the promise, and what the journal will have of it. */
async function withOtherTpm(name, transport) {
  const device = security(name);
  const endorsementKey = Buffer.from(await key('Endorsement', device), 'base64');
  endorsementKey[endorsementKey.length - 100] ^= 1; // of the modulus
  await enrolled(name, endorsementKey.toString('base64'));
  return client(transport, device).register();
}

async function otherTpm() {
  const name = 'node-other-tpm-http';
  const error = await rejected(within('register', withOtherTpm(name, 'http')));
  assert.equal(error.name, 'InvalidOperationError'); // it keeps nothing of the answer
  const { errorCode, failedCheck } = await journal(name);
  assert.deepEqual([errorCode, failedCheck], [404201, 'endorsementKey']);
  return `${error.name}; the journal has ${errorCode}, ${failedCheck}`;
}

/** SASL has no words for it, and the SDK then waits for ever: nobody listens for the end of its connection. */
async function otherTpmOverAmqp() {
  const name = 'node-other-tpm-amqp';
  withOtherTpm(name, 'amqp').then(() => assert.fail('it is assigned'));
  const { transport, failedCheck } = await within('refusal', entry(name));
  assert.deepEqual([transport, failedCheck], ['amqp', 'endorsementKey']);
  return `the journal has ${failedCheck}`;
}

/** What the journal has of a device that did not come to its registration. */
async function entry(registrationId) {
  for (;;) {
    const answer = await fetch(`http://${FACTS.admin}/journal?registrationId=${registrationId}`);
    const [last] = await answer.json();
    if (last) return last;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What webhook.py was told of the device. */
function toldToWebhook(registrationId) {
  const requests = fs.readFileSync(FACTS.webhookRequests, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  return requests.map((it) => it.deviceRuntimeContext).find((it) => it.registrationId === registrationId);
}

/** The tutorial's function refuses heat pumps, whatever they prove themselves with. */
const heatPump = (transport) => async () => {
  const name = `node-tpm-heatpump-${transport.toLowerCase()}`;
  const device = security(name);
  const tpm = { endorsementKey: await key('Endorsement', device), storageRootKey: await key('StorageRoot', device) };
  const webhook = { webhookUrl: FACTS.webhook, apiVersion: '2021-10-01' };
  await enrolled(name, tpm.endorsementKey, { allocationPolicy: 'custom', customAllocationDefinition: webhook });
  const error = await rejected(within('register', client(transport, device).register()));
  const state = error.result.registrationState;
  assert.equal(state.errorCode, 400207);
  assert.equal(state.errorMessage, 'Custom allocation failed with status code: 400');
  assert.deepEqual(toldToWebhook(name).tpm, tpm);
  return `${error.name}: ${state.errorCode} ${state.errorMessage}`;
};

main({
  http: assigned('http'),
  amqp: assigned('amqp'),
  'amqp-ws': assigned('amqpWs'),
  'http-own-id': ownId,
  'http-other-tpm': otherTpm,
  'amqp-other-tpm': otherTpmOverAmqp,
  'http-heat-pump': heatPump('http'),
  'amqp-heat-pump': heatPump('amqp'),
});
