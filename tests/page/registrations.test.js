// What comes in, as it comes in.
'use strict';
const assert = require('node:assert/strict');
const { describe, before, after, test } = require('node:test');
const { register } = require('../../packaging/npm/test/devices');
const { page, start } = require('./browser');

describe('registrations', () => {
  let dps, browser, end, seen;
  before(async () => {
    ({ dps, browser, end } = await start());
    dps.intercept();
    seen = await page(browser, dps);
  });
  after(() => end());

  const device = (registrationId, more) => register({ ...dps, registrationId, key: dps.deviceKey(registrationId), ...more });
  const row = (text) => seen.locator('#registrations tbody tr', { hasText: text });

  test('a registration appears without a reload', async () => {
    await seen.open('/');
    await seen.getByText('No device has asked yet').waitFor();
    await seen.locator('#live-text', { hasText: 'Live' }).waitFor();
    await seen.evaluate(() => (window.isTheSame = true));

    await device('pump-1');
    await row('pump-1').getByText('Assigned').waitFor();
    await row('pump-1').getByText('contoso-toasters-hub-1098').waitFor();
    assert.equal(await seen.evaluate(() => window.isTheSame), true);
    assert.match(await seen.locator('#news').textContent(), /new registration/);
    seen.clean();
  });

  test('a failure explains itself', async () => {
    await device('contoso-heatpump-088').catch(() => {});
    await row('contoso-heatpump-088').getByText('Failed').waitFor();
    await row('contoso-heatpump-088').getByRole('link').first().click();
    await seen.getByRole('heading', { level: 1, name: /contoso-heatpump-088/ }).waitFor();
    const text = await seen.locator('main').innerText();
    // What the device was told, what the webhook said, and what the catalogue knows of it.
    assert.match(text, /Custom allocation failed with status code: 400/);
    assert.match(text, /Unrecognized device registration/);
    assert.match(text, /400207/);
    assert.match(text, /What (to do|helps|to try)/i);
    seen.clean();
  });

  test('search and filters are in the address, and what comes in keeps to them', async () => {
    await seen.open('/');
    await seen.getByRole('searchbox').fill('kettle');
    await seen.getByRole('searchbox').press('Enter');
    await seen.waitForURL(/\?.*q=kettle/);
    assert.equal(await row('pump-1').count(), 0);
    await device('pump-2');
    await device('kettle-2');
    await row('kettle-2').waitFor();
    assert.equal(await row('pump-2').count(), 0);

    await seen.open('/?status=failed');
    await row('contoso-heatpump-088').waitFor();
    assert.equal(await row('kettle-2').count(), 0);
    seen.clean();
  });

  test('paused, nothing moves; after that everything is there', async () => {
    await seen.open('/');
    await seen.locator('#live-text', { hasText: 'Live' }).waitFor();
    await seen.getByRole('button', { name: 'Pause' }).click();
    await seen.locator('#live-text', { hasText: 'Paused' }).waitFor();
    await device('pump-3');
    await dps.waitForRegistration('pump-3');
    assert.equal(await row('pump-3').count(), 0);
    await seen.getByRole('button', { name: 'Go on' }).click();
    await row('pump-3').waitFor();
    seen.clean();
  });

  test('without a script it is there too', async () => {
    const still = await page(browser, dps, { javaScriptEnabled: false });
    await still.open('/?q=pump-1');
    assert.match(await still.locator('#registrations').innerText(), /pump-1/);
    await still.getByRole('link', { name: 'pump-1' }).click();
    assert.match(await still.locator('main').innerText(), /pump-1/);
    still.clean();
  });

  test('a page whose service has ended says so', async () => {
    await seen.open('/');
    await seen.locator('#live-text', { hasText: 'Live' }).waitFor();
    await dps.stop();
    await seen.getByText(/The service has ended/).waitFor();
    await seen.locator('#live-text', { hasText: 'Not connected' }).waitFor();
  });
});
