// Triggers, and the rules that tie them to actions.
'use strict';
const assert = require('node:assert/strict');
const test = require('node:test');
const { connect, refused, missing, eventually, names, pairs, nothingLeft } = require('./client');

const ow = connect();
const namespace = process.env.NAMESPACE;

/** fire fires the trigger and returns the entries of its log: what each of its rules started. */
async function fire(name, params) {
  const { activationId } = await ow.triggers.invoke(params ? { name, params } : { name });
  const record = await eventually(`the record of ${name}`, () => ow.activations.get(activationId).catch((error) => {
    if (error.statusCode !== 404) throw error;
  }));
  assert.equal(record.name, name);
  return record.logs.map((line) => JSON.parse(line));
}

/** resultOf waits for the record of what a rule started. */
async function resultOf({ activationId }) {
  const list = () => ow.activations.list({ name: 'wake', docs: true });
  const record = await eventually('the record of wake', async () => (await list()).find((r) => r.activationId === activationId));
  const { __ow_headers: headers, ...args } = record.response.result;
  assert.equal(headers['user-agent'], 'openwhisk-client-js'); // the fire's own headers come along
  return args;
}

test('triggers: create, get, list, update', async () => {
  const made = await ow.triggers.create({ name: 'dawn', trigger: { parameters: [{ key: 'at', value: 'six' }] }, annotations: { note: 1 } });
  assert.deepEqual(pairs(made.parameters), { at: 'six' });
  assert.deepEqual(pairs(made.annotations), { note: 1 });
  await refused(ow.triggers.create({ name: 'dawn' }), 409, 'Conflict', 'resource already exists');
  assert.equal((await ow.triggers.get({ name: 'dawn' })).namespace, namespace);
  assert.deepEqual(names(await ow.triggers.list()), ['dawn']);
  assert.deepEqual(await ow.triggers.list({ count: true }), { triggers: 1 });
  assert.deepEqual(await ow.triggers.list({ skip: 1, limit: 5 }), []);
  assert.equal((await ow.triggers.update({ name: 'dawn' })).version, '0.0.2');
});

test('a trigger without rules', async () => {
  // 204 has no body, of which the client makes an empty text.
  assert.deepEqual(String(await ow.triggers.invoke({ name: 'dawn' })), '');
});

test('rules: create, get, list, update, and what they start', async () => {
  await ow.actions.create({ name: 'wake', action: 'function main(args) { return args }' });
  const made = await ow.rules.create({ name: 'morning', trigger: 'dawn', action: 'wake' });
  assert.deepEqual(made.trigger, { path: namespace, name: 'dawn' });
  assert.deepEqual(made.action, { path: namespace, name: 'wake' });
  assert.equal(made.status, 'active');
  await refused(ow.rules.create({ name: 'morning', trigger: 'dawn', action: 'wake' }), 409, 'Conflict', 'resource already exists');
  assert.equal((await ow.rules.get('morning')).status, 'active');
  assert.deepEqual(names(await ow.rules.list()), ['morning']);
  assert.deepEqual(await ow.rules.list({ count: true }), { rules: 1 });
  assert.equal((await ow.rules.update({ name: 'morning', trigger: `/${namespace}/dawn`, action: '/_/wake' })).version, '0.0.2');

  const [entry, ...more] = await fire('dawn', { a: 1 });
  assert.deepEqual(more, []);
  assert.deepEqual([entry.success, entry.rule, entry.action], [true, `${namespace}/morning`, `${namespace}/wake`]);
  assert.deepEqual(await resultOf(entry), { at: 'six', a: 1 });
});

test('rules: disable, enable', async () => {
  await ow.rules.disable({ name: 'morning' });
  assert.equal((await ow.rules.get('morning')).status, 'inactive');
  assert.equal((await ow.triggers.get({ name: 'dawn' })).rules[`${namespace}/morning`].status, 'inactive');
  assert.deepEqual(String(await ow.triggers.invoke({ name: 'dawn' })), '');
  await ow.rules.enable({ name: 'morning' });
  assert.equal((await ow.rules.get('morning')).status, 'active');
  const [entry] = await fire('dawn');
  assert.deepEqual(await resultOf(entry), { at: 'six' });
});

test('what rules refer to must be there', async () => {
  await refused(ow.rules.create({ name: 'none', trigger: 'nothere', action: 'wake' }), 400, 'Bad Request', `trigger /${namespace}/nothere does not exist`);
  await refused(ow.rules.create({ name: 'none', trigger: 'dawn', action: 'nothere' }), 400, 'Bad Request', `action /${namespace}/nothere does not exist`);
  await missing(ow.rules.enable({ name: 'none' }));
  await missing(ow.triggers.invoke({ name: 'none' }));
});

test('delete', async () => {
  assert.equal((await ow.rules.delete({ name: 'morning' })).name, 'morning');
  assert.equal((await ow.triggers.delete({ name: 'dawn' })).name, 'dawn');
  await ow.actions.delete('wake');
  await missing(ow.rules.get('morning'));
  await missing(ow.triggers.get({ name: 'dawn' }));
  await nothingLeft(ow);
});
