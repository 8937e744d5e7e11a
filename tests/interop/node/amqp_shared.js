// AMQP, throttled: in an installation whose AMQP packages share one copy of `azure-iot-common`
// (shared/package.json). Only there does the SDK know a throttled request for one: with a copy each, its
// `instanceof` is false, and the registration ends with what should have been waited out.
'use strict';
const assert = require('assert/strict');
const { createHmac } = require('crypto');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Amqp, AmqpWs } = require('azure-iot-provisioning-device-amqp');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { FACTS, DPS, agent, main, within, journal } = require('./witness');

const derived = (registrationId) =>
  createHmac('sha256', Buffer.from(FACTS.hubGroupKey, 'base64')).update(registrationId).digest('base64');

/** The service refuses this device so often, with the wait that stands in the rule. */
async function goesWrong(rule) {
  const answer = await fetch(`http://${FACTS.admin}/faults`, { method: 'POST', body: JSON.stringify({ rule }) });
  assert.equal(answer.status, 201, await answer.text());
}

const throttled = (name, host, transport) => async () => {
  await goesWrong(`register status=429 retry-after=1 times=2 device=${name}`);
  await goesWrong(`poll status=503 retry-after=1 times=1 device=${name}`);
  const client = ProvisioningDeviceClient.create(
    host,
    FACTS.idScope,
    transport(),
    new SymmetricKeySecurityClient(name, derived(name)),
  );
  const started = Date.now();
  const result = await within('register', client.register());
  const waited = Date.now() - started;
  assert.equal(result.status, 'assigned');
  assert.equal(result.deviceId, name);
  assert(waited >= 2000, `two refusals of a second each, in ${waited} ms`);
  assert.equal((await journal(name)).enrollment, 'hub-devices');
  return `${result.deviceId} assigned to ${result.assignedHub} after two refusals`;
};

const overWebSocket = () => {
  const transport = new AmqpWs();
  transport.setTransportOptions({ webSocketAgent: agent() });
  return transport;
};

main({
  throttled: throttled('throttled-node-amqp', `localhost:${FACTS.amqp.split(':').at(-1)}`, () => new Amqp()),
  'throttled-ws': throttled('throttled-node-amqp-ws', DPS, overWebSocket),
});
