// Feeds: the client calls the feed's action with the event of the trigger's life.
'use strict';
const assert = require('node:assert/strict');
const test = require('node:test');
const { connect, refused, missing, names, nothingLeft } = require('./client');

const ow = connect();
const namespace = process.env.NAMESPACE;

// The feed says what it was told, and refuses an interval that is no number.
const feed = `function main({lifecycleEvent, triggerName, authKey, every}) {
  if (lifecycleEvent === 'CREATE' && typeof every !== 'number') return {error: 'every must be a number'}
  return {did: lifecycleEvent.toLowerCase(), triggerName, every, known: authKey === '${process.env.KEY}'}
}`;

test('a feed is an action with an annotation', async () => {
  await ow.packages.create({ name: 'clock' });
  await ow.actions.create({ name: 'clock/tick', action: feed, annotations: { feed: true } });
  const got = await ow.packages.get('clock');
  assert.deepEqual(names(got.feeds), ['tick']);
  assert.deepEqual(got.actions, []);
});

test('create, get, update, delete', async () => {
  await ow.triggers.create({ name: 'second', annotations: { feed: `/${namespace}/clock/tick` } });
  for (const [method, did] of [['create', 'create'], ['get', 'read'], ['update', 'update'], ['delete', 'delete']]) {
    const record = await ow.feeds[method]({ name: 'clock/tick', trigger: 'second', params: { every: 5 } });
    assert.deepEqual(record.response.result, { did, triggerName: '/_/second', every: 5, known: true });
  }
  await refused(ow.feeds.create({ name: 'clock/tick', trigger: 'second' }), 502, 'Bad Gateway', 'every must be a number');
  await missing(ow.feeds.create({ name: 'clock/nothere', trigger: 'second' }));
});

test('remove', async () => {
  await ow.triggers.delete({ name: 'second' });
  await ow.actions.delete('clock/tick');
  await ow.packages.delete('clock');
  await nothingLeft(ow);
});
