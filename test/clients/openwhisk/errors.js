// What the client makes of answers that are no success, and what it asks for
// that the platform does not have yet.
'use strict';
const assert = require('node:assert/strict');
const test = require('node:test');
const { connect, refused, missing, nothingLeft } = require('./client');

const ow = connect();
const namespace = process.env.NAMESPACE;

/** failed wants a 502 whose record has this status and result. */
async function failed(code, status, result, text) {
  await ow.actions.update({ name: 'fails', action: code });
  const calling = () => ow.actions.invoke({ name: 'fails', blocking: true });
  await refused(calling(), 502, 'Bad Gateway', text);
  await assert.rejects(calling(), (error) => {
    assert.equal(error.error.response.status, status);
    assert.deepEqual(error.error.response.result, result);
    assert.match(error.error.activationId, /^[0-9a-f]{32}$/);
    return true;
  });
}

test('functions that fail', async () => {
  await failed("function main() { return {error: 'no such item'} }", 'application error', { error: 'no such item' }, 'no such item');
  await failed('function main() { return {error: {error: "deep"}} }', 'application error', { error: { error: 'deep' } }, 'deep');
  await failed('function main() { return {error: {statusCode: 418}} }', 'application error', { error: { statusCode: 418 } }, 'application error, status code: 418');
  await failed("function main() { throw new Error('lost') }", 'action developer error', { error: 'An error has occurred: Error: lost' }, 'An error has occurred: Error: lost');
  await failed('function main() { return 42 }', 'action developer error', { error: 'The action did not return a dictionary.' }, 'The action did not return a dictionary.');
  await ow.actions.update({ name: 'fails', action: 'function main( {' });
  await assert.rejects(ow.actions.invoke({ name: 'fails', blocking: true }), { statusCode: 502, message: /--> "Initialization has failed due to: [^]*SyntaxError: Unexpected token/ });
});

test('a function that runs for too long', async () => {
  await ow.actions.update({ name: 'fails', action: 'function main() { return new Promise(() => {}) }', limits: { timeout: 1000 } });
  await refused(ow.actions.invoke({ name: 'fails', blocking: true }), 502, 'Bad Gateway', 'The action exceeded its time limits of 1000 milliseconds.');
  await ow.actions.delete('fails');
});

test('who may not', async () => {
  const text = 'The supplied authentication is invalid';
  const [uuid] = process.env.KEY.split(':');
  for (const api_key of ['not:known', `${uuid}:wrong`, `${uuid}:`]) {
    await refused(connect({ api_key }).actions.list(), 401, 'Unauthorized', text);
  }
  await refused(ow.actions.list({ namespace: 'elsewhere' }), 403, 'Forbidden', "The supplied authentication is not authorized to access 'elsewhere'.");
  await refused(ow.actions.create({ name: '/whisk.system/mine', action: 'function main() {}' }), 403, 'Forbidden',
    "The supplied authentication is not authorized to access 'whisk.system/mine'.");
  await refused(ow.actions.create({ name: '/whisk.system/utils/mine', action: 'function main() {}' }), 403, 'Forbidden',
    "The supplied authentication is not authorized to access 'whisk.system/utils/mine'.");
});

test('the namespace as an option of the client', async () => {
  const there = connect({ namespace });
  assert.deepEqual(await there.actions.list(), []);
  await refused(connect({ namespace: 'elsewhere' }).rules.list(), 403, 'Forbidden', "The supplied authentication is not authorized to access 'elsewhere'.");
});

test('namespaces', async () => {
  assert.deepEqual(await ow.namespaces.list(), [namespace]);
  await nothingLeft(ow);
});

// There is no gateway yet: the client's calls of its three web actions must say
// so in words, and not look like a success.
test('routes', async () => {
  await missing(ow.routes.list());
  await missing(ow.routes.get({ basepath: '/shop' }));
  await missing(ow.routes.create({ relpath: '/items', operation: 'GET', action: 'hello' }));
  await missing(ow.routes.delete({ basepath: '/shop' }));
});
