// What devices, other sites and other names may not do to the page.
'use strict';
const assert = require('node:assert/strict');
const https = require('node:https');
const { describe, before, after, test } = require('node:test');
const { register } = require('../../packaging/npm/test/devices');
const { page, start } = require('./browser');

// Whatever a browser, a terminal or a template may take for more than text.
const MARKUP = `</td></textarea></script><script>alert(1)</script><img src=x onerror=alert(2)>"'\`{{7*7}}&lt;b&gt;`;
const CONTROL = '\u001b[31mred\u001b[0m\u202egnp.exe\u2066\u0007\u0000';

describe('hostile input', () => {
  let dps, browser, end;
  before(async () => {
    ({ dps, browser, end } = await start());
    dps.intercept();
  });
  after(() => end());

  test('a payload of 96 KB that is markup, quotes and control characters', async () => {
    const payload = { [MARKUP]: CONTROL, long: MARKUP.repeat(Math.ceil(96_000 / MARKUP.length)) };
    // DPS takes 64 KB; what is larger is refused, and shown as well.
    for (const [registrationId, body] of [['hostile-small', { ...payload, long: MARKUP }], ['hostile-large', payload]]) {
      await register({ ...dps, registrationId, key: dps.deviceKey(registrationId), payload: body, over: 'Http' }).catch(() => {});
    }
    const seen = await page(browser, dps);
    await seen.open('/');
    for (const name of ['hostile-small', 'hostile-large']) {
      await seen.open('/');
      await seen.getByRole('link', { name }).first().click();
      await seen.getByRole('heading', { level: 1 }).waitFor();
      await assertInert(seen);
    }
    await seen.open('/?q=hostile-small');
    await seen.getByRole('link', { name: 'hostile-small' }).first().click();
    const text = await seen.locator('main').innerText();
    assert.ok(text.includes('<script>alert(1)</script>'), 'the text itself is there to be read');
    assert.ok(text.includes('onerror=alert(2)'));
    seen.clean();
  });

  test('a registration ID that is markup', async () => {
    const id = encodeURIComponent('<img src=x onerror=alert(3)>"\u001b[2J');
    await answered(`/${dps.idScope}/registrations/${id}/register?api-version=2021-06-01`, { registrationId: MARKUP });
    const seen = await page(browser, dps);
    await seen.open('/');
    await seen.locator('#live-text', { hasText: 'Live' }).waitFor();
    await assertInert(seen);
    for (const link of await seen.locator('#registrations tbody a').all()) {
      assert.match(await link.getAttribute('href'), /^\/ui\//);
    }
    seen.clean();
  });

  test('an address that is markup', async () => {
    const seen = await page(browser, dps);
    for (const path of ['/?q=', '/?status=', '/?enrollment=', '/ui/', '/ui/registration/', '/ui/hubs/']) {
      await seen.open(path + encodeURIComponent(`"><script>alert(4)</script>${CONTROL.replace('\0', '')}`));
      await assertInert(seen);
    }
    // What is not there is a 404, which a browser puts on the console.
    assert.deepEqual(seen.faults.filter((fault) => !/404|400/.test(fault)), []);
  });

  test('another site can neither read nor change anything', async () => {
    const registrationId = 'witness-1';
    await register({ ...dps, registrationId, key: dps.deviceKey(registrationId), over: 'Http' });
    const context = await browser.newContext();
    await context.route('http://evil.example/', (route) => route.fulfill({ contentType: 'text/html', body: '<h1>evil</h1>' }));
    const evil = await context.newPage();
    await evil.goto('http://evil.example/');
    const got = await evil.evaluate(async (service) => {
      const tried = async (path, options) => {
        try {
          const answer = await fetch(service + path, options);
          return `${answer.type} ${answer.status} ${await answer.text()}`;
        } catch (error) {
          return error.name;
        }
      };
      const form = { method: 'POST', body: new URLSearchParams({ sure: 'yes', token: '' }) };
      return [
        await tried('/journal'),
        await tried('/reset', { method: 'POST', mode: 'no-cors' }),
        await tried('/ui/reset', { ...form, mode: 'no-cors' }),
        await tried('/reset', { ...form, credentials: 'include' }),
      ];
    }, `http://${dps.admin}`);
    for (const text of got) assert.match(text, /^TypeError$|^opaque 0 $/);

    // A form needs no permission to be sent; it is refused for its origin.
    const [answer] = await Promise.all([
      evil.waitForResponse(`http://${dps.admin}/ui/reset`),
      evil.evaluate((service) => {
        document.body.innerHTML = `<form method="post" action="${service}/ui/reset"><input name="sure" value="yes"></form>`;
        document.forms[0].submit();
      }, `http://${dps.admin}`),
    ]);
    assert.equal(answer.status(), 403);
    await evil.waitForURL(`http://${dps.admin}/ui/reset`);
    // Nor can it show the page in a frame, to have somebody click in it.
    await evil.goto('http://evil.example/');
    const shown = await evil.evaluate(async (service) => {
      const frame = Object.assign(document.createElement('iframe'), { src: `${service}/` });
      document.body.append(frame);
      await new Promise((resolve) => (frame.onload = resolve));
      return frame.contentDocument === null ? 'nothing to see' : frame.contentDocument.body.innerText;
    }, `http://${dps.admin}`);
    assert.doesNotMatch(shown, /witness-1/);
    const [, frame] = evil.frames();
    assert.doesNotMatch(await frame.content(), /witness-1/);
    assert.equal((await dps.registration(registrationId)).status, 'assigned');
  });

  test('a name that was made to lead here is refused', async () => {
    const context = await browser.newContext();
    const rebound = await context.newPage();
    const port = dps.admin.split(':')[1];
    const answer = await rebound.goto(`http://rebound.example:${port}/`);
    assert.equal(answer.status(), 403);
    assert.doesNotMatch(await rebound.content(), /witness-1|name="token"/);
    assert.equal((await rebound.goto(`http://localhost:${port}/`)).status(), 200);
  });

  test('a form of another day is refused', async () => {
    const answer = await fetch(`http://${dps.admin}/ui/reset`, {
      method: 'POST',
      headers: { Origin: `http://${dps.admin}` },
      body: new URLSearchParams({ token: '0'.repeat(64), sure: 'yes' }),
    });
    assert.equal(answer.status, 403);
    assert.ok(await dps.registration('witness-1'));
  });

  /** Says something to the service as no SDK does; whatever the answer. */
  function answered(path, body) {
    const { hostname, port } = new URL(`https://${dps.https}`);
    return new Promise((resolve, reject) => {
      const options = { hostname, port, path, method: 'PUT', ca: dps.ca, servername: 'localhost' };
      const headers = { 'Content-Type': 'application/json', 'User-Agent': MARKUP.replace(/[^ -~]/g, '') };
      https.request({ ...options, headers }, (answer) => answer.resume().on('end', resolve)).on('error', reject).end(JSON.stringify(body));
    });
  }
});

/** No element or handler came of a text, and nothing in it controls a terminal or the direction of writing. */
async function assertInert(seen) {
  const found = await seen.evaluate(() => ({
    scripts: [...document.scripts].filter((script) => !new URL(script.src || 'x:', location).pathname.startsWith('/ui/assets/')).length,
    images: [...document.images].filter((image) => !new URL(image.src).pathname.startsWith('/ui/assets/')).length,
    handlers: [...document.querySelectorAll('*')].flatMap((it) => it.getAttributeNames()).filter((name) => name.startsWith('on')),
    controls: /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u202a-\u202e\u2066-\u2069]/.test(document.documentElement.textContent),
  }));
  assert.deepEqual(found, { scripts: 0, images: 0, handlers: [], controls: false });
}
