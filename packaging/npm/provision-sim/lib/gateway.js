// How connections of this process are led through the gateway: by an agent that is given to an SDK, or all
// that name DPS or a hub, without the SDK's knowing.
//
// Both trust the CA of the service beside whatever the program trusts, for those connections alone.
'use strict';
const https = require('node:https');
const net = require('node:net');
const { syncBuiltinESMExports } = require('node:module');
const tls = require('node:tls');
const { ProvisionSimError } = require('./error');
const { Tunnel } = require('./tunnel');

// The names of DPS and of hubs in Azure's clouds. What the service does not have of them its gateway
// refuses: a test that is intercepted never reaches Azure.
const AZURE = /(^|\.)azure-devices(-provisioning)?\.(net|cn|us)$/;
// MQTT, HTTPS with WebSocket, AMQP.
const PORTS = [8883, 443, 5671];

/** Options for `tls.connect`, with the connection through the gateway. */
function led({ gateway, ca }, options, host, port) {
  return {
    ...options,
    host,
    port,
    // A program may pin Azure's own roots.
    ca: options.ca ? [ca].concat(options.ca) : ca,
    servername: options.servername || (net.isIP(host) ? '' : host),
    socket: new Tunnel(gateway, host, port),
  };
}

/** An agent for `https.request`, `ws`, and the options of the SDKs that take one. */
class GatewayAgent extends https.Agent {
  constructor(way, options) {
    super(options);
    this.way = way;
  }

  createConnection(options) {
    return tls.connect(led(this.way, options, options.host, Number(options.port)));
  }
}

// There is one `tls.connect` in a process, and so one service that it leads to.
let active;

/** Leads every TLS connection of this process that names DPS, or one of `hosts`, to the gateway. */
function intercept(way, hosts = []) {
  if (active) {
    throw new ProvisionSimError(
      'another service intercepts the connections of this process already; restore that one first, ' +
        'or give each its own process, or use `agent()`',
    );
  }
  const names = new Set(hosts.map((host) => host.toLowerCase()));
  const isOurs = (host, port) => {
    const name = host.toLowerCase().replace(/\.$/, '');
    return PORTS.includes(port) && (AZURE.test(name) || names.has(name));
  };
  const connect = tls.connect;
  active = way;
  tls.connect = function (...args) {
    const [options, callback] = normalized(args);
    const { host = '', port } = options;
    const isLed = !options.socket && !options.path && isOurs(String(host), Number(port));
    if (!isLed) return connect.apply(this, args);
    return connect.call(this, led(way, options, String(host), Number(port)), callback);
  };
  syncBuiltinESMExports();
  let isOn = true;
  const restore = () => {
    if (!isOn) return;
    isOn = false;
    active = undefined;
    tls.connect = connect;
    syncBuiltinESMExports();
  };
  return { restore, [Symbol.dispose ?? Symbol.for('nodejs.dispose')]: restore };
}

// `tls.connect` takes (options), (port[, host]), and options and a callback behind those.
function normalized(args) {
  const callback = args.find((arg) => typeof arg === 'function');
  const options = Object.assign({}, ...args.filter((arg) => typeof arg === 'object' && arg !== null));
  const [first, second] = args;
  if (typeof first === 'number' || /^\d+$/.test(typeof first === 'string' ? first : '')) {
    options.port = first;
    if (typeof second === 'string') options.host = second;
  } else if (typeof first === 'string') {
    options.path = first;
  }
  return [options, callback];
}

module.exports = { GatewayAgent, intercept };
