// Records, their logs and results, and lists of them.
'use strict';
const assert = require('node:assert/strict');
const test = require('node:test');
const { connect, missing, refused, pairs } = require('./client');

const ow = connect();
const namespace = process.env.NAMESPACE;
const ids = (list) => list.map((record) => record.activationId);

let ran; // the records of three calls, the last one first

test('a record, its logs, its result', async () => {
  await ow.actions.create({ name: 'hello', action: "function main({n}) { console.log('number', n); console.error('done'); return {n} }" });
  ran = [];
  for (const n of [1, 2, 3]) {
    ran.unshift(await ow.actions.invoke({ name: 'hello', blocking: true, params: { n } }));
  }
  const [{ activationId }] = ran;
  for (const options of [activationId, { name: activationId }, { activation: activationId }, { activationId }]) {
    assert.equal((await ow.activations.get(options)).activationId, activationId);
  }
  const record = await ow.activations.get(activationId);
  assert.equal(record.name, 'hello');
  assert.equal(record.namespace, namespace);
  assert.equal(record.duration, record.end - record.start);
  const { path, kind, limits, timeout } = pairs(record.annotations);
  assert.match(kind, /^nodejs:\d+$/);
  assert.deepEqual({ path, timeout, limits }, {
    path: `${namespace}/hello`, timeout: false, limits: { timeout: 60000, memory: 256, logs: 10, concurrency: 1 },
  });
  const { logs } = await ow.activations.logs(activationId);
  assert.deepEqual(logs.map((line) => line.replace(/^\S+Z +/, '')).sort(), ['stderr: done', 'stdout: number 3']);
  const { result, success, status } = await ow.activations.result(activationId);
  assert.deepEqual({ result, success, status }, { result: { n: 3 }, success: true, status: 'success' });
});

test('lists', async () => {
  assert.deepEqual(ids(await ow.activations.list()), ids(ran));
  assert.deepEqual(ids(await ow.activations.list({ limit: 2 })), ids(ran).slice(0, 2));
  assert.deepEqual(ids(await ow.activations.list({ skip: 1 })), ids(ran).slice(1));
  assert.deepEqual(ids(await ow.activations.list({ name: 'hello' })), ids(ran));
  assert.deepEqual(await ow.activations.list({ name: 'other' }), []);
  assert.deepEqual(await ow.activations.list({ count: true }), { activations: 3 });
  assert.deepEqual(ids(await ow.activations.list({ since: ran[1].start, upto: ran[1].start })).includes(ran[1].activationId), true);
  assert.deepEqual(await ow.activations.list({ since: ran[0].start + 1000 }), []);
  const [whole] = await ow.activations.list({ docs: true, limit: 1 });
  assert.deepEqual(whole.response.result, { n: 3 });
  const [brief] = await ow.activations.list({ limit: 1 });
  assert.equal(brief.response, undefined);
});

test('what is not there', async () => {
  for (const method of ['get', 'logs', 'result']) {
    await missing(ow.activations[method]('0'.repeat(32)));
  }
  await refused(ow.activations.get('123'), 400, 'Bad Request', 'Activation id length is 3 but must be 32.');
  await refused(ow.activations.list({ limit: 201 }), 400, 'Bad Request',
    "The query parameter 'limit' was malformed:\nThe value '201' is not in the range of 0 to 200 for activations.");
  await ow.actions.delete('hello');
});
