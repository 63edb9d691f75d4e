// Compositions to run: what goes in, what comes out, and how many components run
// on the way. Functions and control run inside the conductor and are no components.
//
// async, parallel, map and par are not here: they call the API from inside the
// function and meet in a Redis, and neither can be reached from there yet.
'use strict';
const composer = require('openwhisk-composer');

/** actions are what the compositions are made of. */
const actions = {
  add: 'function main({n, by = 1}) { return {n: n + by} }',
  double: 'function main({n}) { return {n: n * 2} }',
  small: 'function main({n}) { return {value: n < 10} }',
  fail: "function main() { return {error: 'broken'} }",
  throws: "function main() { throw new Error('lost') }",
};

// A case without `error` ends in success.
const cases = {
  action: { of: composer.action('add'), given: { n: 1 }, want: { n: 2 }, components: 1 },
  'action with code': {
    of: composer.action('own', { action: function ({ n }) { return { n: n - 1 }; } }), given: { n: 1 }, want: { n: 0 }, components: 1,
  },
  'action of a package': { of: composer.action('/whisk.system/utils/echo'), given: { n: 1 }, want: { n: 1 }, components: 1 },
  'native sequence': { of: composer.action('chain', { sequence: ['add', 'double'] }), given: { n: 1 }, want: { n: 4 }, components: 1 },
  sequence: { of: composer.sequence('add', 'double', 'add'), given: { n: 1 }, want: { n: 5 }, components: 3 },
  'sequence that fails': { of: composer.seq('add', 'fail', 'double'), given: { n: 1 }, error: 'broken', components: 2 },
  'component that throws': { of: composer.seq('throws', 'add'), given: { n: 1 }, error: 'An error has occurred: Error: lost', components: 1 },
  empty: { of: composer.empty(), given: { n: 1 }, want: { n: 1 }, components: 0 },
  function: { of: composer.function(({ n }) => ({ n: n + 40 })), given: { n: 2 }, want: { n: 42 }, components: 0 },
  'function that throws': {
    of: composer.seq('add', () => { throw new Error('lost'); }), given: { n: 1 },
    error: 'Function combinator threw an exception at AST node root[1] (see log for details)', components: 1,
  },
  literal: { of: composer.literal({ n: 42 }), given: {}, want: { n: 42 }, components: 0 },
  value: { of: composer.seq(composer.value(42)), given: {}, want: { value: 42 }, components: 0 },
  'if, yes': { of: composer.if('small', 'add', 'double'), given: { n: 1 }, want: { n: 2 }, components: 2 },
  'if, no': { of: composer.if('small', 'add', 'double'), given: { n: 10 }, want: { n: 20 }, components: 2 },
  'if, no, without else': { of: composer.if('small', 'add'), given: { n: 10 }, want: { n: 10 }, components: 1 },
  if_nosave: { of: composer.if_nosave(({ n }) => ({ value: n < 10, n: n + 1 }), 'add', 'double'), given: { n: 1 }, want: { n: 3 }, components: 1 },
  while: { of: composer.while('small', 'double'), given: { n: 3 }, want: { n: 12 }, components: 5 },
  while_nosave: { of: composer.while_nosave(({ n }) => ({ n, value: n < 3 }), 'add'), given: { n: 1 }, want: { n: 3, value: false }, components: 2 },
  dowhile: { of: composer.dowhile('double', 'small'), given: { n: 10 }, want: { n: 20 }, components: 2 },
  dowhile_nosave: { of: composer.dowhile_nosave('add', ({ n }) => ({ n, value: n < 3 })), given: { n: 1 }, want: { n: 3, value: false }, components: 2 },
  try: { of: composer.try('fail', ({ error }) => ({ handled: error })), given: {}, want: { handled: 'broken' }, components: 1 },
  'try without failure': { of: composer.try('add', 'double'), given: { n: 1 }, want: { n: 2 }, components: 1 },
  'try with a failing handler': { of: composer.try('throws', 'fail'), given: {}, error: 'broken', components: 2 },
  finally: { of: composer.finally('fail', (args) => ({ last: args })), given: {}, want: { last: { error: 'broken' } }, components: 1 },
  'finally without failure': { of: composer.finally('add', 'double'), given: { n: 1 }, want: { n: 4 }, components: 2 },
  retry: {
    of: composer.let({ failures: 2 }, composer.retry(3, composer.seq('add', (args) => (failures-- > 0 ? { error: 'not yet' } : args)))),
    given: { n: 1 }, want: { n: 2 }, components: 3,
  },
  'retry in vain': { of: composer.retry(2, 'fail'), given: {}, error: 'broken', components: 3 },
  let: { of: composer.let({ n: 40 }, (args) => { n += args.n; }, () => ({ n })), given: { n: 2 }, want: { n: 42 }, components: 0 },
  mask: { of: composer.let({ n: 1 }, composer.let({ n: 2 }, composer.mask(() => ({ n })))), given: {}, want: { n: 1 }, components: 0 },
  'let around components': { of: composer.let({ kept: 5 }, 'add', ({ n }) => ({ n: n + kept })), given: { n: 1 }, want: { n: 7 }, components: 1 },
  repeat: { of: composer.repeat(3, 'add'), given: { n: 0 }, want: { n: 3 }, components: 3 },
  retain: { of: composer.retain('add'), given: { n: 1 }, want: { params: { n: 1 }, result: { n: 2 } }, components: 1 },
  'retain that fails': { of: composer.retain('fail'), given: { n: 1 }, error: 'broken', components: 1 },
  retain_catch: { of: composer.retain_catch('fail'), given: { n: 1 }, want: { params: { n: 1 }, result: { error: 'broken' } }, components: 1 },
  merge: { of: composer.merge('double'), given: { n: 2, kept: true }, want: { n: 4, kept: true }, components: 1 },
  dynamic: { of: composer.dynamic(), given: { type: 'action', name: 'add', params: { n: 1 } }, want: { n: 2 }, components: 1 },
  'dynamic, twice': {
    of: composer.seq(composer.dynamic(), ({ n }) => ({ type: 'action', name: '/_/double', params: { n } }), composer.dynamic()),
    given: { type: 'action', name: 'add', params: { n: 1 } }, want: { n: 4 }, components: 2,
  },
  'action that is not there': {
    of: composer.seq('nothere'), given: {}, components: 0, runs: 2,
    error: `Failed to resolve action with name '${process.env.NAMESPACE}/nothere' during composition.`,
  },
  'try what is not there': {
    of: composer.try('nothere', () => ({ n: 0 })), given: {}, want: { n: 0 }, components: 0, runs: 2,
  },
};

module.exports = { actions, cases };
