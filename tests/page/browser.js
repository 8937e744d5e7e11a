// A service and a browser for the tests of the page, and what no test may let pass: a request to anywhere
// else, an error on the console, a violation of the page's policy, a dialog.
'use strict';
const assert = require('node:assert/strict');
const { chromium } = require('playwright-core');
const { startDps } = require('../../packaging/npm/provision-sim');

// Nothing of the browser's own goes out, and its sandbox is not needed for pages of ours: in a container it
// cannot be had.
const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP rebound.example 127.0.0.1',
];

/** Starts a service and a browser; `end` ends both. */
async function start(options) {
  const dps = await startDps(options);
  const browser = await launch();
  const end = async () => {
    await browser.close();
    await dps.stop();
  };
  return { dps, browser, end };
}

const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });

/**
 * A page in a context of its own. `faults` gathers what must not be; `open` goes to a path of the service.
 */
async function page(browser, dps, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const origin = `http://${dps.admin}`;
  const faults = [];
  await context.route('**/*', (route) => {
    const url = route.request().url();
    if (new URL(url).origin === origin) return route.continue();
    faults.push(`a request to ${url}`);
    return route.abort();
  });
  const opened = await context.newPage();
  // Before any script of the page.
  await opened.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI || event.sample}`));
  });
  opened.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(`console: ${message.text()}`));
  opened.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
  opened.on('dialog', (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  opened.setDefaultTimeout(15_000);
  return Object.assign(opened, {
    faults,
    open: (path) => opened.goto(`${origin}${path}`),
    clean: () => assert.deepEqual(faults.splice(0), []),
  });
}

module.exports = { page, start };
