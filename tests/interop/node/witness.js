// What the Node cases share: the service's facts, its journal, and how a case begins and ends.
'use strict';
const assert = require('assert/strict');
const fs = require('fs');
const { HttpsProxyAgent } = require('https-proxy-agent');

const FACTS = JSON.parse(process.env.INTEROP);
const HUB = 'contoso-toasters-hub-1098.azure-devices.net';
const DPS = 'global.azure-devices-provisioning.net';
const CASE_SECONDS = 45; // more than the SDK's own longest wait for an answer, 30 s

// The journal and the log go on from case to case; what was there before is not this case's.
const before = { events: fs.statSync(FACTS.events).size, log: fs.statSync(FACTS.log).size };

let step = 'the start';

/** What leads the names of Azure to the service, for whatever takes an agent. */
const agent = () => new HttpsProxyAgent(`http://${FACTS.gateway}`);

/** The connection string of the service, or of a hub, under the name that it has on Azure. */
const connectionString = (host) => FACTS.serviceConnectionString.replace(/HostName=[^;]+/, `HostName=${host}`);

/** Runs the case that the command line names, and leaves without waiting for the SDK's sockets. */
function main(cases) {
  setTimeout(() => {
    console.error(`hangs in ${step}, given up after ${CASE_SECONDS} s`);
    process.exit(1);
  }, CASE_SECONDS * 1000);
  // Uncaught errors, which the SDK has too, end the process with exit code 1 and their stack.
  Promise.resolve(cases[process.argv[2]]()).then(
    (said) => {
      console.log(said);
      process.exit(0);
    },
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}

/** Awaits a call of the SDK; its name is what a hanging case reports. */
function within(name, promise) {
  step = name;
  return promise;
}

/** The error that the promise must end with. */
async function rejected(promise) {
  let result;
  try {
    result = await promise;
  } catch (error) {
    // As a program that does not catch it prints it: `explain` is given this.
    console.error(error);
    return error;
  }
  assert.fail(`expected an error, got ${JSON.stringify(result)}`);
}

/** The service's own line about this registration. */
async function journal(registrationId) {
  const lines = await fresh('events', (text) => text.includes(registrationId));
  return lines.map((line) => JSON.parse(line)).findLast((line) => line.registrationId === registrationId);
}

/** The payload that arrived at the allocation function, which logs what it was sent. */
async function payloadAtWebhook(registrationId) {
  for (const line of await fresh('log', (text) => text.includes('deviceRuntimeContext'))) {
    if (!line.includes('deviceRuntimeContext')) continue;
    const request = JSON.parse(line.slice(line.indexOf('{'))).deviceRuntimeContext;
    if (request.registrationId === registrationId) return request.payload;
  }
  assert.fail(`the allocation function was not asked about ${registrationId}`);
}

/** How many messages of the device its hub has counted. */
async function messages(deviceId) {
  const answer = await fetch(`http://${FACTS.admin}/twins?deviceId=${encodeURIComponent(deviceId)}`);
  return (await answer.json())[0].messages;
}

async function fresh(name, wanted) {
  const deadline = Date.now() + 5000; // the answer may be faster than the line about it
  for (;;) {
    const text = fs.readFileSync(FACTS[name]).subarray(before[name]).toString();
    const lines = text.split('\n').slice(0, -1);
    if (wanted(lines.join('\n'))) return lines;
    assert(Date.now() < deadline, `nothing about it in ${name}:\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

module.exports = { FACTS, HUB, DPS, agent, connectionString, main, within, rejected, journal, payloadAtWebhook, messages };
