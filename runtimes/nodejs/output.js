'use strict';

/*
 * Standard output and standard error of the action.
 *
 * Writes are synchronous and complete: when console.log returns, every byte is
 * in the pipe, even when a reader is slow or a child process has made the pipe
 * non-blocking. That is what makes "sentinel last" and "nothing is lost at
 * process.exit" true.
 */

const fs = require('fs');

// Kept from here on, whatever the action does to the module later.
const writeSync = fs.writeSync;

const SENTINEL = Buffer.from('XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n');
const NEWLINE = Buffer.from('\n');

const midLine = { 1: false, 2: false }; // the last byte written was no line end
let muted = false;
let printed = false; // since the last mark
let cell = null; // for waiting, see pause

/** mute(true) drops everything written through process.stdout, process.stderr and mark. */
function mute(on) {
    muted = on;
}

/** install replaces process.stdout and process.stderr; the streams are made when first used. */
function install() {
    define('stdout', 1);
    define('stderr', 2);
}

function define(name, fd) {
    let stream = null;
    Object.defineProperty(process, name, {
        configurable: true,
        enumerable: true,
        get() {
            return stream || (stream = open(fd));
        },
        set(value) {
            stream = value;
        },
    });
}

function open(fd) {
    const { Writable } = require('stream');
    const stream = new Writable({
        decodeStrings: true,
        write(data, encoding, done) {
            done(write(fd, data));
        },
        destroy(error, done) {
            done(error); // as in Node: these two are never really closed
        },
    });
    stream.fd = fd;
    stream._type = 'pipe';
    stream._isStdio = true;
    stream.destroySoon = stream.destroy;
    return stream;
}

/** write puts all of data into fd and returns null, or the error that stopped it. */
function write(fd, data) {
    if (muted || data.length === 0) {
        return null;
    }
    printed = true;
    midLine[fd] = data[data.length - 1] !== 10;
    let waited = 0;
    for (let offset = 0; offset < data.length;) {
        try {
            offset += writeSync(fd, data, offset, data.length - offset);
            waited = 0;
        } catch (error) {
            if (error.code !== 'EAGAIN') {
                return error;
            }
            waited = Math.min(waited + 1, 10);
            pause(waited);
        }
    }
    return null;
}

/** pause blocks for some milliseconds without using the processor. */
function pause(milliseconds) {
    if (cell === null) {
        cell = new Int32Array(new SharedArrayBuffer(4));
    }
    Atomics.wait(cell, 0, 0, milliseconds);
}

/** mark ends the output of an activation on both streams, on a line of its own. */
function mark() {
    for (const fd of [1, 2]) {
        write(fd, midLine[fd] ? Buffer.concat([NEWLINE, SENTINEL]) : SENTINEL);
    }
    printed = false;
}

/** isSilent says that nothing was printed since the last mark. */
function isSilent() {
    return !printed;
}

/** log writes a line to standard error, past anything the action did to console. */
function log(text) {
    write(2, Buffer.from(text + '\n'));
}

module.exports = { install, mute, mark, isSilent, log };
