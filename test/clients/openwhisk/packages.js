// Packages, what is in them, and bindings.
'use strict';
const assert = require('node:assert/strict');
const test = require('node:test');
const { connect, refused, names, pairs, nothingLeft } = require('./client');

const ow = connect();
const namespace = process.env.NAMESPACE;
const echo = 'function main(args) { return args }';
const call = (name, params = {}) => ow.actions.invoke({ name, blocking: true, result: true, params });

test('create, get, list, update', async () => {
  const made = await ow.packages.create({ name: 'tools', package: { parameters: [{ key: 'from', value: 'package' }] }, annotations: { description: 'text' } });
  assert.deepEqual(pairs(made.parameters), { from: 'package' });
  assert.equal(pairs(made.annotations).description, 'text');
  await refused(ow.packages.create({ name: 'tools' }), 409, 'Conflict', 'resource already exists');
  await ow.actions.create({ name: 'tools/echo', action: echo });
  assert.deepEqual(await call('tools/echo', { a: 1 }), { a: 1, from: 'package' });
  assert.deepEqual(names((await ow.packages.get('tools')).actions), ['echo']);
  assert.deepEqual(names(await ow.packages.list()), ['tools']);
  assert.deepEqual(await ow.packages.list({ count: true }), { packages: 1 });
  assert.deepEqual(await ow.packages.list({ skip: 1 }), []);
  const updated = await ow.packages.update({ name: 'tools', package: { publish: true } });
  assert.equal(updated.version, '0.0.2');
  assert.equal(updated.publish, true);
  assert.deepEqual(pairs(updated.parameters), { from: 'package' });
});

test('a binding passes its parameters on', async () => {
  await ow.packages.create({ name: 'bound', package: { binding: { namespace: '_', name: 'tools' }, parameters: [{ key: 'by', value: 'binding' }] } });
  const got = await ow.packages.get('bound');
  assert.deepEqual(got.binding, { namespace, name: 'tools' });
  assert.deepEqual(names(got.actions), ['echo']);
  assert.deepEqual(await call('bound/echo'), { from: 'package', by: 'binding' });
  await refused(ow.packages.create({ name: 'none', package: { binding: { namespace: '_', name: 'nothere' } } }), 400, 'Bad Request',
    'Binding references a package that does not exist.');
  await ow.packages.delete('bound');
});

test('the catalog', async () => {
  assert.ok(names((await ow.packages.get('/whisk.system/utils')).actions).includes('echo'));
  assert.deepEqual(await call('/whisk.system/utils/echo', { a: 1 }), { a: 1 });
});

test('delete', async () => {
  await assert.rejects(ow.packages.delete('tools'), { statusCode: 409, message: /"Package not empty \(contains 1 entity\)/ });
  await ow.actions.delete('tools/echo');
  await ow.packages.delete('tools');
  await refused(ow.packages.get('tools'), 404, 'Not Found', `The requested resource '${namespace}/tools' does not exist.`);
  await nothingLeft(ow);
});
