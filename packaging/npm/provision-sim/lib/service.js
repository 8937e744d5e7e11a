// The process of the service: started, watched, read from, ended. It knows nothing of DPS.
//
// Nothing here keeps Node alive: a test file that forgets `stop` ends all the same. The service ends with it,
// however it ends, for it has a pipe to it as standard input (`--until-eof`). Whoever waits for something has
// a timer that does keep Node alive.
'use strict';
const { spawn } = require('node:child_process');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { ProvisionSimError } = require('./error');

// What is kept of the log, in characters: enough for a test, and a bound for a service that runs for days.
const LOG = 1 << 20;
// How long the service may take to end before it is killed.
const PATIENCE = 5000;

/** Emits `line` with each object that the service prints, and `end`. */
class Service extends EventEmitter {
  /** Starts `file` with `args`, with a state folder of its own. */
  constructor(file, args) {
    super();
    this.setMaxListeners(0); // one for each wait
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'provision-sim-'));
    this.command = [file, ...args, '--until-eof'].join(' ');
    this.log = '';
    this.ended = undefined;
    this.child = spawn(file, [...args, '--until-eof'], {
      env: environment(this.folder),
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => {
      this.log = (this.log + text).slice(-LOG);
    });
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => this.said(line));
    this.child.on('error', (error) => this.over(`cannot be run: ${error.message}`));
    // `close`, not `exit`: by then its last words have been read.
    this.child.on('close', (code, signal) => this.over(signal ? `was ended by ${signal}` : `ended with exit code ${code}`));
    this.child.stdin.on('error', () => {}); // it is gone already
    for (const handle of [this.child, ...this.child.stdio]) handle.unref?.();
    // A process that exits leaves no time for a folder to be removed by anybody else.
    this.tidy = () => {
      this.child.kill('SIGKILL');
      fs.rmSync(this.folder, { recursive: true, force: true });
    };
    process.once('exit', this.tidy);
  }

  said(line) {
    let object;
    try {
      object = JSON.parse(line);
    } catch {
      object = undefined;
    }
    if (object?.event) this.emit('line', object);
    else this.note(object?.error ? told(object.error) : line);
  }

  note(text) {
    this.log = `${this.log}${text}\n`.slice(-LOG);
  }

  over(how) {
    if (this.ended) return;
    this.ended = how;
    process.off('exit', this.tidy);
    fs.rmSync(this.folder, { recursive: true, force: true });
    this.emit('end');
  }

  /** The first line that `find` makes something of; an error if the service ends, or after `timeout` ms. */
  next(find, timeout, what) {
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        this.off('line', onLine).off('end', onEnd);
        settle(value);
      };
      const fail = (reason) => done(reject, new ProvisionSimError(`${what}: ${reason}`));
      const onLine = (line) => {
        const found = find(line);
        if (found !== undefined) done(resolve, found);
      };
      const onEnd = () => fail(`the service ${this.ended}`);
      const timer = setTimeout(() => fail(`nothing came within ${timeout} ms`), timeout);
      this.on('line', onLine).on('end', onEnd);
      if (this.ended) onEnd();
    });
  }

  /** Ends it and waits until it has ended. */
  async stop() {
    if (!this.ended) {
      const end = this.next(() => undefined, 2 * PATIENCE, 'stop').catch(() => {});
      const kill = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE);
      this.child.stdin.end();
      await end;
      clearTimeout(kill);
    }
  }
}

// With `-o jsonl` an error is an object, too.
function told({ message, causes = [], remedies = [] }) {
  const list = (title, texts) => (texts.length > 0 ? `\n${title}:\n  ${texts.join('\n  ')}` : '');
  return `error: ${message}${list('causes', causes)}${list('what to do', remedies)}`;
}

// Nothing of the developer's: no proxy, no variable of `provision-sim`, no state folder in which another
// service is found.
function environment(folder) {
  const kept = ['PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR', 'RUST_BACKTRACE'];
  const env = { XDG_STATE_HOME: folder, LOCALAPPDATA: folder };
  for (const name of kept) if (process.env[name] !== undefined) env[name] = process.env[name];
  return env;
}

module.exports = { Service };
