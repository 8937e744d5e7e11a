// The unmodified Node SDKs against `startDps`, with production host names and ports.
'use strict';
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const https = require('node:https');
const { after, before, describe, test } = require('node:test');
const { promisify } = require('node:util');
const { Registry } = require('azure-iothub');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { refuse, startDps } = require('provision-sim');
const { connect, desired, register, report } = require('./devices');

const TUTORIAL_HUB = 'contoso-toasters-hub-1098.azure-devices.net';
const HUBS = ['hub-west.azure-devices.net', 'hub-east.azure-devices.net'];

describe('a program as it is, its connections intercepted', () => {
  let dps;
  before(async () => {
    dps = await startDps();
    dps.intercept();
  });
  after(() => dps.stop());

  for (const over of ['Mqtt', 'MqttWs', 'Http', 'Amqp', 'AmqpWs']) {
    test(`the tutorial's toaster is accepted over ${over}`, async () => {
      const registrationId = `contoso-toaster-007-${over}`;
      const key = dps.deviceKey(registrationId);
      const result = await register({ ...dps, registrationId, key, over });
      assert.equal(result.assignedHub, TUTORIAL_HUB);
      const entry = await dps.waitForRegistration(registrationId);
      assert.equal(entry.status, 'assigned');
      assert.equal((await dps.registration(registrationId)).assignedHub, TUTORIAL_HUB);
    });

    test(`its heat pump is rejected over ${over}, and the journal says by whom`, async () => {
      const registrationId = `contoso-heatpump-088-${over}`;
      await assert.rejects(register({ ...dps, registrationId, key: dps.deviceKey(registrationId), over }));
      const entry = await dps.waitForRegistration(registrationId);
      assert.equal(entry.errorCode, 400207);
      assert.equal(entry.webhook.attempts[0].status, 400);
    });
  }

  for (const over of ['Mqtt', 'MqttWs', 'Amqp', 'AmqpWs']) {
    test(`a device goes on to its hub over ${over}: first twin, report, desired property`, async () => {
      const registrationId = `pump-${over}`;
      const { primaryKey: key } = await dps.enroll({
        registrationId,
        deviceId: `${registrationId}-at-its-hub`,
        initialTwin: { tags: { site: 'b1' }, properties: { desired: { interval: 30 } } },
      });
      const result = await register({ ...dps, registrationId, key, over });
      const device = await connect({ ...result, key, over });
      const twin = await device.getTwin();
      assert.equal(twin.properties.desired.interval, 30);

      const arrived = desired(twin, ({ interval }) => interval === 5);
      await report(twin, { firmware: '1.2' });
      await dps.setDesired(result.deviceId, { interval: 5 });
      assert.equal((await arrived).interval, 5);

      const seen = await dps.twin(result.deviceId);
      assert.deepEqual([seen.connectionState, seen.reported.firmware, seen.tags.site], ['Connected', '1.2', 'b1']);
      await device.close();
    });
  }

  test('the service SDKs are led too', async () => {
    const record = { registrationId: 'by-the-sdk', attestation: { type: 'symmetricKey' } };
    const text = dps.serviceConnectionString.replace(/HostName=[^;]+/, `HostName=${dps.host}`);
    await ProvisioningServiceClient.fromConnectionString(text).createOrUpdateIndividualEnrollment(record);
    const { primaryKey: key } = await dps.enrollment(record);
    const { deviceId } = await register({ ...dps, registrationId: 'by-the-sdk', key });
    const twin = (await Registry.fromConnectionString(dps.hubConnectionString()).getTwin(deviceId)).responseBody;
    assert.equal(twin.deviceId, deviceId);
  });

  test('a disabled enrollment keeps its device away, an enabled one lets it in again', async () => {
    const registrationId = 'kettle-1';
    const enrollment = await dps.enroll({ registrationId });
    const device = { ...dps, registrationId, key: enrollment.primaryKey };
    await register(device);
    const first = await dps.waitForRegistration(registrationId);

    await enrollment.disable();
    await assert.rejects(register(device));
    const second = await dps.waitForRegistration(registrationId, { after: first.sequence });
    assert.equal(second.status, 'disabled');

    await enrollment.enable();
    await register(device);
    await enrollment.delete();
    await assert.rejects(register(device));
    const last = (await dps.journal({ registrationId })).at(-1);
    assert.equal(last.status, 'refused');
  });

  test('a name that is not there is refused by the gateway, and nothing goes to Azure', async () => {
    const stranger = { assignedHub: 'somebody-elses.azure-devices.net', deviceId: 'a', key: 'a2V5' };
    await assert.rejects(connect(stranger), /somebody-elses\.azure-devices\.net/);
  });
});

