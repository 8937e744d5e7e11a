// `node --require provision-sim/intercept device.js`: a program as it is, with production host names, whose
// connections to DPS and its hubs go to the service that PROVISION_SIM_GATEWAY and PROVISION_SIM_CA_FILE
// name (`dps.env` has both).
'use strict';
const fs = require('node:fs');
const { intercept } = require('./lib/gateway');

const { PROVISION_SIM_GATEWAY: gateway, PROVISION_SIM_CA_FILE: caFile, PROVISION_SIM_HUBS: hubs } = process.env;
if (!gateway || !caFile) {
  throw new Error(
    'provision-sim/intercept needs PROVISION_SIM_GATEWAY (HOST:PORT of the gateway) and PROVISION_SIM_CA_FILE; ' +
      'start the program with `dps.env`, or with both as `provision-sim serve --gateway-port 0 -o json` prints them',
  );
}
intercept({ gateway, ca: fs.readFileSync(caFile, 'utf8') }, hubs ? hubs.split(',') : []);
