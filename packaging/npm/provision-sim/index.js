// `provision-sim` for tests in JavaScript: see index.d.ts for what everything means.
'use strict';
const { refuse } = require('./lib/allocation');
const { binary } = require('./lib/binary');
const { startDps } = require('./lib/dps');
const { ProvisionSimError } = require('./lib/error');

module.exports = { ProvisionSimError, binary, refuse, startDps };