describe('hubs and an allocation function of the test', () => {
  let dps;
  const requests = [];
  before(async () => {
    const allocation = (request) => {
      requests.push(request);
      const { registrationId, payload } = request.deviceRuntimeContext;
      if (registrationId === 'broken') throw new Error('a mistake in the test');
      if (!payload) return refuse('no payload', 418);
      return {
        iotHubHostName: request.linkedHubs.find((hub) => hub.startsWith(payload.side)),
        initialTwin: { properties: { desired: { side: payload.side } } },
        payload: { welcome: registrationId },
      };
    };
    dps = await startDps({ hubs: HUBS, allocation });
    dps.intercept();
  });

  test('it is asked, and its answer reaches the device and its twin', async () => {
    const registrationId = 'pump-1';
    const payload = { side: 'hub-east', room: 'Küche' };
    const result = await register({ ...dps, registrationId, key: dps.deviceKey(registrationId), payload });
    assert.equal(result.assignedHub, HUBS[1]);
    assert.deepEqual(result.payload, { welcome: 'pump-1' });
    assert.deepEqual(requests[0].deviceRuntimeContext.payload, payload);
    assert.deepEqual([...requests[0].linkedHubs].sort(), [...HUBS].sort());
    assert.equal((await dps.twin('pump-1')).desired.side, 'hub-east');
  });

  test('its refusal is what the device is told', async () => {
    await assert.rejects(register({ ...dps, registrationId: 'shy', key: dps.deviceKey('shy') }), (error) => {
      assert.match(error.result.registrationState.errorMessage, /418/);
      return true;
    });
    const text = await dps.conversation('shy');
    assert.match(text, /#\d+ shy over mqtt, group enrollment devices: failed/);
    assert.match(text, /checks, and finds good: .*the token's signature/);
    assert.match(text, /! +\d+ ms  webhook  answers 418 after .*: no payload/);
    assert.match(text, /that is: the enrollment's webhook refused the device/);
    const [entry] = await dps.journal({ registrationId: 'shy' });
    assert.equal((await dps.timeline(entry))[0].actor, 'device');
  });

  test('an enrollment can have one of its own', async () => {
    const allocation = async () => HUBS[0];
    const { primaryKey: key } = await dps.enroll({ registrationId: 'mixer', allocation });
    const { assignedHub } = await register({ ...dps, registrationId: 'mixer', key });
    assert.equal(assignedHub, HUBS[0]);
  });

  test('a group, and the key of any device in it', async () => {
    const group = await dps.enroll({ group: 'ovens', hub: HUBS[1] });
    assert.equal(group.deviceKey('oven-1'), dps.deviceKey('oven-1', 'ovens'));
    const { assignedHub } = await register({ ...dps, registrationId: 'oven-1', key: group.deviceKey('oven-1') });
    assert.equal(assignedHub, HUBS[1]);
  });

  test('what it throws comes out at the end', async () => {
    await assert.rejects(register({ ...dps, registrationId: 'broken', key: dps.deviceKey('broken') }));
    await assert.rejects(dps.stop(), /a mistake in the test/);
  });
});

test('a program in a process of its own', async (t) => {
  const dps = await startDps({ test: t, hubs: HUBS.slice(0, 1) });
  const args = ['--require', 'provision-sim/intercept', 'fixtures/device.js', 'pump-1', dps.deviceKey('pump-1')];
  const run = (env) => promisify(execFile)(process.execPath, args, { cwd: __dirname, env: { ...process.env, ...env } });
  assert.equal((await run(dps.env)).stdout, `${HUBS[0]}\n`);
  await assert.rejects(run({}), /needs PROVISION_SIM_GATEWAY/);
});

describe('an agent, where an SDK takes one', () => {
  let dps;
  before(async () => (dps = await startDps({ hubs: HUBS })));
  after(() => dps.stop());

  test('HTTPS by the default agent, and on to the hub with MQTT over WebSocket', async (t) => {
    const { globalAgent } = https;
    t.after(() => (https.globalAgent = globalAgent));
    https.globalAgent = dps.agent();
    const registrationId = 'pump-1';
    const key = dps.deviceKey(registrationId);
    const result = await register({ ...dps, registrationId, key, over: 'Http' });
    assert.equal(result.status, 'assigned');

    https.globalAgent = globalAgent;
    const options = { mqtt: { webSocketAgent: dps.agent() } };
    const device = await connect({ ...result, key, over: 'MqttWs', options });
    assert.equal((await dps.twin(registrationId)).connectionState, 'Connected');
    await device.close();
  });

  test('what is not ours is refused in words', async () => {
    const asked = new Promise((_, reject) => https.get('https://example.com/', { agent: dps.agent() }).on('error', reject));
    await assert.rejects(asked, /does not lead to example\.com:443: .*\S/);
  });
});
