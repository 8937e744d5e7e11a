// The text of a failure: each registration as the service tells it, moment by moment, and the service's log.
'use strict';

// Lines of the log that a failure shows, the last ones, and characters of each: the bodies of webhooks stand
// whole among the moments.
const LINES = 60;
const WIDTH = 400;

/**
 * `stories` are entries of the journal, oldest first; those with a `timeline` are told, the others only named.
 * `missing` is a device that ought to be among them.
 */
function conversation(stories, log, missing) {
  const seen = stories.flatMap((story) => [headline(story), ...moments(story.timeline ?? []), ...explained(story.explanation)]);
  if (missing !== undefined) seen.push(`  nothing of ${missing}`);
  if (seen.length === 0) seen.push('  nothing');
  const lines = log.trimEnd().split('\n');
  const left = Math.max(0, lines.length - LINES);
  const more = left > 0 ? ` (the last ${LINES} lines of ${lines.length})` : '';
  const last = lines.slice(left).map((line) => `  ${line.length > WIDTH ? `${line.slice(0, WIDTH)}…` : line}`);
  return ['What the service saw:', ...seen, `What it logged${more}:`, ...last].map(inert).join('\n');
}

function headline({ sequence, registrationId, transport, enrollment, status }) {
  const by = enrollment ? `${enrollment.kind} enrollment ${enrollment.name}` : 'no enrollment';
  return `  #${sequence} ${registrationId} over ${transport}, ${by}: ${status}`;
}

const CHECKS = /^checks /;

function moments(timeline) {
  const lines = [];
  let passed = [];
  const tell = () => {
    if (passed.length === 0) return;
    const names = passed.map(({ title }) => title.replace(CHECKS, '')).join(', ');
    lines.push(line(passed[0], `checks, and finds good: ${names}`));
    passed = [];
  };
  for (const moment of timeline) {
    // Checks that were passed are of interest together.
    if (moment.outcome === 'good' && CHECKS.test(moment.title)) {
      passed.push(moment);
      continue;
    }
    tell();
    lines.push(line(moment, moment.detail === null ? moment.title : `${moment.title}: ${moment.detail}`));
  }
  tell();
  return lines;
}

const line = ({ at, actor, outcome }, text) =>
  `  ${outcome === 'bad' ? '!' : ' '} ${String(at).padStart(5)} ms  ${actor.padEnd(7)}  ${text}`;

// What is known of such a failure.
function explained(explanation) {
  if (!explanation) return [];
  return [`    that is: ${explanation.title}`, ...explanation.remedies.map((remedy) => `    try: ${remedy}`)];
}

// Devices write some of this: nothing of it moves a terminal's cursor, or looks like a line of ours.
const inert = (text) =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (it) => `\\u{${it.codePointAt(0).toString(16).padStart(4, '0')}}`);

module.exports = { conversation };
