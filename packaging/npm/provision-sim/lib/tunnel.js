// A connection through the gateway of the service: HTTP CONNECT, then whatever is written.
//
// It is a stream from the first moment, so that `tls.connect` and an agent can have it at once, as they
// have a socket: what is written before the gateway has answered waits.
'use strict';
const net = require('node:net');
const { Duplex } = require('node:stream');

const HEAD = 8192;

class Tunnel extends Duplex {
  /** `gateway` is `HOST:PORT`; it is asked for `host` and `port`. */
  constructor(gateway, host, port) {
    super();
    const { hostname, port: own } = new URL(`http://${gateway}`);
    const target = `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
    this.head = Buffer.alloc(0);
    this.waiting = undefined;
    this.socket = net.connect(Number(own), hostname.replace(/^\[|\]$/g, ''));
    this.socket.setNoDelay(true);
    this.socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    this.onHead = (data) => this.answered(data, target);
    this.socket.on('data', this.onHead);
    this.socket.on('error', (error) => this.destroy(error));
    this.socket.on('end', () => (this.onHead ? this.destroy(new Error('the gateway closed the connection')) : this.push(null)));
    this.socket.on('close', () => this.destroy());
  }

  answered(data, target) {
    this.head = Buffer.concat([this.head, data]);
    const end = this.head.indexOf('\r\n\r\n');
    if (end < 0 && this.head.length < HEAD) return;
    const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(this.head.toString('latin1')) ?? [];
    if (status !== '200') return this.refused(target, end);
    const rest = this.head.subarray(end + 4);
    this.socket.off('data', this.onHead);
    this.onHead = undefined;
    this.head = undefined;
    this.socket.on('data', (data) => this.push(data) || this.socket.pause());
    if (rest.length > 0) this.push(rest);
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.();
    this.emit('connect');
  }

  // The gateway says in the body why not, and closes.
  refused(target, end) {
    const parts = [this.head];
    this.socket.removeAllListeners('end').off('data', this.onHead);
    this.socket.on('data', (data) => parts.push(data));
    this.socket.on('end', () => {
      const text = Buffer.concat(parts).toString();
      const said = (end < 0 ? text : text.slice(end + 4)).trim() || text.split('\r\n')[0];
      this.destroy(new Error(`the gateway of provision-sim does not lead to ${target}: ${said}`));
    });
  }

  _write(data, encoding, done) {
    const write = () => this.socket.write(data, encoding, done);
    if (this.onHead) this.waiting = write;
    else write();
  }

  _read() {
    if (!this.onHead) this.socket.resume();
  }

  _final(done) {
    if (this.onHead) this.waiting = () => this.socket.end(done);
    else this.socket.end(done);
  }

  _destroy(error, done) {
    this.socket.destroy();
    done(error);
  }

  // What agents ask of a socket.
  ref() {
    this.socket.ref();
    return this;
  }

  unref() {
    this.socket.unref();
    return this;
  }

  setNoDelay() {
    return this;
  }

  setKeepAlive() {
    return this;
  }

  setTimeout() {
    return this;
  }
}

module.exports = { Tunnel };
