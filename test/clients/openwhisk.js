// Uses the npm client `openwhisk` as its documentation says, against the server at $API.
'use strict';
const assert = require('node:assert/strict');
const openwhisk = require('openwhisk');

const options = { apihost: process.env.API, api_key: process.env.KEY };
const ow = openwhisk(options);
const hello = "function main({name = 'stranger'}) { console.log('greeting', name); return {greeting: `Hello, ${name}!`} }";

const refused = (promise, status, text) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, status, `${error}`);
    assert.match(String(error.message), text);
    return true;
  });

const steps = {
  async 'create, get, list, update'() {
    const created = await ow.actions.create({ name: 'hello', action: hello });
    assert.equal(created.name, 'hello');
    assert.equal(created.version, '0.0.1');
    await refused(ow.actions.create({ name: 'hello', action: hello }), 409, /resource already exists/);
    const got = await ow.actions.get('hello');
    assert.equal(got.exec.code, hello);
    assert.equal(got.namespace, 'guest');
    const list = await ow.actions.list();
    assert.deepEqual(list.map((action) => action.name), ['hello']);
    const updated = await ow.actions.update({ name: 'hello', action: hello, params: { name: 'bound' }, annotations: { note: 1 }, limits: { timeout: 5000 } });
    assert.equal(updated.version, '0.0.2');
    assert.equal(updated.limits.timeout, 5000);
    assert.deepEqual(updated.parameters, [{ key: 'name', value: 'bound' }]);
    assert.ok(updated.annotations.some((a) => a.key === 'note' && a.value === 1));
  },

  async 'invoke: without waiting, blocking, result, parameters'() {
    const { activationId } = await ow.actions.invoke({ name: 'hello' });
    assert.match(activationId, /^[0-9a-f]{32}$/);
    const record = await ow.actions.invoke({ name: 'hello', blocking: true, params: { name: 'you' } });
    assert.equal(record.response.status, 'success');
    assert.deepEqual(record.response.result, { greeting: 'Hello, you!' });
    const result = await ow.actions.invoke({ name: 'hello', blocking: true, result: true });
    assert.deepEqual(result, { greeting: 'Hello, bound!' });
    const full = await ow.actions.invoke({ actionName: '/guest/hello', blocking: true, result: true, params: { name: 'all' } });
    assert.deepEqual(full, { greeting: 'Hello, all!' });
  },

  async 'activations: get, logs, result, list'() {
    const { activationId } = await ow.actions.invoke({ name: 'hello', blocking: true, params: { name: 'log' } });
    const record = await ow.activations.get({ name: activationId });
    assert.equal(record.name, 'hello');
    const { logs } = await ow.activations.logs({ name: activationId });
    assert.match(logs.join('\n'), /stdout: greeting log$/);
    const { result } = await ow.activations.result({ name: activationId });
    assert.deepEqual(result, { greeting: 'Hello, log!' });
    const list = await ow.activations.list({ limit: 2 });
    assert.equal(list.length, 2);
    assert.equal(list[0].activationId, activationId);
    await refused(ow.activations.get({ name: '0'.repeat(32) }), 404, /The requested resource does not exist/);
  },

  async 'a function that fails'() {
    await ow.actions.update({ name: 'fails', action: "function main() { return {error: 'no such item'} }" });
    await assert.rejects(ow.actions.invoke({ name: 'fails', blocking: true }), (error) => {
      assert.equal(error.statusCode, 502);
      assert.equal(error.error.response.result.error, 'no such item');
      return true;
    });
  },

  async 'packages and bindings'() {
    await ow.packages.create({ name: 'tools', package: { parameters: [{ key: 'name', value: 'package' }] } });
    await ow.actions.create({ name: 'tools/hello', action: hello });
    assert.deepEqual(await ow.actions.invoke({ name: 'tools/hello', blocking: true, result: true }), { greeting: 'Hello, package!' });
    const got = await ow.packages.get({ name: 'tools' });
    assert.deepEqual(got.actions.map((action) => action.name), ['hello']);
    assert.deepEqual((await ow.packages.list()).map((p) => p.name), ['tools']);
    await refused(ow.packages.delete({ name: 'tools' }), 409, /./);
    await ow.actions.delete({ name: 'tools/hello' });
    await ow.packages.delete({ name: 'tools' });
    await refused(ow.packages.get({ name: 'tools' }), 404, /does not exist/);
  },

  async 'namespaces, and who may not'() {
    assert.deepEqual(await ow.namespaces.list(), ['guest']);
    await refused(openwhisk({ ...options, api_key: 'not:known' }).actions.list(), 401, /authentication/);
    await refused(ow.actions.list({ namespace: 'elsewhere' }), 403, /not authorized/);
    await refused(ow.actions.get('nothere'), 404, /The requested resource does not exist/);
    await refused(ow.actions.create({ name: 'odd', action: hello, kind: 'cobol:85' }), 400, /The specified runtime 'cobol:85' is not supported by this platform/);
  },

  async 'delete'() {
    for (const name of ['hello', 'fails']) await ow.actions.delete({ name });
    assert.deepEqual(await ow.actions.list(), []);
    await refused(ow.actions.invoke({ name: 'hello', blocking: true }), 404, /does not exist/);
  },
};

(async () => {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
    } catch (error) {
      console.error(`${name}: ${error.stack}`);
      process.exitCode = 1;
      return;
    }
  }
})();
