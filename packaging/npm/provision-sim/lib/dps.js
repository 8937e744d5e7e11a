// The service of a test: `startDps`, and what it returns.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Functions } = require('./allocation');
const { binary } = require('./binary');
const { conversation } = require('./conversation');
const { Enrollments, derived } = require('./enrollment');
const { ProvisionSimError } = require('./error');
const { Fault } = require('./fault');
const { GatewayAgent, intercept } = require('./gateway');
const { api, connection, management } = require('./http');
const { Service } = require('./service');
const { configuration, groupOf } = require('./world');

// What every SDK is told in production.
const HOST = 'global.azure-devices-provisioning.net';
const DPS_API = '2021-10-01';
const HUB_API = '2021-04-12';
const TIMEOUT = 10_000;
// How many registrations a failure shows.
const ENTRIES = 20;

const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');

/** Starts a service on free ports, with a state folder of its own. */
async function startDps(options = {}) {
  const { config, hubs, retryAfter = 0, assigningPolls, allocation, name, args = [], startTimeout = TIMEOUT, test } = options;
  if (config !== undefined && hubs !== undefined) {
    throw new TypeError('startDps: `hubs` are those of a world without a configuration; put them into `config` as linkedHubs');
  }
  const file = binary();
  const functions = new Functions();
  const webhookUrl = allocation && (await functions.serve(allocation));
  const command = ['serve', '-o', 'jsonl', '-v', '--color', 'never', '--mqtt-port', '0', '--https-port', '0', '--amqp-port', '0'];
  command.push('--admin-port', '0', '--gateway-port', '0', '--retry-after', `${retryAfter}s`);
  if (assigningPolls !== undefined) command.push('--assigning-polls', String(assigningPolls));
  if (name !== undefined) command.push('--name', name);
  let made;
  if (config !== undefined) command.push('--config', path.resolve(config));
  if (hubs !== undefined) command.push('--config', (made = written(configuration(hubs, webhookUrl))));
  else if (webhookUrl) command.push('--webhook-url', webhookUrl);
  // A callback that throws is asked once, not four times.
  if (allocation) command.push('--webhook-retry', 'none');

  const service = new Service(file, [...command, ...args]);
  try {
    const ready = await service.next((line) => (line.event === 'ready' ? line : undefined), startTimeout, 'the service did not start');
    const dps = new Dps(service, ready, functions);
    await dps.prepare();
    if (test) during(test, dps);
    return dps;
  } catch (cause) {
    await service.stop();
    functions.close();
    const said = service.log.trim();
    throw new ProvisionSimError(`${cause.message}${said && `\n\n${said}`}\n\nthe command: ${service.command}`, { cause });
  } finally {
    if (made) fs.rmSync(path.dirname(made), { recursive: true, force: true });
  }
}

function written(text) {
  const folder = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'provision-sim-world-'));
  const file = path.join(folder, 'world.toml');
  fs.writeFileSync(file, text, { mode: 0o600 });
  return file;
}

// A test of `node:test`: the service ends with it, and where it failed, says what it saw. Before Node 20.12 a
// test does not know whether it has failed: there it is said in any case.
function during(test, dps) {
  test.after(async () => {
    const text = await dps.conversation().catch((error) => error.message);
    if (test.error || !('error' in test)) test.diagnostic(text);
    await dps.stop();
  });
}

/** A running service. */
class Dps {
  #service;
  #functions;
  #management;
  #api;
  #enrollments;
  #hubConnectionStrings = {};
  #keys = new Map();
  #groups = new Map();
  #first = [];
  #events = [];
  #intercepted;
  #stopped;

  constructor(service, ready, functions) {
    this.#service = service;
    this.#functions = functions;
    service.on('line', (line) => line.event === 'registration' && this.#events.push(line));
    this.host = HOST;
    this.idScope = ready.idScope;
    this.caFile = ready.caFile;
    this.ca = fs.readFileSync(ready.caFile, 'utf8');
    this.mqtt = ready.mqtt;
    this.https = ready.https;
    this.amqp = ready.amqp;
    this.gateway = ready.gateway ?? null;
    this.admin = ready.admin;
    this.pid = service.child.pid;
    this.serviceConnectionString = ready.serviceConnectionString;
    const credentials = connection(ready.serviceConnectionString);
    this.#management = management(ready.admin);
    this.#api = {
      dps: api(ready.https, this.ca, credentials, DPS_API),
      hub: api(ready.https, this.ca, credentials, HUB_API),
    };
    this.#enrollments = new Enrollments(this.#api.dps, credentials.hostName);
  }

