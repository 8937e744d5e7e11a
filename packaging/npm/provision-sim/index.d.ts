/// <reference types="node" />
import type { Agent, AgentOptions } from 'node:https';

/**
 * Starts a local Device Provisioning Service on free ports, with a state folder of its own.
 *
 * Without `config` and `hubs` it serves the world of Microsoft's tutorial: the group
 * `contoso-custom-allocated-devices`, and `simulated-devices`, which takes any registration ID.
 */
export function startDps(options?: StartOptions): Promise<Dps>;

export interface StartOptions {
  /** Path of a configuration (TOML), as `provision-sim serve --config` reads it. */
  config?: string;
  /** Names of hubs: they are linked, and one group, `devices`, takes every device. Not with `config`. */
  hubs?: string[];
  /** Seconds that devices are told to wait between polls; 0 if not given. Azure says 3. */
  retryAfter?: number;
  /** How many polls at least are answered `assigning`. */
  assigningPolls?: number;
  /** The allocation function: of the group `devices` with `hubs`, else in place of the tutorial's. */
  allocation?: Allocation;
  /** What `--local=NAME` calls the service. */
  name?: string;
  /** More flags of `provision-sim serve`. */
  args?: string[];
  /** How many milliseconds the start may take; 10,000 if not given. */
  startTimeout?: number;
  /**
   * The context of a test of `node:test`: the service ends with it, and where it fails (before Node 20.12: in
   * any case), says what it saw.
   */
  test?: TestContext;
}

/** What is used of a test's context. */
export interface TestContext {
  after(hook: () => Promise<void>): void;
  diagnostic(message: string): void;
}

/** A running service. `await using`, or `stop()` at the end. */
export interface Dps {
  /** What every SDK is told in production: `global.azure-devices-provisioning.net`. */
  readonly host: string;
  readonly idScope: string;
  /** Path of the CA that clients have to trust (PEM). */
  readonly caFile: string;
  /** The same as text. */
  readonly ca: string;
  /** `HOST:PORT` of MQTT over TLS. */
  readonly mqtt: string;
  /** `HOST:PORT` of HTTPS, and of MQTT and AMQP over WebSocket. */
  readonly https: string;
  /** `HOST:PORT` of AMQP over TLS. */
  readonly amqp: string;
  /** `HOST:PORT` of the gateway: a proxy (HTTP CONNECT and SOCKS5) that leads production names here. */
  readonly gateway: string | null;
  /** `HOST:PORT` of the management listener and its page (plain HTTP). */
  readonly admin: string;
  /** The process of the service. */
  readonly pid: number;
  /** For clients of the service API. */
  readonly serviceConnectionString: string;
  /** Names of the linked hubs. */
  readonly hubs: string[];
  /** What the service has logged, its last million characters. */
  readonly log: string;
  /** Variables for programs that a test starts: gateway, CA, host and ID scope. */
  readonly env: Record<string, string>;

  /** For back ends of a hub, the only one if none is named; through `intercept()`. */
  hubConnectionString(hub?: string): string;
  /** The key of an enrollment group: the only one at the start if none is named. */
  groupKey(group?: string): string;
  /**
   * The key of a device: that of its individual enrollment, or derived from its group's. Without `group` it
   * is the group of the start that lets the device in, as for `register --local`.
   */
  deviceKey(registrationId: string, group?: string): string;

  /** Makes an enrollment: `registrationId` for one device, `group` for many. */
  enroll(options: EnrollOptions): Promise<Enrollment>;
  /** An enrollment that is there already. */
  enrollment(name: { registrationId: string } | { group: string }): Promise<Enrollment>;
  /** The device's record, or undefined if it has none. */
  registration(registrationId: string): Promise<Registration | undefined>;
  /** The last registrations, oldest first, refused ones too. */
  journal(filter?: JournalFilter): Promise<JournalEntry[]>;
  /**
   * The first registration of the device that has ended, however it ended: one that is in the journal
   * already, or the next one. The error after `timeout` ms (10,000) has the whole conversation.
   */
  waitForRegistration(registrationId: string, options?: WaitOptions): Promise<JournalEntry>;
  /** The device at its hub: tags, properties, connection. Undefined if no hub has it. */
  twin(deviceId: string, hub?: string): Promise<Twin | undefined>;
  /** Sets desired properties as a back end does: what is not named stays, `null` deletes. */
  setDesired(deviceId: string, desired: Record<string, unknown>, hub?: string): Promise<unknown>;
  /**
   * Has the service go wrong as the rule says, from now on: `poll status=503 times=2 device=pump-*`. It goes
   * behind those that are there, and lasts until it is removed, or the service is reset. A rule that is none, or
   * can never strike, is refused with the reason.
   */
  fault(rule: string): Promise<Fault>;
  /** The rules that there are, in the order in which they are asked. */
  faults(): Promise<Fault[]>;
  /** Takes all rules away. */
  clearFaults(): Promise<void>;
  /** Forgets devices, twins and the journal; the enrollments are those of the beginning again. */
  reset(): Promise<void>;

