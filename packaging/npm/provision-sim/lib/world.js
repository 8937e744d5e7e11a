// What the service serves where a test names hubs and no configuration: these hubs, and one group that takes
// every device.
'use strict';
const { randomBytes } = require('node:crypto');

const GROUP = 'devices';
const ID_SCOPE = '0ne00002193';

// The groups of the world that `serve` has without a configuration, and which devices their text names.
const CONTOSO = 'contoso-custom-allocated-devices';
const SIMULATED = 'simulated-devices';
const isContoso = (registrationId) => /^contoso-(toaster|heatpump)/.test(registrationId);

// A JSON string of these characters is a TOML string too, but for DEL.
const quoted = (text) => JSON.stringify(text).replace(/\x7f/g, '\\u007f');

/** A configuration; `webhookUrl` is the address of the allocation function, if there is one. */
function configuration(hubs, webhookUrl) {
  const policy = webhookUrl ? 'custom' : 'hashed';
  const lines = [
    `idScope = ${quoted(ID_SCOPE)}`,
    `linkedHubs = [${hubs.map(quoted).join(', ')}]`,
    '[[enrollmentGroups]]',
    `enrollmentGroupId = ${quoted(GROUP)}`,
    `allocationPolicy = ${quoted(policy)}`,
    '[enrollmentGroups.attestation]',
    'type = "symmetricKey"',
    `symmetricKey.primaryKey = ${quoted(randomBytes(64).toString('base64'))}`,
  ];
  if (webhookUrl) {
    const definition = `webhookUrl = ${quoted(webhookUrl)}`;
    lines.push('[enrollmentGroups.customAllocationDefinition]', definition, 'apiVersion = "2021-10-01"');
  }
  return `${lines.join('\n')}\n`;
}

/** The group of `groups` (names) that lets a device in, as `--local` finds it. */
function groupOf(registrationId, groups) {
  if (groups.length === 1) return groups[0];
  const usual = isContoso(registrationId) && groups.includes(CONTOSO) ? CONTOSO : SIMULATED;
  return groups.includes(usual) ? usual : undefined;
}

module.exports = { configuration, groupOf };