  /** Reads what the ready line does not say: the hubs, and the keys of the groups. */
  async prepare() {
    const folder = path.join(this.#service.folder, 'provision-sim');
    const local = fs.readdirSync(folder).find((name) => /^local.*\.json$/.test(name));
    this.#hubConnectionStrings = JSON.parse(fs.readFileSync(path.join(folder, local), 'utf8')).hubConnectionStrings;
    await this.#readGroups();
  }

  async #readGroups() {
    for (const group of await this.#enrollments.groups()) this.#groups.set(group.name, group.primaryKey);
    this.#first = [...this.#groups.keys()];
  }

  /** The linked hubs. */
  get hubs() {
    return Object.keys(this.#hubConnectionStrings);
  }

  /** For back ends of a hub; it names the hub, so that it is for `intercept` and `agent`. */
  hubConnectionString(hub = this.#onlyHub()) {
    const text = this.#hubConnectionStrings[hub];
    if (text === undefined) throw new ProvisionSimError(`there is no hub ${hub}; there are ${this.hubs.join(', ')}`);
    return text;
  }

  #onlyHub() {
    if (this.hubs.length === 1) return this.hubs[0];
    throw new ProvisionSimError(`say which hub is meant: ${this.hubs.join(', ')}`);
  }

  /** What the service has logged. */
  get log() {
    return this.#service.log;
  }

  /** For programs that a test starts. */
  get env() {
    const proxy = this.gateway && `http://${this.gateway}`;
    return {
      IOTHUB_DEVICE_DPS_ENDPOINT: HOST,
      IOTHUB_DEVICE_DPS_ID_SCOPE: this.idScope,
      NODE_EXTRA_CA_CERTS: this.caFile,
      REQUESTS_CA_BUNDLE: this.caFile,
      SSL_CERT_FILE: this.caFile,
      ...(proxy && {
        HTTPS_PROXY: proxy,
        https_proxy: proxy,
        NO_PROXY: 'localhost,127.0.0.1,::1',
        no_proxy: 'localhost,127.0.0.1,::1',
        PROVISION_SIM_CA_FILE: this.caFile,
        PROVISION_SIM_GATEWAY: this.gateway,
        PROVISION_SIM_HUBS: this.hubs.join(','),
      }),
    };
  }

  /** The key of an enrollment group; the only one if none is named. */
  groupKey(group) {
    const name = group ?? (this.#first.length === 1 ? this.#first[0] : undefined);
    const key = this.#groups.get(name);
    if (key === undefined) {
      const problem = name === undefined ? 'say which group is meant' : `there is no group ${name} with symmetric keys`;
      throw new ProvisionSimError(`${problem}; there are ${[...this.#groups.keys()].join(', ') || 'none'}`);
    }
    return key;
  }

  /**
   * The key of a device: that of its individual enrollment, or derived from its group's. Groups that the test
   * has made are named.
   */
  deviceKey(registrationId, group) {
    const own = this.#keys.get(registrationId);
    if (group === undefined && own !== undefined) return own;
    return derived(this.groupKey(group ?? groupOf(registrationId, this.#first)), registrationId);
  }

  /** Makes an enrollment: `registrationId` for one device, `group` for many. */
  async enroll(options) {
    const webhookUrl = options.allocation && (await this.#functions.serve(options.allocation));
    const made = await this.#enrollments.make(options, webhookUrl);
    if (made.primaryKey) (made.kind === 'group' ? this.#groups : this.#keys).set(made.name, made.primaryKey);
    return made;
  }

  /** An enrollment that is there, of the configuration for example. */
  enrollment({ registrationId, group }) {
    return this.#enrollments.find(group === undefined ? 'individual' : 'group', group ?? registrationId);
  }

  /** The device's record, or undefined if it has none. */
  async registration(registrationId) {
    const found = await this.#management.get(`/registrations?registrationId=${encodeURIComponent(registrationId)}`);
    return found[0];
  }

  /** The journal, oldest first: of one device, or of all. */
  journal({ registrationId, status, after, limit } = {}) {
    const query = new URLSearchParams(
      Object.entries({ registrationId, status, after, limit }).filter(([, value]) => value !== undefined),
    );
    return this.#management.get(`/journal?${query}`);
  }

  /**
   * The journal's entry of a registration that has ended: one that is there already, or the next one.
   * `after` is the sequence number of an earlier entry.
   */
  async waitForRegistration(registrationId, { timeout = TIMEOUT, status, after = 0 } = {}) {
    const ended = async () => {
      const entries = await this.journal({ registrationId, status, after });
      return entries.find((entry) => entry.status !== 'assigning');
    };
    const deadline = Date.now() + timeout;
    const wanted = `a registration of ${registrationId}${status ? ` that is ${status}` : ''}`;
    for (;;) {
      const before = this.#events.length;
      const entry = await ended();
      if (entry) return entry;
      if (this.#events.slice(before).some((line) => line.registrationId === registrationId)) continue;
      const isIts = (line) => (line.event === 'registration' && line.registrationId === registrationId) || undefined;
      try {
        await this.#service.next(isIts, Math.max(0, deadline - Date.now()), `waiting for ${wanted}`);
      } catch (error) {
        throw await this.explained(error, registrationId);
      }
    }
  }

  /** The device's twin at its hub, as the hub has it: tags, properties, connection. */
  async twin(deviceId, hub) {
    const query = new URLSearchParams({ deviceId, ...(hub && { hub }) });
    const [found] = await this.#management.get(`/twins?${query}`);
    return found;
  }

  /** Sets desired properties, as a back end does: what is not named stays, null deletes. */
  async setDesired(deviceId, desired, hub) {
    const of = hub ?? (await this.twin(deviceId))?.hub;
    if (of === undefined) throw new ProvisionSimError(`no hub has a device ${deviceId}`);
    const twin = `/twins/${encodeURIComponent(deviceId)}`;
    const { body } = await this.#api.hub.call(of, 'PATCH', twin, { properties: { desired } }, { 'If-Match': '*' });
    return body;
  }

  /** Has the service go wrong as the rule says, until it is removed. */
  async fault(rule) {
    return this.#fault(await this.#management.post('/faults', { rule }));
  }

  /** The rules that there are, in the order in which they are asked. */
  async faults() {
    return (await this.#management.get('/faults')).map((raw) => this.#fault(raw));
  }

  /** Takes all rules away. */
  clearFaults() {
    return this.#management.delete('/faults');
  }

  #fault(raw) {
    return new Fault(raw, this.#management, () => this.#stopped !== undefined);
  }

  /** Forgets devices and journal; the enrollments are those of the beginning again. */
  async reset() {
    await this.#management.post('/reset');
    this.#keys.clear();
    this.#groups.clear();
    await this.#readGroups();
  }

  /** An agent through the gateway, for SDK options that take one. */
  agent(options) {
    return new GatewayAgent(this.#way(), options);
  }

  /** Leads all connections of this process to DPS and to hubs through the gateway, until `restore`. */
  intercept() {
    this.#intercepted = intercept(this.#way(), this.hubs);
    return this.#intercepted;
  }

  #way() {
    if (this.gateway === null) throw new ProvisionSimError('this service has no gateway: it is of an older version');
    return { gateway: this.gateway, ca: this.ca };
  }

  /** What happened in a registration, moment by moment; `entry` is one of the journal. */
  async timeline(entry) {
    return (await this.#story(entry)).timeline;
  }

  // The entry with its timeline, and what is known of its failure.
  #story({ sequence }) {
    return this.#management.get(`/journal/${sequence}`);
  }

  /** What the service saw and logged, of one device or of all, as text. */
  async conversation(registrationId) {
    const isIts = (entry) => registrationId === undefined || entry.registrationId === registrationId;
    const entries = await this.journal({ limit: ENTRIES }).catch(() => []);
    // One that is forgotten meanwhile is only named.
    const stories = entries.map((entry) => (isIts(entry) ? this.#story(entry).catch(() => entry) : entry));
    const missing = entries.some(isIts) ? undefined : registrationId;
    return conversation(await Promise.all(stories), this.log, missing);
  }

  /** The error with the conversation in its message. */
  async explained(error, registrationId) {
    const text = await this.conversation(registrationId);
    return new ProvisionSimError(error?.message ?? String(error), { conversation: text, cause: error });
  }

  /** Ends the service. An error that an allocation function threw comes out here at the latest. */
  stop() {
    return (this.#stopped ??= this.#stop());
  }

  async #stop() {
    this.#intercepted?.restore();
    this.#management.close();
    this.#api.dps.close();
    this.#api.hub.close();
    this.#functions.close();
    await this.#service.stop();
    const { errors } = this.#functions;
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `allocation functions threw ${errors.length} errors`);
  }

  [asyncDispose]() {
    return this.stop();
  }
}

module.exports = { Dps, startDps };
