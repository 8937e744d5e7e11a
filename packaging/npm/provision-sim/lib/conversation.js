// The text of a failure: what the service saw, what was said to whom, and its log.
'use strict';

// Lines of the log that a failure shows, the last ones.
const LINES = 60;

// And characters of each: the bodies of webhooks are in the journal already.
const WIDTH = 400;

const indented = (text) => text.replace(/^/gm, '    ');

/**
 * `entries` are the journal's, oldest first; where the failure is about one device, the others are only
 * named.
 */
function conversation(entries, log, registrationId) {
  const isIts = (it) => registrationId === undefined || it.registrationId === registrationId;
  const seen = entries.map((it) => (isIts(it) ? entry(it) : indented(headline(it))));
  if (registrationId !== undefined && !entries.some(isIts)) seen.push(`    nothing of ${registrationId}`);
  const lines = log.trimEnd().split('\n').map((line) => (line.length > WIDTH ? `${line.slice(0, WIDTH)}…` : line));
  const left = Math.max(0, lines.length - LINES);
  const more = left > 0 ? ` (the last ${LINES} lines of ${lines.length})` : '';
  const last = lines.slice(left).join('\n') || 'nothing';
  return `What the service saw:\n${seen.join('\n') || '    nothing'}\nWhat it logged${more}:\n${indented(last)}`;
}

function headline({ sequence, registrationId, transport, enrollment, status }) {
  const by = enrollment ? `${enrollment.kind} enrollment ${enrollment.name}` : 'no enrollment';
  return `#${sequence} ${registrationId} over ${transport}, ${by}: ${status}`;
}

/** One registration, from the device's request to what it was told. */
function entry(it) {
  const lines = [headline(it)];
  const say = (text) => lines.push(indented(text));
  if (it.failedCheck) say(`did not pass: ${it.failedCheck}`);
  if (it.reason) say(`because: ${it.reason}`);
  if (it.payload) say(`the device's payload: ${it.payload}`);
  if (it.webhook) {
    say(`the webhook ${it.webhook.url} was asked: ${it.webhook.request}`);
    for (const { status, ms, body, error } of it.webhook.attempts) {
      say(`and said after ${ms} ms: ${error ?? `${status} ${body ?? ''}`.trimEnd()}`);
    }
  }
  if (it.assignedHub) say(`assigned to ${it.assignedHub} as ${it.deviceId} after ${it.polls} polls, ${it.ms} ms`);
  if (it.errorCode) say(`the device was told: ${it.errorCode} ${it.errorMessage ?? ''}`.trimEnd());
  return indented(lines.join('\n'));
}

module.exports = { conversation };
