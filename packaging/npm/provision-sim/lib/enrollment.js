// Enrollments that a test makes: what `enroll` is given, as the service API has it, and what it returns.
'use strict';
const { createHmac } = require('node:crypto');

/** The key of a device of a group. */
function derived(groupKey, registrationId) {
  return createHmac('sha256', Buffer.from(groupKey, 'base64')).update(registrationId).digest('base64');
}

/** The record of the service API; `webhookUrl` is that of the allocation callback. */
function record(options, webhookUrl) {
  const { registrationId, group, deviceId, hub, hubs, allocationPolicy, initialTwin, iotEdge, reprovisionPolicy } = options;
  if ((registrationId === undefined) === (group === undefined)) {
    throw new TypeError('enroll takes either { registrationId } for one device, or { group } for many');
  }
  const url = webhookUrl ?? options.webhookUrl;
  const candidates = hubs ?? (hub === undefined ? undefined : [hub]);
  const policy = allocationPolicy ?? (url ? 'custom' : hub === undefined ? undefined : 'static');
  return {
    ...(group === undefined ? { registrationId } : { enrollmentGroupId: group }),
    ...given({ deviceId, allocationPolicy: policy, iotHubs: candidates, reprovisionPolicy }),
    attestation: attestation(options, group !== undefined),
    provisioningStatus: options.disabled ? 'disabled' : 'enabled',
    ...(initialTwin && { initialTwin }),
    ...(iotEdge !== undefined && { capabilities: { iotEdge } }),
    ...(url && { customAllocationDefinition: { webhookUrl: url, apiVersion: '2021-10-01' } }),
    ...options.members,
  };
}

const given = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

function attestation(options, isGroup) {
  const { certificate, secondaryCertificate, primaryKey, secondaryKey, endorsementKey, storageRootKey } = options;
  if (endorsementKey !== undefined) return { type: 'tpm', tpm: given({ endorsementKey, storageRootKey }) };
  if (certificate === undefined) {
    return { type: 'symmetricKey', symmetricKey: given({ primaryKey, secondaryKey }) };
  }
  const slots = { primary: { certificate } };
  if (secondaryCertificate !== undefined) slots.secondary = { certificate: secondaryCertificate };
  return { type: 'x509', x509: { [isGroup ? 'signingCertificates' : 'clientCertificates']: slots } };
}

/** One that is there. */
class Enrollment {
  #api;

  constructor(api, { kind, name, primaryKey, secondaryKey }) {
    this.#api = api;
    this.kind = kind;
    this.name = name;
    /** With symmetric keys, otherwise undefined. */
    this.primaryKey = primaryKey;
    this.secondaryKey = secondaryKey;
  }

  /** The key of a device: derived from a group's, or that of the individual enrollment. */
  deviceKey(registrationId = this.name) {
    if (!this.primaryKey) throw new TypeError(`the ${this.kind} enrollment ${this.name} has no symmetric keys`);
    return this.kind === 'group' ? derived(this.primaryKey, registrationId) : this.primaryKey;
  }

  /** The record as the service API has it. */
  record() {
    return this.#api.get(this.kind, this.name);
  }

  disable() {
    return this.update({ provisioningStatus: 'disabled' });
  }

  enable() {
    return this.update({ provisioningStatus: 'enabled' });
  }

  /** Changes members of the record. */
  async update(members) {
    const now = await this.record();
    await this.#api.put(this.kind, this.name, { ...now, ...members }, { 'If-Match': now.etag });
  }

  async delete() {
    await this.#api.remove(this.kind, this.name);
  }
}

/** Calls of the service API about enrollments. */
class Enrollments {
  #api;
  #host;

  constructor(api, host) {
    this.#api = api;
    this.#host = host;
  }

  #call(method, path, body, headers) {
    return this.#api.call(this.#host, method, path, body, headers);
  }

  async get(kind, name) {
    return (await this.#call('GET', at(kind, name))).body;
  }

  async put(kind, name, body, headers) {
    return (await this.#call('PUT', at(kind, name), body, headers)).body;
  }

  async remove(kind, name) {
    await this.#call('DELETE', at(kind, name));
  }

  /** Makes one. */
  async make(options, webhookUrl) {
    const body = record(options, webhookUrl);
    const kind = options.group === undefined ? 'individual' : 'group';
    const name = options.group ?? options.registrationId;
    await this.put(kind, name, body);
    return this.find(kind, name);
  }

  /** One that is there, with its keys. */
  async find(kind, name) {
    const { body } = await this.#call('POST', `${at(kind, name)}/attestationmechanism`);
    return new Enrollment(this, { kind, name, ...body.symmetricKey });
  }

  /** All groups with symmetric keys. */
  async groups() {
    const all = [];
    let continuation;
    do {
      const headers = continuation ? { 'x-ms-continuation': continuation } : {};
      const query = { query: 'SELECT * FROM enrollmentGroups' };
      const page = await this.#call('POST', '/enrollmentGroups/query', query, headers);
      all.push(...page.body);
      continuation = page.headers['x-ms-continuation'];
    } while (continuation);
    const withKeys = all.filter(({ attestation }) => attestation.type === 'symmetricKey');
    return Promise.all(withKeys.map((group) => this.find('group', group.enrollmentGroupId)));
  }
}

const at = (kind, name) => `/${kind === 'group' ? 'enrollmentGroups' : 'enrollments'}/${encodeURIComponent(name)}`;

module.exports = { Enrollments, derived };
