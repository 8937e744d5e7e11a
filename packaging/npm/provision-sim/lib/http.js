// Calls of the service: its management listener, and the service APIs of DPS and of the hubs.
'use strict';
const { createHmac } = require('node:crypto');
const http = require('node:http');
const https = require('node:https');
const { ProvisionSimError } = require('./error');

const HOUR = 3600;
const TIMEOUT = 30_000;

/** The members of a connection string. */
function connection(text) {
  const member = (name) => new RegExp(`(?:^|;)${name}=([^;]*)`).exec(text)?.[1] ?? '';
  return { hostName: member('HostName'), keyName: member('SharedAccessKeyName'), key: member('SharedAccessKey') };
}

/** A SAS token for a resource. */
function sasToken(resource, { keyName, key }) {
  const sr = encodeURIComponent(resource);
  const se = Math.floor(Date.now() / 1000) + HOUR;
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(`${sr}\n${se}`).digest('base64');
  return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(signature)}&se=${se}&skn=${keyName}`;
}

/** Sends a request, and returns the answer, whatever its status. */
function send(module, options, body) {
  return new Promise((resolve, reject) => {
    const request = module.request(options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode, headers: response.headers, text });
      });
    });
    request.setTimeout(TIMEOUT, () => request.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** One that ends well, and whose answer is JSON or nothing. */
async function call(module, options, body) {
  const what = `${options.method} ${options.path}`;
  const answer = await send(module, options, body).catch((cause) => {
    throw new ProvisionSimError(`${what}: ${cause.message}`, { cause });
  });
  if (answer.status >= 300) {
    const error = new ProvisionSimError(`${what}: ${answer.status} ${answer.text}`);
    error.status = answer.status;
    throw error;
  }
  return { headers: answer.headers, body: answer.text === '' ? undefined : JSON.parse(answer.text) };
}

/** Calls of the management listener. */
function management(address) {
  const { hostname, port } = new URL(`http://${address}`);
  const agent = new http.Agent({ keepAlive: true });
  const ask = async (method, path, body) => (await call(http, { agent, hostname, port, method, path }, body)).body;
  return {
    get: (path) => ask('GET', path),
    post: (path, body) => ask('POST', path, body),
    delete: (path) => ask('DELETE', path),
    close: () => agent.destroy(),
  };
}

/** Calls of a service API: `host` is the name in the Host header, which says whose API is meant. */
function api(address, ca, credentials, version) {
  const { hostname, port } = new URL(`https://${address}`);
  const agent = new https.Agent({ keepAlive: true, ca });
  return {
    async call(host, method, path, body, headers = {}) {
      const query = path.includes('?') ? '&' : '?';
      const options = {
        agent,
        hostname,
        port,
        method,
        path: `${path}${query}api-version=${version}`,
        servername: host.replace(/:\d+$/, ''),
        headers: {
          Host: host,
          Authorization: sasToken(host, credentials),
          ...(body === undefined ? { 'Content-Length': 0 } : { 'Content-Type': 'application/json' }),
          ...headers,
        },
      };
      return call(https, options, body);
    },
    close: () => agent.destroy(),
  };
}

module.exports = { api, connection, management };
