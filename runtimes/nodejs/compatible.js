'use strict';

/*
 * What Bun and Deno lack of Node.js alike.
 */

const Module = require('module');

/** offerConsole has a console that prints through process.stdout and process.stderr, whatever these are by then. */
function offerConsole() {
    const { Writable } = require('stream');
    const through = (name) => new Writable({ // no other object will do
        decodeStrings: false,
        write(text, encoding, done) {
            process[name].write(text, encoding);
            done();
        },
    });
    const made = new (require('console').Console)(through('stdout'), through('stderr'));
    for (const name of Object.keys(made)) {
        if (typeof made[name] === 'function') {
            console[name] = made[name].bind(made);
        }
    }
}

/** offerPaths makes require look in the folders of NODE_PATH as it is then, as in Node.js after _initPaths. */
function offerPaths() {
    const resolve = Module._resolveFilename;
    Module._resolveFilename = (name, ...rest) => {
        try {
            return resolve(name, ...rest);
        } catch (error) {
            for (const folder of (process.env.NODE_PATH || '').split(':')) {
                if (folder !== '' && /^[^./]/.test(name)) {
                    try {
                        return resolve(folder + '/' + name, ...rest);
                    } catch {
                        // The first complaint is the one that tells.
                    }
                }
            }
            throw error;
        }
    };
}

module.exports = { offerConsole, offerPaths };
