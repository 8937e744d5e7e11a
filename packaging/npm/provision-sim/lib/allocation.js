// Allocation functions that are callbacks: the service calls them over real HTTP, as it would a function app.
'use strict';
const { randomUUID } = require('node:crypto');
const http = require('node:http');

/** What a function answers to keep a device away: the message, and the HTTP status. */
class Refusal {
  constructor(message, status = 400) {
    this.message = message;
    this.status = status;
  }
}

const refuse = (message, status) => new Refusal(message, status);

class Functions {
  constructor() {
    this.byPath = new Map();
    /** Errors that functions threw: mistakes in a test, for a refusal is no error. */
    this.errors = [];
    this.server = undefined;
  }

  /** The address at which `callback` is asked. */
  async serve(callback) {
    if (typeof callback !== 'function') throw new TypeError('an allocation is a function of the request');
    this.server ??= await listen((request, response) => this.answer(request, response));
    const path = `/api/${randomUUID()}`;
    this.byPath.set(path, callback);
    return `http://127.0.0.1:${this.server.address().port}${path}`;
  }

  async answer(request, response) {
    const parts = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      return; // the service gave up
    }
    const callback = this.byPath.get(request.url.split('?')[0]);
    const { status, body } = await this.decided(callback, Buffer.concat(parts).toString());
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  async decided(callback, text) {
    try {
      if (!callback) throw new Error('there is no such function any more');
      return answered(await callback(JSON.parse(text)));
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, body: error.message };
      this.errors.push(error);
      return { status: 500, body: String(error?.message ?? error) };
    }
  }

  close() {
    this.server?.close();
    this.server?.closeAllConnections?.();
  }
}

/** A hub's name, an answer as DPS wants it, or a refusal. */
function answered(value) {
  if (value instanceof Refusal) return { status: value.status, body: value.message };
  if (typeof value === 'string') return { status: 200, body: { iotHubHostName: value } };
  if (typeof value === 'object' && value !== null && typeof value.iotHubHostName === 'string') {
    return { status: 200, body: value };
  }
  throw new TypeError(
    `an allocation function returns the name of a hub, { iotHubHostName, initialTwin, payload } or refuse(message), not ${JSON.stringify(value)}`,
  );
}

function listen(handler) {
  return new Promise((resolve, reject) => {
    const server = http.createServer(handler);
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.unref();
      resolve(server);
    });
  });
}

module.exports = { Functions, refuse };
