'use strict';

/*
 * The server under Deno, which knows most of Node.js: here is the rest that the
 * server and the functions rely on.
 */

const { offerConsole, offerPaths } = require('./compatible.js');

process.binding = undefined; // Deno's sockets there take over no descriptor; those of its `net` do

offerPaths();
require('./server.js');
offerConsole();
