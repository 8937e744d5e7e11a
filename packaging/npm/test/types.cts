// Compiled, never run: the same in CommonJS, with the context of a test.
import provisionSim = require('provision-sim');
import { test } from 'node:test';
import { request } from 'node:https';

test('a test', async (t) => {
  const dps = await provisionSim.startDps({ test: t, config: 'world.toml' });
  request({ host: dps.host, agent: dps.agent({ keepAlive: true }) });
});
