// What the scripts of this folder share: the client at $API with $KEY, as its
// documentation says, and how answers are looked at.
'use strict';
const assert = require('node:assert/strict');
const openwhisk = require('openwhisk');

/** connect makes a client; options go over the usual ones. */
const connect = (options = {}) => openwhisk({ apihost: process.env.API, api_key: process.env.KEY, ...options });

/** refused wants the error that the client makes of an answer, with its whole text. */
async function refused(promise, status, phrase, text) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.name, 'OpenWhiskError', `${error.stack}`);
    assert.equal(error.statusCode, status, `${error}`);
    const [request, said] = error.message.split(' Returned HTTP ');
    assert.match(request, /^(GET|PUT|POST|DELETE) http:\/\/[^ ]*\/api\/v1\//);
    assert.equal(said, `${status} (${phrase}) --> "${text}"`);
    return true;
  });
}

const missing = (promise) => refused(promise, 404, 'Not Found', 'The requested resource does not exist.');

/** eventually calls try_ until it gives something; what is written behind an answer needs a moment. */
async function eventually(what, try_) {
  for (const end = Date.now() + 30000; Date.now() < end;) {
    const found = await try_();
    if (found) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what} did not come`);
}

const names = (list) => list.map((entity) => entity.name).sort();
const pairs = (list) => Object.fromEntries(list.map(({ key, value }) => [key, value]));

/** nothingLeft wants a namespace as it was before: a script removes what it made. */
async function nothingLeft(ow) {
  assert.deepEqual(await ow.namespaces.get(), { actions: [], packages: [], triggers: [], rules: [] });
}

module.exports = { connect, refused, missing, eventually, names, pairs, nothingLeft };
