// Deploys each composition with the library, runs it, and looks at the result and
// at the records that it leaves.
'use strict';
const assert = require('node:assert/strict');
const test = require('node:test');
const composer = require('openwhisk-composer');
const connect = require('openwhisk-composer/client');
const { actions, cases } = require('./compositions');

const ow = connect(); // the server and the key are in ~/.wskprops
const namespace = process.env.NAMESPACE;
const pairs = (list) => Object.fromEntries(list.map(({ key, value }) => [key, value]));
const deploy = (name, composition) => ow.compositions.deploy({ name: `/_/${name}`, ...composition.compile() }, true);
const recordsOf = (session) => Promise.all(session.logs.map((name) => ow.activations.get({ name })));

/** run returns the session's record, also of a composition that failed. */
const run = (name, params) => ow.actions.invoke({ name, blocking: true, params }).catch((error) => {
  assert.equal(error.statusCode, 502, `${error}`);
  return error.error;
});

/** checkRecords wants the session's record, and those of the conductor's runs and of the components below it. */
async function checkRecords(session, name, components, runs) {
  const { conductor, topmost, kind, path, causedBy } = pairs(session.annotations);
  assert.deepEqual({ conductor, topmost, kind, path, causedBy }, { conductor: true, topmost: true, kind: 'sequence', path: `${namespace}/${name}`, causedBy: undefined });
  assert.equal(session.cause, undefined);
  assert.deepEqual(await ow.activations.get(session.activationId), session);
  const below = await recordsOf(session);
  assert.equal(below.filter((record) => record.name === name).length, runs, 'runs of the conductor');
  assert.equal(below.filter((record) => record.name !== name).length, components, 'components');
  for (const record of below) {
    assert.equal(record.cause, session.activationId);
    assert.equal(pairs(record.annotations).causedBy, 'sequence');
  }
  assert.equal(session.duration, below.reduce((sum, record) => sum + record.duration, 0));
}

test('what the compositions are made of', async () => {
  for (const [name, action] of Object.entries(actions)) {
    await ow.actions.create({ name, action });
  }
});

for (const [title, { of, given, want, error, components, runs = components + 1 }] of Object.entries(cases)) {
  test(title, async () => {
    const name = 'case-' + title.replace(/\W+/g, '-');
    await deploy(name, of);
    const session = await run(name, given);
    const { status, result } = session.response;
    assert.deepEqual({ status, result }, error ? { status: 'application error', result: { error } } : { status: 'success', result: want });
    await checkRecords(session, name, components, runs);
  });
}

test('a composition is a conductor action', async () => {
  const { exec, annotations, limits } = await ow.actions.get('case-sequence');
  assert.match(exec.kind, /^nodejs:\d+$/);
  const { conductor, composerVersion } = pairs(annotations);
  assert.equal(conductor.type, 'sequence');
  assert.equal(composerVersion, composer.util.version);
  assert.deepEqual(limits, { timeout: 60000, memory: 256, logs: 10, concurrency: 1 });
});

test('a composition in a composition', async () => {
  await deploy('inner', composer.seq('add', 'double'));
  await deploy('outer', composer.try(composer.seq('inner', 'inner', 'fail'), ({ error }) => ({ error: `inner: ${error}` })));
  const session = await run('outer', { n: 1 });
  assert.deepEqual(session.response.result, { error: 'inner: broken' });
  const below = await recordsOf(session);
  assert.deepEqual(below.map((record) => record.name), ['outer', 'inner', 'outer', 'inner', 'outer', 'fail', 'outer']);
  const inner = below[3];
  assert.deepEqual(inner.response.result, { n: 10 });
  const { conductor, topmost, causedBy } = pairs(inner.annotations);
  assert.deepEqual([inner.cause, conductor, topmost, causedBy], [session.activationId, true, false, 'sequence']);
  for (const record of await recordsOf(inner)) {
    assert.equal(record.cause, inner.activationId);
  }
});

test('a composition in a native sequence, and by a rule', async () => {
  await ow.actions.create({ name: 'around', sequence: ['/_/add', '/_/inner'] });
  assert.deepEqual((await run('around', { n: 1 })).response.result, { n: 6 });
  await ow.triggers.create({ name: 'go' });
  await ow.rules.create({ name: 'start', trigger: 'go', action: 'inner' });
  const { activationId } = await ow.triggers.invoke({ name: 'go', params: { n: 20 } });
  for (const end = Date.now() + 30000; ;) {
    const sessions = (await ow.activations.list({ name: 'inner', docs: true })).filter((record) => record.response.result.n === 42);
    if (sessions.some((record) => pairs(record.annotations).topmost)) break;
    assert.ok(Date.now() < end, `the composition fired by ${activationId} does not end`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
