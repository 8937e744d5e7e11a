// By keys alone, as somebody without a mouse or with a screen reader goes.
'use strict';
const assert = require('node:assert/strict');
const { describe, before, after, test } = require('node:test');
const { page, start } = require('./browser');
const { lived } = require('./world');

describe('keyboard', () => {
  let dps, browser, end, device;
  before(async () => {
    ({ dps, browser, end } = await start());
    dps.intercept();
    ({ device } = await lived(dps));
  });
  after(async () => {
    await device?.close();
    await end();
  });

  const focused = (seen) => seen.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id || document.activeElement.name);

  test('search, choose, open and come back', async () => {
    const seen = await page(browser, dps);
    await seen.open('/');
    await seen.locator('#live-text', { hasText: 'Live' }).waitFor();
    await seen.keyboard.press('/');
    assert.equal(await focused(seen), 'search');
    await seen.keyboard.type('custom-allocated');
    await seen.keyboard.press('Enter');
    await seen.waitForURL(/q=custom/);
    await seen.getByRole('link', { name: 'contoso-toaster-007' }).waitFor();
    await seen.keyboard.press('j');
    assert.equal(await focused(seen), 'contoso-heatpump-088');
    await seen.keyboard.press('j');
    assert.equal(await focused(seen), 'contoso-toaster-007');
    await seen.keyboard.press('k');
    await seen.keyboard.press('Enter');
    await seen.waitForURL(/\/ui\/registration\//);
    await seen.getByRole('heading', { level: 1, name: /contoso-heatpump-088/ }).waitFor();
    await seen.goBack();
    await seen.waitForURL(/q=custom/);
    seen.clean();
  });

  test('the first stop leads to the content, and every stop can be seen', async () => {
    const seen = await page(browser, dps);
    await seen.open('/');
    await seen.keyboard.press('Tab');
    assert.equal(await focused(seen), 'Skip to content');
    await seen.keyboard.press('Enter');
    assert.equal(await seen.evaluate(() => document.activeElement.id), 'main');

    await seen.open('/');
    const stops = new Set();
    for (;;) {
      await seen.keyboard.press('Tab');
      const stop = await seen.evaluate(() => {
        const it = document.activeElement;
        if (it === document.body) return undefined;
        const { width, height } = it.getBoundingClientRect();
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(it);
        const isShown = (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
        it.dataset.stop ??= String(Math.random());
        return { key: it.dataset.stop, isSeen: width > 0 && height > 0 && isShown, html: it.outerHTML.slice(0, 200) };
      });
      if (!stop || stops.has(stop.key)) break;
      assert.ok(stop.isSeen, `nobody sees where the focus is: ${stop.html}`);
      stops.add(stop.key);
      assert.ok(stops.size < 200, 'there is a way out of the page');
    }
    // Navigation, colours, search with its fields, tabs, a link for each registration.
    assert.ok(stops.size > 20, `${stops.size} stops`);
    seen.clean();
  });

  test('colours are chosen by hand, and kept', async () => {
    const seen = await page(browser, dps, { colorScheme: 'light' });
    await seen.open('/');
    const background = () => seen.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await seen.getByRole('button', { name: 'Dark' }).focus();
    await seen.keyboard.press('Enter');
    const dark = await background();
    assert.notEqual(dark, light);
    await seen.reload();
    assert.equal(await background(), dark);
    seen.clean();
  });
});
