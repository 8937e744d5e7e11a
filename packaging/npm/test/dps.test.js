// `startDps` by itself: what it says when something is wrong, and what it leaves behind.
'use strict';
const assert = require('node:assert/strict');
const { execFile, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { test } = require('node:test');
const tls = require('node:tls');
const { ProvisionSimError, startDps } = require('provision-sim');
const { register } = require('./devices');

const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');

/** Runs a program to its end. */
function ran(file, args, env = process.env) {
  return new Promise((resolve) => {
    execFile(file, args, { env, cwd: __dirname }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
  });
}

test('the folders are gone when the service has ended, and stopping twice is once', async () => {
  const dps = await startDps();
  assert.match(dps.ca, /BEGIN CERTIFICATE/);
  assert.match(dps.idScope, /^0ne/);
  await Promise.all([dps.stop(), dps.stop()]);
  assert.equal(fs.existsSync(dps.caFile), false);
});

test('it can be disposed of', async () => {
  const dps = await startDps();
  await dps[asyncDispose]();
  assert.equal(fs.existsSync(dps.caFile), false);
});

test('a service that does not start: its own words, and the command', async () => {
  await assert.rejects(startDps({ config: 'no-such-file.toml' }), (error) => {
    assert(error instanceof ProvisionSimError);
    assert.match(error.message, /the service did not start: the service ended with exit code 2/);
    assert.match(error.message, /no-such-file\.toml/);
    assert.match(error.message, /the command: .* serve /);
    return true;
  });
});

test('wrong options are refused in words', async () => {
  await assert.rejects(startDps({ hubs: ['not a hub'] }), /not a hub/);
  await assert.rejects(startDps({ config: 'a.toml', hubs: ['a.azure-devices.net'] }), /linkedHubs/);
  await assert.rejects(startDps({ args: ['--no-such-flag'] }), /--no-such-flag/);
  await assert.rejects(startDps({ allocation: 'a.azure-devices.net' }), /function/);
});

test('wrong arguments of its methods too', async (t) => {
  const dps = await startDps({ test: t });
  assert.throws(() => dps.groupKey('nobody'), /no group nobody .* contoso-custom-allocated-devices, simulated-devices/);
  assert.throws(() => dps.hubConnectionString('nobody'), /no hub nobody; there are contoso-toasters-hub/);
  await assert.rejects(dps.enroll({}), /registrationId/);
  await assert.rejects(dps.enroll({ registrationId: 'a', primaryKey: 'short' }), /400/);
  await assert.rejects(dps.enrollment({ group: 'nobody' }), /404/);
  await assert.rejects(dps.setDesired('nobody', {}), /no hub has a device nobody/);
  assert.equal(await dps.registration('nobody'), undefined);
  assert.equal(await dps.twin('nobody'), undefined);
});

test('who waits in vain is told what came instead', async (t) => {
  const dps = await startDps({ test: t });
  await assert.rejects(dps.waitForRegistration('pump-1', { timeout: 1 }), (error) => {
    assert.match(error.message, /waiting for a registration of pump-1: nothing came within \d+ ms/);
    assert.match(error.message, /nothing of pump-1/);
    assert.match(error.conversation, /What it logged/);
    return true;
  });
});

test('nothing that a device says controls a terminal', async (t) => {
  const dps = await startDps({ test: t });
  dps.intercept();
  const device = { ...dps, registrationId: 'pump-1', key: dps.deviceKey('pump-1'), over: 'Http' };
  await register({ ...device, payload: { '\u001b[2J': 'a\u202eb\u2028#2 pump-1: refused' } });
  const text = await dps.conversation();
  assert.match(text, /pump-1 over https/);
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
});

test('a test that fails says what the service saw', async () => {
  const env = { ...process.env };
  delete env.NODE_TEST_CONTEXT; // it is a run of its own
  const failed = await ran(process.execPath, ['--test', 'fixtures/fails.js'], env);
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /pump-1 over https, group enrollment simulated-devices: assigned/);
  assert.match(failed.stdout, /What it logged/);
});

test('it can be imported', async () => {
  const { stdout, stderr } = await ran(process.execPath, ['fixtures/imports.mjs']);
  assert.equal(stdout, 'startDps,refuse,binary,ProvisionSimError\n', stderr);
});

for (const how of ['throws', 'exits', 'is killed', 'forgets to stop']) {
  test(`a program that ${how} leaves no service behind`, async () => {
    const program = spawn(process.execPath, ['fixtures/starts.js', how], { cwd: __dirname, stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = await once(readline.createInterface({ input: program.stdout }), 'line');
    const { admin, folder } = JSON.parse(line);
    // This connection ends with the service.
    const witness = net.connect(Number(admin.split(':')[1]), '127.0.0.1');
    await once(witness, 'connect');
    const closed = new Promise((resolve) => witness.on('error', () => {}).on('close', resolve).resume());
    const exited = once(program, 'exit');
    program.kill(how === 'is killed' ? 'SIGKILL' : 'SIGUSR2');
    await Promise.all([closed, exited]);
    if (how !== 'is killed') assert.equal(fs.existsSync(folder), false);
    fs.rmSync(folder, { recursive: true, force: true });
  });
}

test('a reset forgets devices, and brings the enrollments back', async (t) => {
  const dps = await startDps({ test: t });
  await dps.enroll({ group: 'pumps' });
  await dps.enroll({ registrationId: 'pump-1' });
  await dps.reset();
  assert.deepEqual(await dps.journal(), []);
  assert.throws(() => dps.groupKey('pumps'));
  await assert.rejects(dps.enrollment({ registrationId: 'pump-1' }), /404/);
});

test('an interception ends with its service, and is the only one', async (t) => {
  const { connect } = tls;
  const [one, two] = await Promise.all([startDps({ test: t }), startDps({ test: t })]);
  one.intercept();
  assert.notEqual(tls.connect, connect);
  assert.throws(() => two.intercept(), /another service intercepts/);
  await one.stop();
  assert.equal(tls.connect, connect);
  two.intercept().restore();
  assert.equal(tls.connect, connect);
});

test('certificates: a device of its own, and a group below a CA', async (t) => {
  const dps = await startDps({ test: t, args: ['--allow-unverified-ca'] });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'provision-sim-pki-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const { binary } = require('provision-sim');
  await ran(binary(), ['pki', '--out', folder, '--reg-id', 'pump-1']);
  const read = (file) => fs.readFileSync(path.join(folder, file), 'utf8');
  const [leaf] = /-----BEGIN[^]*?-----END CERTIFICATE-----\n/.exec(read('devices/pump-1-chain.pem'));
  const individual = await dps.enroll({ registrationId: 'pump-1', certificate: leaf });
  assert.equal(individual.primaryKey, undefined);
  assert.throws(() => individual.deviceKey(), /no symmetric keys/);
  const group = await dps.enroll({ group: 'pumps', certificate: read('root-cert.pem') });
  const { attestation } = await group.record();
  assert.match(attestation.x509.signingCertificates.primary.info.subjectName, /CN=/);
});

test('a device with a TPM, and one that is issued a certificate', async (t) => {
  const dps = await startDps({ test: t });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'provision-sim-tpm-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const { binary } = require('provision-sim');
  const file = (name) => path.join(folder, name);
  const shown = await ran(binary(), ['tpm', 'show', '--tpm-state', file('tpm.pem'), '-o', 'json']);
  const { endorsementKey } = JSON.parse(shown.stdout);
  await dps.enroll({ registrationId: 'with-tpm', endorsementKey });
  const pump = await dps.enroll({ registrationId: 'pump-1', members: { certificatePolicyName: 'default' } });
  const service = ['--id-scope', dps.idScope, '--host', dps.https, '--ca-file', dps.caFile, '--transport', 'https'];
  const register = async (id, proof) => {
    const { code, stderr } = await ran(binary(), ['register', '-q', ...service, '--reg-id', id, ...proof]);
    assert.equal(code, 0, stderr);
  };

  await register('with-tpm', ['--tpm-state', file('tpm.pem')]);
  await register('pump-1', ['--device-key', pump.primaryKey, '--new-key', file('pump.key')]);

  const [attested] = await dps.journal({ registrationId: 'with-tpm' });
  assert.deepEqual(attested.attestation, { type: 'tpm' });
  assert.equal(typeof attested.challenge.answered, 'number');
  const [issued] = await dps.journal({ registrationId: 'pump-1' });
  assert.equal(issued.certificate.subject, 'CN=pump-1');
  assert.deepEqual([attested.certificate, issued.renewals], [null, []]);
});

test('faults strike, are counted, and removed', async (t) => {
  const dps = await startDps({ test: t });
  dps.intercept();
  const fault = await dps.fault('register status=429 retry-after=1 times=1 device=pump-1');
  assert.equal(fault.rule, 'register device=pump-1 times=1 status=429 retry-after=1');
  assert.equal(await fault.struck(), 0);
  const key = dps.deviceKey('pump-1');
  await register({ ...dps, registrationId: 'pump-1', key });
  assert.deepEqual([await fault.struck(), await fault.matched()], [1, 2]);
  assert.deepEqual((await dps.faults()).map(({ id }) => id), [fault.id]);
  await fault[asyncDispose]();
  await fault.remove();
  assert.deepEqual([(await dps.faults()).length, await fault.struck()], [0, 1]);
  const [refused] = await dps.journal({ registrationId: 'pump-1', status: 'refused' });
  assert.equal(refused.failedCheck, 'fault');

  for (const [rule, told] of [
    ['poll statsu=503', /did you mean status/],
    ['poll connack=5', /can never strike at poll/],
    ['', /the rule is empty/],
  ]) {
    await assert.rejects(dps.fault(rule), told);
  }
  const last = await dps.fault('poll silence');
  await dps.fault('tls close');
  await dps.clearFaults();
  assert.deepEqual(await dps.faults(), []);
  await dps.stop();
  await last.remove();
  assert.equal(await last.struck(), 0);
});
