// Deploys the service in the folder shop with the Serverless Framework, uses it,
// changes it, and removes it; after each step the client looks at what is there.
'use strict';
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { cpSync, readFileSync, writeFileSync } = require('node:fs');
const { homedir } = require('node:os');
const path = require('node:path');
const test = require('node:test');
const openwhisk = require('openwhisk');

const { API, KEY, NAMESPACE: namespace, NODE_PATH: modules } = process.env;
const ow = openwhisk({ apihost: API, api_key: KEY });
const folder = path.join(homedir(), 'shop'); // the home is a temporary one, of this test
cpSync(path.join(__dirname, 'shop'), folder, { recursive: true });

// Nothing is told to anybody, and nothing asked.
const quiet = { SLS_TRACKING_DISABLED: '1', SLS_NOTIFICATIONS_MODE: 'off', SLS_DEPRECATION_NOTIFICATION_MODE: 'warn', SLS_INTERACTIVE_SETUP_ENABLE: '', CI: '1' };

/** serverless runs the framework; its exit code must be code. It returns what was printed. */
function serverless(code, ...args) {
  const program = path.join(modules, 'serverless', 'bin', 'serverless.js');
  const env = { PATH: process.env.PATH, HOME: homedir(), OW_APIHOST: API, OW_AUTH: KEY, ...quiet };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8', env });
  assert.equal(status, code, `serverless ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

const names = (list) => list.map((entity) => entity.name).sort();
const pairs = (list) => Object.fromEntries(list.map(({ key, value }) => [key, value]));
const all = async () => {
  const { actions, packages, triggers, rules } = await ow.namespaces.get();
  return { actions: names(actions), packages: names(packages), triggers: names(triggers), rules: names(rules) };
};

test('deploy', async () => {
  serverless(0, 'deploy');
  assert.deepEqual(await all(), {
    actions: ['greet', 'shop-dev-both', 'shop-dev-page', 'upper'], packages: ['goods'], triggers: ['dawn', 'dusk'], rules: ['evening', 'shop_dawn_to_both'],
  });
  const upper = await ow.actions.get('goods/upper');
  assert.deepEqual(upper.limits, { timeout: 10000, memory: 128, logs: 10, concurrency: 1 });
  assert.equal(pairs(upper.annotations).note, 'text');
  assert.equal(upper.exec.binary, true);
  assert.deepEqual((await ow.actions.get('shop-dev-both')).exec.components, [`/${namespace}/greet`, `/${namespace}/goods/upper`]);
  const goods = await ow.packages.get('goods');
  assert.deepEqual([goods.publish, pairs(goods.parameters), pairs(goods.annotations)], [true, { sign: '?' }, { kind: 'things' }]);
  assert.equal((await ow.rules.get('evening')).status, 'active');
});

test('invoke', async () => {
  assert.deepEqual(JSON.parse(serverless(0, 'invoke', '--function', 'hello')), { greeting: 'Hello, stranger' });
  assert.deepEqual(JSON.parse(serverless(0, 'invoke', '--function', 'both', '--data', '{"name": "you"}')), { greeting: 'HELLO, YOU?' });
  assert.match(serverless(0, 'logs', '--function', 'hello'), /greeting you/);
  const response = await fetch(`${API}/api/v1/web/${namespace}/default/shop-dev-page.html`);
  assert.equal(await response.text(), '<p>open</p>');
  assert.deepEqual((await ow.actions.invoke({ name: 'shop-dev-both', blocking: true, result: true })), { greeting: 'HELLO, STRANGER?' });
});

test('a trigger starts the sequence', async () => {
  await ow.triggers.invoke({ name: 'dawn', params: { name: 'morning' } });
  for (const end = Date.now() + 30000; ;) {
    const records = await ow.activations.list({ name: 'shop-dev-both', docs: true });
    if (records.some((record) => record.response.result.greeting === 'HELLO, MORNING?')) break;
    assert.ok(Date.now() < end, 'the sequence did not run');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('deploy a change', async () => {
  const file = path.join(folder, 'handler.js');
  writeFileSync(file, readFileSync(file, 'utf8').replace('Hello', 'Good day'));
  serverless(0, 'deploy');
  assert.deepEqual(await ow.actions.invoke({ name: 'greet', blocking: true, result: true }), { greeting: 'Good day, stranger' });
  assert.equal((await ow.actions.get('greet')).version, '0.0.2');
});

test('remove', async () => {
  serverless(0, 'remove');
  assert.deepEqual(await all(), { actions: [], packages: [], triggers: [], rules: [] });
});
