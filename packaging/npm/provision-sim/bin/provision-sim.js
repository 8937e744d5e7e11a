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

const child = spawn(file, process.argv.slice(2), { stdio: 'inherit', windowsHide: false });

// A terminal sends Ctrl-C to both; this process must live until the program has ended as it likes.
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const pass = (signal) => child.kill(signal);
for (const signal of signals) process.on(signal, pass);

child.on('error', (error) => {
  console.error(`error: ${file} cannot be run: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  process.exit(signal ? 128 + os.constants.signals[signal] : code);
});
