'use strict';

/*
 * The server under Bun, which knows most of Node.js: here is the rest that the
 * server and the functions rely on.
 */

const vm = require('vm');
const { offerConsole, offerPaths } = require('./compatible.js');

/*
 * Bun's own compileFunction tells neither what is wrong with a text nor where: its
 * lines are one too far. A script does.
 */
vm.compileFunction = (text, parameters, options) =>
    new vm.Script(`(function (${parameters.join()}) {${text}})`, options).runInThisContext();

/** offerCollector lets functions call global.gc. */
function offerCollector() {
    Object.defineProperty(global, 'gc', { configurable: true, writable: true, value: () => Bun.gc(true) });
}

// In Node.js a rejection that nobody handles is an exception that nobody caught.
process.on('unhandledRejection', (error) => process.emit('uncaughtException', error));

offerPaths();
require('./server.js');
offerConsole();
offerCollector();
