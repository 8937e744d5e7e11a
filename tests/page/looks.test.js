// Every page, at every width and in both schemes: pictures in target/page, nothing wider than the screen, and
// what axe-core knows of accessibility.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, before, after, test } = require('node:test');
const { page, start } = require('./browser');
const { lived } = require('./world');

const PICTURES = path.resolve(__dirname, '../../target/page');
const AXE = require.resolve('axe-core/axe.min.js');
const SIZES = [[360, 780], [400, 860], [1024, 768], [1280, 900], [2560, 1440]];

describe('looks', () => {
  let dps, browser, end, paths, device;
  before(async () => {
    ({ dps, browser, end } = await start());
    dps.intercept();
    const { deviceId, hub, ...made } = await lived(dps);
    device = made.device;
    const most = [`/ui/device?${new URLSearchParams({ hub, id: deviceId })}`, '/ui/connect?id=tap-1'];
    paths = await everyPage(await page(browser, dps), most);
    for (const file of fs.readdirSync(PICTURES)) if (file.endsWith('.png')) fs.rmSync(path.join(PICTURES, file));
  });
  after(async () => {
    await device?.close();
    await end();
  });

  for (const colorScheme of ['light', 'dark']) {
    for (const [width, height] of SIZES) {
      test(`${width} px, ${colorScheme}`, async () => {
        const seen = await page(browser, dps, { colorScheme, viewport: { width, height } });
        const wide = [];
        for (const [name, address] of paths) {
          await seen.open(address);
          await seen.getByRole('heading', { level: 1 }).waitFor();
          await seen.screenshot({ path: path.join(PICTURES, `${name}-${width}-${colorScheme}.png`), fullPage: true });
          wide.push(...(await seen.evaluate(tooWide)).map((what) => `${address}: ${what}`));
        }
        assert.deepEqual(wide, []);
        seen.clean();
      });
    }

    test(`accessibility, ${colorScheme}`, async () => {
      // axe is a script that the page's policy does not let in.
      const seen = await page(browser, dps, { colorScheme, bypassCSP: true });
      for (const [, address] of paths) {
        await seen.open(address);
        await seen.addScriptTag({ path: AXE });
        const { violations } = await seen.evaluate(() => window.axe.run());
        const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
        assert.deepEqual(told, [], address);
      }
    });
  }
});

/** What can be come to by links, one of each kind: name for a file, and address. `most` are taken first. */
async function everyPage(seen, most) {
  const found = new Map();
  // Of some kinds the one that has the most to show.
  const waiting = [...most, '/'];
  while (waiting.length > 0) {
    const address = waiting.shift();
    const name = kind(address);
    if (found.has(name)) continue;
    found.set(name, address);
    await seen.open(address);
    const links = await seen.locator('a[href^="/"]').evaluateAll((all) => all.map((it) => it.getAttribute('href')));
    waiting.push(...links.filter((link) => /^\/(\?|$|ui\/(?!assets))/.test(link)));
  }
  assert.deepEqual(seen.faults, []);
  return [...found];
}

/** Pages that differ by what they show, and not by how, are of a kind. */
function kind(address) {
  const [first = '', second = '', ...more] = address.split(/[?#]/)[0].replace(/^\/(ui\/)?/, '').split('/');
  return first === '' ? 'registrations' : [first, second && 'one', ...more.map(() => 'of')].filter(Boolean).join('-');
}

/** Elements that reach beyond the screen, or out of what frames them, and cannot be scrolled to in a box of their own. */
function tooWide() {
  const scrolls = (it) => {
    for (let box = it.parentElement; box; box = box.parentElement) {
      if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(box).overflowX)) return true;
    }
    return false;
  };
  const wide = [];
  if (document.documentElement.scrollWidth > innerWidth) wide.push(`the page: ${document.documentElement.scrollWidth} px`);
  for (const it of document.querySelectorAll('main *')) {
    const { right, width } = it.getBoundingClientRect();
    const edge = it.closest('.card')?.getBoundingClientRect().right ?? innerWidth;
    if (width > 1 && right > edge + 1 && !scrolls(it)) wide.push(`${it.tagName}.${it.className}: ${Math.round(right)} > ${Math.round(edge)}`);
  }
  return wide.slice(0, 5);
}