  /**
   * An agent through the gateway that trusts the CA: `{ http: { agent } }` for transports over HTTP,
   * `{ mqtt: { webSocketAgent: agent } }` for MQTT over WebSocket, `agent` of `https.request` and `ws`.
   */
  agent(options?: AgentOptions): Agent;
  /**
   * Leads every TLS connection of this process that names DPS or a hub to this service, and trusts its CA
   * there, until `restore()` or `stop()`: SDKs and programs need no option at all. One service at a time.
   */
  intercept(): Interception;

  /** What happened in a registration, moment by moment; `entry` is one of the journal. */
  timeline(entry: Pick<JournalEntry, 'sequence'>): Promise<Moment[]>;
  /** What the service saw and logged, of one device or of all, as text. */
  conversation(registrationId?: string): Promise<string>;
  /** The error with that text in its message: `catch (error) { throw await dps.explained(error); }`. */
  explained(error: unknown, registrationId?: string): Promise<ProvisionSimError>;
  /** Ends the service. Rejects with what an allocation function threw, if one did. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What goes wrong on demand. `await using`, or `remove()` at the end. */
export interface Fault {
  /** Its number, as the log and the journal have it. */
  readonly id: number;
  /** The rule, in the order of words that the service writes. */
  readonly rule: string;
  /** How many requests it has struck; of one that was removed, until then. */
  struck(): Promise<number>;
  /** How many requests it was meant for, struck or not. */
  matched(): Promise<number>;
  /** Takes it away; nothing happens if it is gone already, with its service too. */
  remove(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Interception {
  restore(): void;
  [Symbol.dispose](): void;
}

/**
 * An allocation function. It is asked over real HTTP, with the request of DPS, and returns the hub's name, or
 * a hub with a twin and a payload, or `refuse(message)`, which may be thrown too.
 */
export type Allocation = (request: AllocationRequest) => AllocationAnswer | Promise<AllocationAnswer>;

export type AllocationAnswer = string | AllocationResponse | Refusal;

export interface AllocationRequest {
  enrollmentGroup?: Record<string, unknown> & { enrollmentGroupId: string };
  individualEnrollment?: Record<string, unknown> & { registrationId: string };
  deviceRuntimeContext: {
    registrationId: string;
    currentIotHubHostName?: string;
    currentDeviceId?: string;
    symmetricKey?: Record<string, never>;
    x509?: { clientCertificate: string };
    payload?: any;
  };
  linkedHubs: string[];
}

export interface AllocationResponse {
  iotHubHostName: string;
  initialTwin?: InitialTwin;
  /** What the device gets with its assignment. */
  payload?: unknown;
}

export interface InitialTwin {
  tags?: Record<string, unknown>;
  properties?: { desired?: Record<string, unknown> };
}

/** What an allocation function answers to keep a device away. */
export function refuse(message: string, status?: number): Refusal;

export interface Refusal {
  readonly message: string;
  readonly status: number;
}

export type EnrollOptions = ({ registrationId: string; group?: undefined; deviceId?: string } | { group: string; registrationId?: undefined; deviceId?: undefined }) & {
  /** Base64; made by the service if not given. */
  primaryKey?: string;
  secondaryKey?: string;
  /** PEM, for X.509: the device's certificate, or the one that signs those of a group. */
  certificate?: string;
  secondaryCertificate?: string;
  /** The endorsement key of a device's TPM, Base64. */
  endorsementKey?: string;
  /** Its storage root key, if no other will do. */
  storageRootKey?: string;
  /** The hub (policy `static`). */
  hub?: string;
  /** The candidates. */
  hubs?: string[];
  allocationPolicy?: 'hashed' | 'geoLatency' | 'static' | 'custom';
  /** An allocation function of its own (policy `custom`). */
  allocation?: Allocation;
  /** The address of one that runs elsewhere. */
  webhookUrl?: string;
  initialTwin?: InitialTwin;
  iotEdge?: boolean;
  reprovisionPolicy?: { updateHubAssignment: boolean; migrateDeviceData: boolean };
  /** Its devices are refused. */
  disabled?: boolean;
  /** More members of the record, as the service API has them, `certificatePolicyName` for example. */
  members?: Record<string, unknown>;
};

export interface Enrollment {
  readonly kind: 'individual' | 'group';
  readonly name: string;
  /** With symmetric keys. */
  readonly primaryKey: string | undefined;
  readonly secondaryKey: string | undefined;
  /** The key of a device: derived from a group's, or that of the individual enrollment. */
  deviceKey(registrationId?: string): string;
  /** The record as the service API has it. */
  record(): Promise<Record<string, any>>;
  /** Changes members of the record. */
  update(members: Record<string, unknown>): Promise<void>;
  disable(): Promise<void>;
  enable(): Promise<void>;
  delete(): Promise<void>;
}

/** A device's record. */
export interface Registration {
  registrationId: string;
  status: 'assigning' | 'assigned' | 'failed' | 'disabled' | 'unassigned';
  deviceId?: string;
  assignedHub?: string;
  substatus?: string;
  errorCode?: number;
  errorMessage?: string;
  payload?: any;
  createdDateTimeUtc: string;
  lastUpdatedDateTimeUtc: string;
  etag: string;
  operationId: string;
  enrollment: { kind: 'individual' | 'group'; name: string };
  attestation: { type: 'symmetricKey' | 'x509' | 'tpm' };
  assignment: { hub: string; deviceId: string } | null;
}

export interface JournalFilter {
  registrationId?: string;
  status?: JournalEntry['status'];
  /** Only those behind this sequence number. */
  after?: number;
  /** How many at most, the newest; with `after`, the oldest behind it. */
  limit?: number;
}

export interface WaitOptions {
  /** Milliseconds. */
  timeout?: number;
  /** Only one that ended so. */
  status?: Exclude<JournalEntry['status'], 'assigning'>;
  /** Only one behind this sequence number: that of an earlier entry. */
  after?: number;
}

/** One registration, from the request to its result. What is not known is null; secrets are masked. */
export interface JournalEntry {
  sequence: number;
  time: string;
  registrationId: string;
  transport: 'mqtt' | 'mqttWs' | 'https' | 'amqp' | 'amqpWs' | null;
  apiVersion: string;
  idScope: string;
  enrollment: { kind: 'individual' | 'group'; name: string } | null;
  attestation: { type: string; [member: string]: unknown } | null;
  /** Of a device with a TPM: when it came back with what it was given to sign with. */
  challenge: { answered: number | null; checks: { check: string; passed: boolean; said: string }[] } | null;
  status: 'assigning' | 'assigned' | 'failed' | 'disabled' | 'refused';
  /** Which check a refused device did not pass, and why. */
  failedCheck: string | null;
  reason: string | null;
  /** JSON. */
  payload: string | null;
  webhook: {
    url: string;
    request: string;
    attempts: { status: number | null; ms: number; body: string | null; error: string | null }[];
  } | null;
  operationId: string | null;
  assignedHub: string | null;
  deviceId: string | null;
  /** What the device asked for along with its registration. */
  certificate: IssuedCertificate | null;
  /** What it asked its hub for since, the last ones. */
  renewals: {
    at: number;
    requestId: string;
    certificate: IssuedCertificate | null;
    errorCode: number | null;
    reason: string | null;
  }[];
  substatus: string | null;
  errorCode: number | null;
  errorMessage: string | null;
  ms: number | null;
  polls: number;
}

/** A certificate that was issued to a device. */
export interface IssuedCertificate {
  /** Milliseconds since the request. */
  at: number;
  subject: string;
  /** Namespace and name of the authority. */
  issuer: string;
  policy: string;
  serialNumber: string;
  notAfter: string;
}

/** Something that happened in a registration. */
export interface Moment {
  /** Milliseconds since the request. */
  at: number;
  actor: 'device' | 'service' | 'webhook' | 'hub';
  title: string;
  detail: string | null;
  outcome: 'neutral' | 'good' | 'bad';
}

/** A device at its hub. */
export interface Twin {
  hub: string;
  deviceId: string;
  status: 'enabled' | 'disabled';
  authenticationType: string;
  connectionState: 'Connected' | 'Disconnected';
  /** From the device, since the service started. */
  messages: number;
  version: number;
  tags: Record<string, any>;
  desired: Record<string, any>;
  reported: Record<string, any>;
  createdDateTimeUtc: string;
  lastUpdatedDateTimeUtc: string;
}

/** What went wrong here or at the service. */
export class ProvisionSimError extends Error {
  /** What the service saw and logged, where that is known; part of the message. */
  readonly conversation: string;
}

/** The path of the program for this platform; PROVISION_SIM goes before the installed package. */
export function binary(): string;
