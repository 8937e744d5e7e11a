// What is changed on the page, and what that does to real devices; what is seen of them as it happens.
'use strict';
const assert = require('node:assert/strict');
const { describe, before, after, test } = require('node:test');
const { connect, desired, register, report } = require('../../packaging/npm/test/devices');
const { page, start } = require('./browser');

const HUB = 'contoso-toasters-hub-1098.azure-devices.net';

describe('views', () => {
  let dps, browser, end, seen;
  before(async () => {
    ({ dps, browser, end } = await start());
    dps.intercept();
    seen = await page(browser, dps);
  });
  after(() => end());

  const device = (registrationId, key) => register({ ...dps, registrationId, key });

  test('an enrollment is disabled, and the next device is refused; enabled, it is let in', async () => {
    const { primaryKey } = await dps.enroll({ registrationId: 'kettle-1' });
    await device('kettle-1', primaryKey);

    await seen.open('/');
    await seen.getByRole('link', { name: 'Enrollments' }).click();
    await seen.getByRole('link', { name: 'kettle-1' }).click();
    await seen.getByRole('button', { name: 'Disable' }).click();
    await seen.locator('.head').getByText('Disabled').waitFor();
    await assert.rejects(device('kettle-1', primaryKey));
    const refused = (await dps.journal({ registrationId: 'kettle-1' })).at(-1);
    assert.equal(refused.status, 'disabled');

    await seen.getByRole('button', { name: 'Enable' }).click();
    await seen.locator('.head').getByText('Enabled').waitFor();
    await device('kettle-1', primaryKey);
    seen.clean();
  });

  test('what is to go wrong is added on the page, strikes while one looks, and is removed', async () => {
    const { primaryKey } = await dps.enroll({ registrationId: 'fault-1' });
    await seen.open('/ui/faults');
    await seen.getByLabel(/a rule/).fill('register statsu=503');
    await seen.getByRole('button', { name: 'Add' }).click();
    await seen.getByRole('alert').getByText('did you mean status?').waitFor();
    seen.faults.length = 0;
    await seen.getByLabel(/a rule/).fill('register status=429 retry-after=1 times=1 device=fault-1');
    await seen.getByRole('button', { name: 'Add' }).click();
    await seen.getByRole('cell', { name: 'never' }).waitFor();
    await device('fault-1', primaryKey);
    // Told without a load of the page.
    await seen.locator('[data-label=Struck]').getByText('1', { exact: true }).waitFor();
    await seen.getByRole('button', { name: /^Remove fault/ }).click();
    await seen.getByText('Nothing goes wrong on purpose').waitFor();
    seen.clean();
  });

  test('an enrollment that another has changed meanwhile is not overwritten', async () => {
    const enrollment = await dps.enroll({ registrationId: 'kettle-2' });
    await seen.open('/ui/enrollments?q=kettle-2');
    await seen.getByRole('link', { name: 'kettle-2' }).click();
    await seen.getByRole('button', { name: 'Disable' }).waitFor();
    await enrollment.update({ capabilities: { iotEdge: true } });
    await seen.getByRole('button', { name: 'Disable' }).click();
    await seen.getByRole('alert').waitFor();
    assert.equal((await enrollment.record()).provisioningStatus, 'enabled');
  });

  test('one is made on the page, and lets a device in; deleted, it does not', async () => {
    seen.faults.length = 0;
    await seen.open('/ui/enrollments/new');
    await seen.getByLabel('One device').check();
    await seen.getByLabel(/registration ID of the device/).fill('mixer-1');
    await seen.getByRole('button', { name: 'Create' }).click();
    await seen.getByRole('heading', { level: 1, name: 'mixer-1' }).waitFor();
    const made = await dps.enrollment({ registrationId: 'mixer-1' });
    await device('mixer-1', made.deviceKey('mixer-1'));

    await seen.getByText('Delete this enrollment').click();
    await seen.getByRole('button', { name: /^Delete/ }).click();
    await seen.waitForURL(/\/ui\/enrollments$/);
    await assert.rejects(device('mixer-1', made.deviceKey('mixer-1')));
    seen.clean();
  });

  test('keys are nowhere until somebody asks', async () => {
    const { primaryKey, secondaryKey } = await dps.enroll({ registrationId: 'safe-1' });
    const keys = [primaryKey, secondaryKey, dps.groupKey('simulated-devices')];
    const has = async () => keys.filter((key) => holds.includes(key));
    let holds = '';
    seen.on('response', async (answer) => (holds += await answer.text().catch(() => '')));
    for (const path of ['/', '/ui/enrollments', '/ui/hubs', '/ui/connect?id=safe-1', '/ui/try', '/ui/faults']) {
      await seen.open(path);
      holds += await seen.content();
    }
    await seen.open('/ui/enrollments?q=safe-1');
    await seen.getByRole('link', { name: 'safe-1' }).click();
    await seen.getByRole('heading', { level: 2, name: 'Keys' }).waitFor();
    holds += await seen.content();
    assert.deepEqual(await has(), []);

    const [answer] = await Promise.all([
      seen.waitForResponse(/\/ui\/enrollment\/keys/),
      seen.getByRole('button', { name: 'Show the keys' }).click(),
    ]);
    assert.match((await answer.allHeaders())['cache-control'], /no-store/);
    await seen.getByText(primaryKey).waitFor();
    await seen.getByRole('link', { name: 'Hide them' }).click();
    await seen.getByRole('button', { name: 'Show the keys' }).waitFor();
    assert.equal(await seen.getByText(primaryKey).count(), 0);
    seen.clean();
  });

  test('a desired property arrives at a connected device, and what it reports is seen arriving', async () => {
    const { primaryKey: key } = await dps.enroll({ registrationId: 'pump-1' });
    const { assignedHub, deviceId } = await device('pump-1', key);
    const pump = await connect({ assignedHub, deviceId, key });
    const twin = await pump.getTwin();

    await seen.open('/');
    await seen.getByRole('link', { name: 'Hubs' }).click();
    await seen.getByRole('link', { name: HUB }).click();
    await seen.getByRole('link', { name: 'pump-1' }).click();
    await seen.getByText('Connected', { exact: true }).first().waitFor();

    const arrived = desired(twin, ({ interval }) => interval === 5);
    await seen.getByLabel(/what is not named stays/).fill('{"interval": 5}');
    await seen.getByRole('button', { name: 'Change', exact: true }).click();
    assert.equal((await arrived).interval, 5);
    await seen.locator('[data-live]').getByText('"interval": 5').waitFor();

    await seen.evaluate(() => (window.isTheSame = true));
    await report(twin, { firmware: '7.7.7' });
    await seen.locator('[data-live]').getByText('"firmware": "7.7.7"').waitFor();
    await pump.close();
    await seen.locator('[data-live]').getByText('Not connected').waitFor();
    assert.equal(await seen.evaluate(() => window.isTheSame), true);
    seen.clean();
  });

  test('desired properties that are none are refused in words, and kept to be mended', async () => {
    await seen.open(`/ui/hubs`);
    await seen.getByRole('link', { name: HUB }).click();
    await seen.getByRole('link', { name: 'pump-1' }).click();
    const field = seen.getByLabel(/what is not named stays/);
    for (const wrong of ['{', '[1]', '{"$a": 1}', '</textarea><script>alert(1)</script>']) {
      await field.fill(wrong);
      await seen.getByRole('button', { name: 'Change', exact: true }).click();
      await seen.getByRole('alert').waitFor();
      assert.equal(await field.inputValue(), wrong);
    }
    assert.equal((await dps.twin('pump-1')).desired.$a, undefined);
    assert.deepEqual(seen.faults.splice(0).filter((fault) => !/status of 4\d\d/.test(fault)), []);
  });

  test('lines for a device, in every language, and with its key when asked', async () => {
    await seen.open('/ui/connect');
    await seen.getByLabel('Registration ID').fill("kettle'; rm -rf $(pwd) #");
    await seen.getByRole('button', { name: 'Show the lines' }).click();
    await seen.getByRole('alert').waitFor();
    seen.faults.length = 0;

    await seen.open('/ui/connect');
    await seen.getByLabel('Registration ID').fill('tap-1');
    await seen.getByRole('button', { name: 'Show the lines' }).click();
    await seen.getByRole('button', { name: /with its key/ }).click();
    const key = dps.deviceKey('tap-1');
    await seen.locator('#key', { hasText: key }).waitFor();
    for (const name of ['C', 'Python', 'Node', '.NET', 'Java', 'az', 'curl']) {
      await seen.getByRole('navigation', { name: 'SDK' }).getByText(name, { exact: true }).click();
      const text = await seen.locator('main').innerText();
      assert.ok(text.includes(dps.idScope), `${name} has the ID scope`);
    }
    seen.clean();
  });

  test('a device is simulated, and a webhook is asked', async () => {
    await seen.open('/ui/try');
    await seen.getByRole('button', { name: 'Heat pump' }).click();
    await seen.getByText('Not assigned').waitFor();
    await seen.getByRole('button', { name: 'Toaster' }).click();
    await seen.getByText('contoso-toaster-007').first().waitFor();
    await seen.getByRole('link', { name: 'Its conversation' }).click();
    await seen.getByRole('heading', { level: 1, name: 'contoso-toaster-007' }).waitFor();

    await seen.open('/ui/try');
    const webhook = seen.getByRole('region', { name: 'A webhook without a device' });
    await webhook.getByLabel('Registration ID').fill('contoso-heatpump-9');
    await webhook.getByRole('button', { name: 'Ask' }).click();
    await webhook.getByText('Unrecognized device registration').first().waitFor();
    assert.deepEqual(await dps.journal({ registrationId: 'contoso-heatpump-9' }), []);
    seen.clean();
  });

  test('what a webhook was asked is asked again from the conversation', async () => {
    const id = 'contoso-toaster-9';
    await device(id, dps.deviceKey(id));
    const [{ sequence }] = await dps.journal({ registrationId: id });
    await seen.open(`/ui/registration/${sequence}`);
    await seen.getByRole('button', { name: 'Ask its webhook again' }).click();
    const again = seen.getByRole('region', { name: 'Its webhook, asked again' });
    await again.getByText('Accepted').waitFor();
    await again.getByText(HUB).first().waitFor();
    // The conversation goes on below, and what was judged stays.
    await seen.getByRole('heading', { name: 'What happened' }).waitFor();
    assert.equal((await dps.journal({ registrationId: id })).length, 1);
    seen.clean();
  });
});
