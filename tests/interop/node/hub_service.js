// The hub's back end through `azure-iothub`: identities, twins, methods.
'use strict';
const assert = require('assert/strict');
const https = require('https');
const { ConnectionString, SharedAccessSignature, anHourFromNow } = require('azure-iot-common');
const { Client, Registry } = require('azure-iothub');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const device = require('./device');
const { FACTS, HUB, agent, connectionString, main, within, rejected } = require('./witness');

// This SDK takes no agent, but makes some of its own: all agents of the process are led through the gateway.
https.Agent = class extends https.Agent {
  constructor() {
    return agent();
  }
};

const text = connectionString(HUB);

function registry(change = (text) => text) {
  return Registry.fromConnectionString(change(text));
}

function call(deviceId, methodName, payload) {
  const method = { methodName, payload, responseTimeoutInSeconds: 30, connectTimeoutInSeconds: 10 };
  return Client.fromConnectionString(text).invokeDeviceMethod(deviceId, method);
}

/** Sends a message to a device by REST: the SDK's own way is AMQP, of which only the device's side is served. */
function send(deviceId, data) {
  const { SharedAccessKeyName, SharedAccessKey } = ConnectionString.parse(text);
  const token = SharedAccessSignature.create(HUB, SharedAccessKeyName, SharedAccessKey, anHourFromNow());
  const options = {
    method: 'POST',
    host: HUB,
    path: `/devices/${deviceId}/messages/devicebound?api-version=2021-04-12`,
    headers: { authorization: token.toString(), 'iothub-app-colour': 'blue' },
    agent: agent(),
  };
  return new Promise((resolve, reject) => {
    const request = https.request(options, (answer) => {
      answer.resume();
      if (answer.statusCode === 204) resolve();
      else reject(new Error(`${answer.statusCode} for a message to ${deviceId}`));
    });
    request.on('error', reject);
    request.end(data);
  });
}

/** Lets a device of that name register, so that its hub knows it. */
async function registered(name) {
  const security = new SymmetricKeySecurityClient(name, device.derived(FACTS.hubGroupKey, name));
  await within('register', device.client('mqtt', security).register());
  return name;
}

const body = (result) => result.responseBody;

async function identity() {
  const name = await registered('hub-node-identity');
  const back = registry();
  const found = body(await within('get', back.get(name)));
  assert.deepEqual([found.deviceId, found.status, found.authentication.type], [name, 'enabled', 'sas']);
  assert.equal((await rejected(back.get('nobody'))).name, 'DeviceNotFoundError');
  await within('delete', back.delete(name));
  assert.equal((await rejected(back.getTwin(name))).name, 'DeviceNotFoundError');
  return `${name} read and deleted`;
}

async function made() {
  const deviceId = 'hub-node-made';
  const back = registry();
  const made = body(await within('create', back.create({ deviceId })));
  assert.deepEqual([made.status, made.authentication.type], ['enabled', 'sas']);
  const primaryKey = 'MDAwMDAwMDAwMDAwMDAwMA==';
  const symmetricKey = { ...made.authentication.symmetricKey, primaryKey };
  const authentication = { type: 'sas', symmetricKey };
  const changed = body(await within('update', back.update({ deviceId, status: 'disabled', authentication })));
  assert.deepEqual([changed.status, changed.authentication.symmetricKey.primaryKey], ['disabled', primaryKey]);
  assert.equal((await rejected(back.create({ deviceId }))).name, 'DeviceAlreadyExistsError');
  assert.deepEqual(body(await within('getModulesOnDevice', back.getModulesOnDevice(deviceId))), []);
  assert.deepEqual(body(await within('getConfigurations', back.getConfigurations())), []);
  assert.equal(body(await within('getRegistryStatistics', back.getRegistryStatistics())).disabledDeviceCount, 1);
  const query = back.createQuery(`SELECT deviceId FROM devices WHERE deviceId = '${deviceId}'`);
  assert.deepEqual((await within('query', query.next())).result, [{ deviceId }]);
  const away = await rejected(call(deviceId, 'reboot', null));
  assert.equal(JSON.parse(JSON.parse(away.responseBody).Message).errorCode, 404103);
  await within('delete', back.delete(deviceId));
  return `${deviceId} made, changed, counted, found and deleted`;
}

async function twin() {
  const name = await registered('hub-node-twin');
  const back = registry();
  const first = body(await within('getTwin', back.getTwin(name)));
  assert.deepEqual(first.tags, FACTS.initialTwin.tags);
  assert.equal(first.properties.desired.interval, 30);
  const set = (interval) => back.updateTwin(name, { properties: { desired: { interval } } }, first.etag);
  const changed = body(await within('updateTwin', set(5)));
  assert.deepEqual([changed.properties.desired.interval, changed.properties.desired.$version], [5, 2]);
  assert.equal((await rejected(set(6))).name, 'InvalidEtagError');
  assert.equal(body(await within('getTwin', back.getTwin(name))).properties.desired.interval, 5);
  return `${name}: twin read, changed, and not changed by a stale ETag`;
}

async function wrongKey() {
  const back = registry((text) => text.replace(/SharedAccessKey=[^;]+/, 'SharedAccessKey=d3Jvbmc='));
  const error = await rejected(within('getTwin', back.getTwin('nobody')));
  assert.equal(error.name, 'UnauthorizedError');
  return error.name;
}

module.exports = { registry, call, send };
if (require.main === module) main({ device: identity, made, twin, 'wrong-key': wrongKey });
