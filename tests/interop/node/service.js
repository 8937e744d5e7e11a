// Enrollments through `azure-iot-provisioning-service`.
'use strict';
const assert = require('assert/strict');
const https = require('https');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { HUB, agent, connectionString, main, within, rejected } = require('./witness');

const attestation = { type: 'symmetricKey' }; // the service makes the keys

// This SDK takes neither a port nor an agent: the gateway leads the whole process.
function client(change = (text) => text) {
  https.globalAgent = agent();
  const text = connectionString('my-dps.azure-devices-provisioning.net');
  return ProvisioningServiceClient.fromConnectionString(change(text));
}

// The two kinds of record, by the names of the SDK's calls.
function enrollments() {
  const service = client();
  return {
    key: 'registrationId',
    put: (record) => within('createOrUpdate', service.createOrUpdateIndividualEnrollment(record)),
    get: (name) => within('get', service.getIndividualEnrollment(name)),
    remove: (record) => within('delete', service.deleteIndividualEnrollment(record)),
    keys: (name) => within('attestation', service.getIndividualEnrollmentAttestationMechanism(name)),
    query: (size) => service.createIndividualEnrollmentQuery({ query: 'SELECT * FROM enrollments' }, size),
  };
}

function groups() {
  const service = client();
  return {
    key: 'enrollmentGroupId',
    put: (record) => within('createOrUpdate', service.createOrUpdateEnrollmentGroup(record)),
    get: (name) => within('get', service.getEnrollmentGroup(name)),
    remove: (record) => within('delete', service.deleteEnrollmentGroup(record)),
    keys: (name) => within('attestation', service.getEnrollmentGroupAttestationMechanism(name)),
    query: (size) => service.createEnrollmentGroupQuery({ query: 'SELECT * FROM enrollmentGroups' }, size),
  };
}

// The SDK's promises hold the object and the HTTP response.
const body = (result) => result.responseBody;

const gone = (error) => assert.equal(error.response.statusCode, 404);

/** Create, read, update by ETag, delete: what enrollments and groups have in common. */
async function lifecycle(records, name) {
  const made = body(await records.put({ [records.key]: name, attestation }));
  assert.equal(made[records.key], name);
  assert.equal(made.provisioningStatus, 'enabled');

  const read = body(await records.get(name));
  assert.equal(read.etag, made.etag);

  // Without an ETag it is another creation.
  const again = await rejected(records.put({ [records.key]: name, attestation }));
  assert.equal(again.name, 'DeviceAlreadyExistsError');

  // The SDK sends the `etag` of the object as If-Match.
  read.allocationPolicy = 'static';
  read.iotHubs = [HUB];
  const changed = body(await records.put(read));
  assert.equal(changed.allocationPolicy, 'static');
  assert.notEqual(changed.etag, made.etag);

  // The first ETag is now stale, for changes and for deletion.
  assert.equal((await rejected(records.put(read))).name, 'InvalidEtagError');
  assert.equal((await rejected(records.remove(read))).name, 'InvalidEtagError');

  const keys = body(await records.keys(name));
  assert.equal(Object.keys(keys.symmetricKey).length, 2);

  await records.remove(changed);
  gone(await rejected(records.get(name)));
  return `${name} created, read, changed and deleted`;
}

async function paging(records) {
  const prefix = `node-page-${process.pid}-`;
  const names = [0, 1, 2, 3, 4].map((n) => prefix + n);
  for (const name of names) await records.put({ [records.key]: name, attestation });
  const query = records.query(2);
  const found = [];
  let pages = 0;
  while (query.hasMoreResults) {
    // Called without a token, and without a callback, the SDK asks for the first page again.
    const page = body(await within('query', query.next(query.continuationToken)));
    assert(page.length <= 2, `a page of ${page.length}, though 2 were asked for`);
    found.push(...page.map((record) => record[records.key]).filter((name) => name.startsWith(prefix)));
    pages += 1;
    assert(pages < 100, 'pages without end');
  }
  assert.deepEqual(found.sort(), names, 'all of them, once each');
  for (const name of names) await records.remove(name);
  return `${found.length} found on ${pages} pages`;
}

async function bulk() {
  const service = client();
  // Without a callback the SDK's promise is never settled.
  const run = (mode, list) =>
    within(`bulk ${mode}`, new Promise((resolve, reject) => {
      const operation = { mode, enrollments: list };
      service.runBulkEnrollmentOperation(operation, (error, result) => (error ? reject(error) : resolve(result)));
    }));
  const list = [0, 1, 2].map((n) => ({ registrationId: `node-bulk-${process.pid}-${n}`, attestation }));
  const { get } = enrollments();

  const made = await run('create', list);
  assert.equal(made.isSuccessful, true);
  assert.equal(body(await get(list[2].registrationId)).registrationId, list[2].registrationId);
  // Creating one again is that one's error and nobody else's.
  const again = await run('create', list.slice(0, 1));
  assert.equal(again.isSuccessful, false);
  assert.equal(again.errors.length, 1);
  assert.equal(again.errors[0].registrationId, list[0].registrationId);
  assert.equal((await run('delete', list)).isSuccessful, true);
  gone(await rejected(get(list[0].registrationId)));
  return `${list.length} created and deleted; again: ${JSON.stringify(again.errors[0])}`;
}

async function wrongKey() {
  const service = client((text) => text.replace(/SharedAccessKey=[^;]+/, 'SharedAccessKey=d3Jvbmc='));
  const error = await rejected(within('get', service.getIndividualEnrollment('node-device')));
  assert.equal(error.name, 'UnauthorizedError');
  return error.name;
}

main({
  enrollment: () => lifecycle(enrollments(), 'node:device_1.a'),
  group: () => lifecycle(groups(), 'node-group'),
  'enrollment-pages': () => paging(enrollments()),
  'group-pages': () => paging(groups()),
  bulk,
  'wrong-key': wrongKey,
});
