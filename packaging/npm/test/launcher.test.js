// The command `provision-sim` as npm installs it.
'use strict';
const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { test } = require('node:test');

const main = path.dirname(require.resolve('provision-sim/package.json'));
const { version } = require('provision-sim/package.json');

function launcher(args, { env, ...options } = {}) {
  const command = [path.join(main, 'bin/provision-sim.js'), ...args];
  return spawnSync(process.execPath, command, { encoding: 'utf8', env: { ...process.env, ...env }, ...options });
}

/** A program in the place of the real one. */
function stand(t, script) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'provision-sim-stand-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'program');
  fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PROVISION_SIM: file };
}

test('it is the program of this version', () => {
  assert.equal(launcher(['--version']).stdout.trim(), `provision-sim ${version}`);
});

test('exit code, input and both outputs are the program\'s', () => {
  const wrong = launcher(['derive-key', '--no-such-flag']);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /--no-such-flag/);
  const key = launcher(['derive-key', '--group-key', '-', '--reg-id', 'pump-1'], { input: 'a2V5a2V5a2V5a2V5a2V5\n' });
  assert.match(key.stdout, /^[A-Za-z0-9+/]{43}=\n$/, key.stderr);
});

test('signals go on to the program', { skip: process.platform === 'win32' && 'Windows has none' }, async (t) => {
  for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]]) {
    // It ends with a code of its own for a signal that it takes.
    const takes = stand(t, `trap 'exit ${100 + number}' ${number}; echo ready; tail -f /dev/null > /dev/null 2>&1 & wait`);
    assert.deepEqual(await signalled(takes, signal), [100 + number, null]);
    // And one that it does not take is told as a shell tells it.
    assert.deepEqual(await signalled(stand(t, 'echo ready; exec tail -f /dev/null'), signal), [128 + number, null]);
  }
});

async function signalled(env, signal) {
  const child = spawn(process.execPath, [path.join(main, 'bin/provision-sim.js')], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(readline.createInterface({ input: child.stdout }), 'line');
  child.kill(signal);
  return once(child, 'exit');
}

test('without the package of the platform it says what to do', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'provision-sim-alone-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const alone = path.join(folder, 'node_modules/provision-sim');
  fs.cpSync(main, alone, { recursive: true });
  const env = { ...process.env };
  for (const name of ['PROVISION_SIM', 'NODE_PATH']) delete env[name];
  const run = spawnSync(process.execPath, [path.join(alone, 'bin/provision-sim.js'), '--version'], { encoding: 'utf8', env });
  assert.equal(run.status, 1);
  const name = `@provision-sim/${process.platform}-${process.arch}`;
  assert.match(run.stderr, new RegExp(`npm install --save-dev ${name}@${version}`));
  assert.match(run.stderr, /--omit=optional.*PROVISION_SIM/);
  const { binary } = require(path.join(alone, 'lib/binary.js'));
  const { PROVISION_SIM: kept } = process.env;
  delete process.env.PROVISION_SIM;
  t.after(() => kept !== undefined && (process.env.PROVISION_SIM = kept));
  assert.throws(() => binary('sunos-sparc'), /no package for sunos-sparc; .*PROVISION_SIM/);
});

test('a program that is not there, or cannot be run', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'provision-sim-not-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const run = launcher([], { env: { PROVISION_SIM: path.join(folder, 'nothing') } });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /nothing cannot be run: .*ENOENT/);
});
