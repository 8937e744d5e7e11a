// Devices with symmetric keys, on any transport of the Node SDK.
'use strict';
const assert = require('assert/strict');
const { createHmac } = require('crypto');
const https = require('https');
const { MqttBase } = require('azure-iot-mqtt-base');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Amqp, AmqpWs } = require('azure-iot-provisioning-device-amqp');
const { Http } = require('azure-iot-provisioning-device-http');
const { Mqtt, MqttWs } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { FACTS, HUB, DPS, agent, within, rejected, journal, payloadAtWebhook } = require('./witness');

// The keys of the world that `serve` has without a configuration; they are published.
const CONTOSO = 'oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==';
const SIMULATED = '8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==';

const derived = (groupKey, registrationId) =>
  createHmac('sha256', Buffer.from(groupKey, 'base64')).update(registrationId).digest('base64');

const port = (endpoint) => endpoint.slice(endpoint.lastIndexOf(':') + 1);

// How each transport is led to the local service: the provisioning client has no option for it.
const TRANSPORTS = {
  // Through no proxy, but by a port of its own.
  mqtt: () => [`localhost:${port(FACTS.mqtt)}`, new Mqtt()],
  // What the hub's client has an option for, its transport has too.
  mqttWs: () => {
    const base = new MqttBase();
    base.setOptions({ mqtt: { webSocketAgent: agent() } });
    return [DPS, new MqttWs(base)];
  },
  amqp: () => [`localhost:${port(FACTS.amqp)}`, new Amqp()],
  amqpWs: () => {
    const connection = new AmqpWs();
    connection.setTransportOptions({ webSocketAgent: agent() });
    return [DPS, connection];
  },
  http: () => {
    https.globalAgent = agent();
    return [DPS, new Http()];
  },
};

/** A client of the SDK; `security` is one of its own security clients. */
function client(transport, security) {
  const [host, connection] = TRANSPORTS[transport]();
  return ProvisioningDeviceClient.create(host, FACTS.idScope, connection, security);
}

/** What the service said about a failure: each transport keeps it elsewhere. */
const said = (error) => error.result ?? JSON.parse(error.responseBody ?? error.description);

function cases(transport) {
  function register(registrationId, key, payload) {
    const device = client(transport, new SymmetricKeySecurityClient(registrationId, key));
    if (payload) device.setProvisioningPayload(payload);
    return within('register', device.register());
  }

  return {
    async toaster() {
      const name = 'contoso-toaster-007';
      const payload = { MyDeviceFirmwareVersion: '12.0.2.5', room: 'Küche', slots: [1, 2.5, null] };
      const result = await register(name, derived(CONTOSO, name), payload);
      assert.equal(result.status, 'assigned');
      assert.equal(result.assignedHub, HUB);
      assert.equal(result.deviceId, name);
      assert.deepEqual(await payloadAtWebhook(name), payload);
      assert.equal((await journal(name)).enrollment, 'contoso-custom-allocated-devices');
      return `${result.deviceId} assigned to ${result.assignedHub}`;
    },

    async 'heat-pump'() {
      const name = 'contoso-heatpump-088';
      const error = await rejected(register(name, derived(CONTOSO, name)));
      assert.equal(error.name, 'ProvisioningRegistrationFailedError');
      assert.equal(said(error).status, 'failed');
      assert.equal(said(error).registrationState.errorCode, 400207);
      assert.equal(said(error).registrationState.errorMessage, 'Custom allocation failed with status code: 400');
      assert.equal((await journal(name)).errorCode, 400207);
      return `${error.name}: ${said(error).registrationState.errorCode} ${said(error).registrationState.errorMessage}`;
    },

    async 'wrong-key'() {
      const name = 'contoso-toaster-007';
      const error = await rejected(register(name, derived(CONTOSO, 'contoso-toaster-008')));
      // Each transport has its own code.
      const code = transport.startsWith('mqtt') ? 401000 : 401002;
      // Of AMQP, the SDK hands over the error as it came.
      if (transport.startsWith('amqp')) assert.equal(error.condition, 'amqp:unauthorized-access');
      else assert.equal(error.name, 'UnauthorizedError');
      assert.equal(said(error).errorCode, code);
      const line = await journal(name);
      assert.deepEqual([line.errorCode, line.failedCheck], [code, 'signature']);
      return `${error.condition ?? error.name}: ${said(error).errorCode}; the journal has ${line.failedCheck}`;
    },

    async 'any-device'() {
      // This SDK escapes nothing of an ID.
      const name = `Node:sim_ulated.device-1:${transport}`;
      const result = await register(name, derived(SIMULATED, name));
      assert.equal(result.status, 'assigned');
      assert.equal(result.deviceId, name);
      assert.equal(result.payload, undefined);
      assert.equal((await journal(name)).enrollment, 'simulated-devices');
      return `${result.deviceId} assigned to ${result.assignedHub}`;
    },
  };
}

module.exports = { cases, client, derived };
