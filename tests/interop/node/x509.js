// Devices with certificates: see pki.py. The end of a case's name is its transport, mqtt if there is none.
'use strict';
const assert = require('assert/strict');
const fs = require('fs');
const path = require('path');
const { X509Security } = require('azure-iot-security-x509');
const { client } = require('./device');
const { FACTS, HUB, main, within, rejected, journal } = require('./witness');

function register(name, transport) {
  const read = (file) => fs.readFileSync(path.join(FACTS.pki, file), 'utf8');
  const security = new X509Security(name, { cert: read(`${name}.pem`), key: read(`${name}.key`) });
  return within('register', client(transport, security).register());
}

const assigned = (name, enrollment, transport) => async () => {
  const result = await register(name, transport);
  assert.equal(result.status, 'assigned');
  assert.equal(result.assignedHub, HUB);
  assert.equal(result.deviceId, name);
  assert.equal((await journal(name)).enrollment, enrollment);
  return `${result.deviceId} assigned to ${result.assignedHub}`;
};

async function stranger() {
  const error = await rejected(register('x509-stranger', 'mqtt'));
  assert.equal(error.name, 'UnauthorizedError');
  const line = await journal('x509-stranger');
  assert.equal(line.status, 'refused');
  return `${error.name}: ${error.result.errorCode}; the journal has ${line.failedCheck}`;
}

main({
  group: assigned('x509-in-group', 'x509-group', 'mqtt'),
  individual: assigned('x509-individual', 'x509-individual', 'mqtt'),
  stranger,
  'group-ws': assigned('x509-in-group', 'x509-group', 'mqttWs'),
  'group-http': assigned('x509-in-group', 'x509-group', 'http'),
  'group-amqp': assigned('x509-in-group', 'x509-group', 'amqp'),
  'group-amqp-ws': assigned('x509-in-group', 'x509-group', 'amqpWs'),
});
