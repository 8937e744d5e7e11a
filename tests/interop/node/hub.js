// From provisioning to the assigned hub with `azure-iot-device`: twin, desired update, messages, method.
//
// The device asks DPS for its hub, then signs in there: over WebSocket by the hub's own name, through the
// gateway of the service; over MQTT and AMQP, which take no proxy, by the SDK's own gateway option, with which user
// name and token keep the hub's name. `azure-iothub` plays the back end.
'use strict';
const assert = require('assert/strict');
const fs = require('fs');
const path = require('path');
const { AuthenticationType } = require('azure-iot-common');
const { Client, Message } = require('azure-iot-device');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { client: provisioning, derived } = require('./device');
const { call, registry, send } = require('./hub_service');
const { FACTS, HUB, agent, main, messages, within } = require('./witness');

const port = (endpoint) => endpoint.slice(endpoint.lastIndexOf(':') + 1);

const TRANSPORTS = {
  mqtt: { gateway: `localhost:${port(FACTS.mqtt)}`, transport: Mqtt },
  mqttWs: { transport: MqttWs, options: { mqtt: { webSocketAgent: agent() } } },
  amqp: { gateway: `localhost:${port(FACTS.amqp)}`, transport: Amqp },
  amqpWs: { transport: AmqpWs, options: { amqp: { webSocketAgent: agent() } } },
};

const withKey = (name, over) => async () => {
  const key = derived(FACTS.hubGroupKey, name);
  const { assignedHub, deviceId } = await provisioned(over, new SymmetricKeySecurityClient(name, key));
  const { gateway, transport, options } = TRANSPORTS[over];
  const text = `HostName=${assignedHub};DeviceId=${deviceId};SharedAccessKey=${key}`;
  const client = Client.fromConnectionString(gateway ? `${text};GatewayHostName=${gateway}` : text, transport);
  return livesAtItsHub(client, deviceId, options);
};

const withCertificate = (name, over) => async () => {
  const read = (file) => fs.readFileSync(path.join(FACTS.pki, file), 'utf8');
  const certificate = { cert: read(`${name}.pem`), key: read(`${name}.key`) };
  const { assignedHub, deviceId } = await provisioned(over, new X509Security(name, certificate));
  const { gateway, transport, options } = TRANSPORTS[over];
  // With a certificate, the SDK forgets the gateway of a connection string, but not that of a provider.
  const provider = {
    type: AuthenticationType.X509,
    getDeviceCredentials: (callback) =>
      callback(null, { host: assignedHub, deviceId, gatewayHostName: gateway, x509: certificate }),
  };
  return livesAtItsHub(Client.fromAuthenticationProvider(provider, transport), deviceId, options);
};

async function provisioned(over, security) {
  const result = await within('register', provisioning(over, security).register());
  assert.equal(result.status, 'assigned');
  assert.equal(result.assignedHub, HUB);
  return result;
}

const plain = (value) => JSON.parse(JSON.stringify(value));

async function livesAtItsHub(client, deviceId, options) {
  if (options) await within('setOptions', client.setOptions(options));
  await within('open', client.open());
  const twin = await within('getTwin', client.getTwin());
  const first = FACTS.initialTwin.properties.desired;
  assert.deepEqual(plain(twin.properties.desired), { ...first, $version: 1 });
  assert.equal(plain(twin.properties.reported).$version, 1);

  const updated = new Promise((resolve) => {
    // The SDK hands over what is there already, too.
    twin.on('properties.desired', (patch) => patch.interval === 5 && resolve(plain(patch)));
  });
  // After the subscription, on the same connection: when it is answered, the subscription stands.
  await within(
    'report',
    new Promise((resolve, reject) => {
      const patch = { firmware: '12.0.2.5', slots: { left: 1 } };
      twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
    }),
  );
  const back = registry();
  const change = { properties: { desired: { interval: 5, name: null } } };
  const changed = (await within('updateTwin', back.updateTwin(deviceId, change, '*'))).responseBody;
  assert.equal(changed.properties.desired.interval, 5);
  assert.equal(changed.properties.reported.firmware, '12.0.2.5');
  assert.deepEqual(changed.tags, FACTS.initialTwin.tags);
  const { name, ...patch } = await within('desired update', updated);
  assert.deepEqual([name, patch], [null, { interval: 5, $version: 2 }]);

  await within('sendEvent', client.sendEvent(new Message('{"temperature": 21.5}')));
  assert.equal(await within('messages', messages(deviceId)), 1);
  const identity = (await within('get', back.get(deviceId))).responseBody;
  assert.equal(identity.connectionState, 'Connected');

  const received = new Promise((resolve, reject) => {
    client.on('message', (message) => {
      client.complete(message, (error) => (error ? reject(error) : resolve(message)));
    });
  });
  await within('send', send(deviceId, 'open the valve'));
  const message = await within('message to the device', received);
  assert.deepEqual([message.data.toString(), message.properties.getValue('colour')], ['open the valve', 'blue']);

  client.onDeviceMethod('reboot', (request, response) =>
    response.send(207, { name: request.methodName, payload: request.payload }, () => {}),
  );
  const answered = (await within('invokeDeviceMethod', call(deviceId, 'reboot', { delay: 1.5 }))).result;
  assert.deepEqual(answered, { status: 207, payload: { name: 'reboot', payload: { delay: 1.5 } } });
  await within('close', client.close());
  return `${deviceId} at its hub: first twin, reported, desired update, messages both ways, method`;
}

main({
  mqtt: withKey('hub-node-mqtt', 'mqtt'),
  'mqtt-ws': withKey('hub-node-mqtt-ws', 'mqttWs'),
  'x509-mqtt': withCertificate('x509-hub-node-mqtt', 'mqtt'),
  'x509-mqtt-ws': withCertificate('x509-hub-node-mqtt-ws', 'mqttWs'),
  amqp: withKey('hub-node-amqp', 'amqp'),
  'amqp-ws': withKey('hub-node-amqp-ws', 'amqpWs'),
  'x509-amqp': withCertificate('x509-hub-node-amqp', 'amqp'),
  'x509-amqp-ws': withCertificate('x509-hub-node-amqp-ws', 'amqpWs'),
});
