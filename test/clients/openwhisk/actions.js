// Actions of every form: text, archive, sequence, as an object; and how they are called.
'use strict';
const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const test = require('node:test');
const { connect, refused, missing, names, pairs, nothingLeft } = require('./client');

const ow = connect();
const namespace = process.env.NAMESPACE;
const hello = "function main({name = 'stranger'}) { console.log('greeting', name); return {greeting: `Hello, ${name}!`} }";
const call = (name, params = {}) => ow.actions.invoke({ name, blocking: true, result: true, params });

test('create, get, list, update', async () => {
  const created = await ow.actions.create({ name: 'hello', action: hello });
  assert.equal(created.name, 'hello');
  assert.equal(created.version, '0.0.1');
  assert.match(created.exec.kind, /^nodejs:\d+$/);
  await refused(ow.actions.create({ name: 'hello', action: hello }), 409, 'Conflict', 'resource already exists');
  const got = await ow.actions.get('hello');
  assert.equal(got.exec.code, hello);
  assert.equal(got.namespace, namespace);
  assert.equal((await ow.actions.get({ name: 'hello', code: false })).exec.code, undefined);
  assert.deepEqual(names(await ow.actions.list()), ['hello']);
  assert.deepEqual(await ow.actions.list({ count: true }), { actions: 1 });
  assert.deepEqual(await ow.actions.list({ skip: 1, limit: 10 }), []);
  const updated = await ow.actions.update({ name: 'hello', action: hello, version: '2.0.0' });
  assert.equal(updated.version, '2.0.0');
});

test('parameters, annotations, limits', async () => {
  const limits = { timeout: 5000, memory: 128, logs: 1, concurrency: 1 };
  const made = await ow.actions.create({ name: 'full', action: hello, params: { name: 'bound', more: { deep: [1] } }, annotations: { note: 1, final: true }, limits });
  assert.deepEqual(made.limits, limits);
  assert.deepEqual(pairs(made.parameters), { name: 'bound', more: { deep: [1] } });
  assert.deepEqual(pairs(made.annotations), { note: 1, final: true, 'provide-api-key': false, exec: made.exec.kind });
  // An update without code keeps the code; annotations are merged, limits and parameters stay.
  const kept = await ow.actions.update({ name: 'full', annotations: { note: 2 } });
  assert.equal(kept.exec.code, hello);
  assert.equal(pairs(kept.annotations).note, 2);
  assert.deepEqual(kept.limits, limits);
  await refused(ow.actions.update({ name: 'full', limits: { timeout: 1 } }), 400, 'Bad Request',
    'requirement failed: duration 1 milliseconds below allowed threshold of 100 milliseconds');
  await ow.actions.delete('full');
});

test('invoke: without waiting, blocking, result, parameters, names', async () => {
  const { activationId } = await ow.actions.invoke({ name: 'hello' });
  assert.match(activationId, /^[0-9a-f]{32}$/);
  const record = await ow.actions.invoke({ name: 'hello', blocking: true, params: { name: 'you' } });
  assert.equal(record.response.status, 'success');
  assert.deepEqual(record.response.result, { greeting: 'Hello, you!' });
  assert.deepEqual(await call('hello'), { greeting: 'Hello, stranger!' });
  for (const name of [`/${namespace}/hello`, '/_/hello']) {
    assert.deepEqual(await call(name, { name: 'all' }), { greeting: 'Hello, all!' }, name);
  }
  // A list of names is a call of each.
  const both = await ow.actions.invoke(['hello', { name: 'hello' }]);
  assert.equal(new Set(both.map((answer) => answer.activationId)).size, 2);
});

test('kinds', async () => {
  await ow.actions.create({ name: 'snake', kind: 'python:3', action: 'def main(args):\n    return {"sum": sum(args["n"])}' });
  assert.deepEqual(await call('snake', { n: [1, 2, 39] }), { sum: 42 });
  await ow.actions.delete('snake');
  await assert.rejects(ow.actions.create({ name: 'odd', action: hello, kind: 'cobol:85' }), {
    statusCode: 400, message: /The specified runtime 'cobol:85' is not supported by this platform\. Valid values are: .*'nodejs:\d+'/,
  });
});

test('archives', async () => {
  const zip = readFileSync(process.env.ZIP);
  const made = await ow.actions.create({ name: 'zip', action: zip, exec: { main: 'shout' } });
  assert.equal(made.exec.binary, true);
  assert.equal(made.exec.code, zip.toString('base64'));
  assert.deepEqual(await call('zip', { text: 'hello' }), { text: 'HELLO' });
  await ow.actions.delete('zip');
});

test('sequences', async () => {
  const wrap = 'function main(args) { return {wrapped: args} }';
  await ow.actions.create({ name: 'wrap', action: wrap });
  const made = await ow.actions.create({ name: 'both', sequence: ['/_/hello', '/_/wrap'] });
  assert.deepEqual(made.exec.components, [`/${namespace}/hello`, `/${namespace}/wrap`]);
  assert.deepEqual(await call('both', { name: 'seq' }), { wrapped: { greeting: 'Hello, seq!' } });
  const record = await ow.actions.invoke({ name: 'both', blocking: true });
  assert.equal(record.logs.length, 2);
  const [first] = await Promise.all(record.logs.map((name) => ow.activations.get({ name })));
  assert.equal(first.cause, record.activationId);
  await ow.actions.update({ name: 'both', sequence: ['/_/wrap'] });
  assert.deepEqual(await call('both', { a: 1 }), { wrapped: { a: 1 } });
  await refused(ow.actions.update({ name: 'both', sequence: ['/_/nothere'] }), 400, 'Bad Request', 'Sequence component does not exist.');
  for (const name of ['both', 'wrap']) await ow.actions.delete(name);
});

test('an action as an object', async () => {
  const action = { exec: { kind: 'nodejs:default', code: hello }, annotations: [{ key: 'a', value: 1 }], publish: true };
  const made = await ow.actions.create({ name: 'object', action });
  assert.equal(made.publish, true);
  assert.equal(pairs(made.annotations).a, 1);
  await ow.actions.delete('object');
});

test('delete', async () => {
  assert.equal((await ow.actions.delete('hello')).name, 'hello');
  await missing(ow.actions.delete('hello'));
  await missing(ow.actions.invoke({ name: 'hello', blocking: true }));
  await nothingLeft(ow);
});
