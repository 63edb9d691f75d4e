// A server of CouchDB's API for tests and trials: PouchDB with its data in a folder.
//   node server.js FOLDER PORT
'use strict';
const path = require('node:path');

const [folder, port] = process.argv.slice(2);
const packages = path.join(process.env.QUIRL_COUCHDB_PACKAGES, 'node_modules');
const load = (name) => require(path.join(packages, name));

const PouchDB = load('pouchdb').defaults({ prefix: path.join(folder, '/') });
const api = load('express-pouchdb')(PouchDB, {
  mode: 'fullCouchDB',
  inMemoryConfig: true,
  logPath: '/dev/null',
  // Compression would hold back the lines of _changes?feed=continuous.
  overrideMode: { exclude: ['routes/fauxton', 'routes/log', 'compression'] },
});
load('express')().use('/', api).listen(Number(port), '127.0.0.1');
