#!/usr/bin/env node
// Runs the program of this platform in this process's place, as far as Node can: its streams, its signals,
// its exit code.
'use strict';
const { spawn } = require('node:child_process');
const os = require('node:os');
const { binary } = require('../lib/binary');

let file;
try {
  file = binary();
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exit(1);
}

// A terminal sends Ctrl-C to both; this process must live until the program has ended as it likes. Before the
// program is there, for it may be fast.
let child;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));

child = spawn(file, process.argv.slice(2), { stdio: 'inherit', windowsHide: false });

child.on('error', (error) => {
  console.error(`error: ${file} cannot be run: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  process.exit(signal ? 128 + os.constants.signals[signal] : code);
});
