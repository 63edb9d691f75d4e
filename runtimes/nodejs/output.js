'use strict';

/*
 * Standard output and standard error of the action.
 *
 * Writes are synchronous and complete: when console.log returns, every byte is
 * in the pipe, even when a reader is slow or a child process has made the pipe
 * non-blocking. That is what makes "sentinel last" and "nothing is lost at
 * process.exit" true.
 *
 * When several activations may run at once (share), whole lines are written, and
 * a line of ours tells before them whose they are. Which activation a write belongs
 * to follows its asynchronous calls; what child processes print has no owner.
 */

const fs = require('fs');

// Kept from here on, whatever the action does to the module later.
const writeSync = fs.writeSync;

const SENTINEL = Buffer.from('XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n');
const OWNER = 'XXX_QUIRL_OUTPUT_OF_XXX '; // package collect knows it too
const NEWLINE = Buffer.from('\n');
const MAX_LINE = 64 * 1024; // longer ones are cut when they are collected

const midLine = { 1: false, 2: false }; // the last byte written was no line end
let muted = false;
let printed = false; // since the last mark
let cell = null; // for waiting, see pause
let context = null; // whose code runs, when the output is shared: an AsyncLocalStorage of Printers
const owners = { 1: '', 2: '' }; // whose lines were written last
const printers = new Set(); // of the activations under way

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
    if (context !== null) {
        return (context.getStore() || nobody).write(fd, data);
    }
    printed = true;
    midLine[fd] = data[data.length - 1] !== 10;
    return put(fd, data);
}

function put(fd, data) {
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

/** endSilently ends the output of an activation without sentinels. */
function endSilently() {
    midLine[1] = midLine[2] = printed = false;
}

/** isSilent says that nothing was printed since the last mark. */
function isSilent() {
    return !printed;
}

/** log writes a line to standard error, past anything the action did to console. */
function log(text, printer) {
    const line = Buffer.from(text + '\n');
    if (printer) {
        printer.write(2, line);
    } else {
        write(2, line);
    }
}

/** share lets the output tell activations apart; afterwards each one needs a Printer. */
function share() {
    const { AsyncLocalStorage } = require('async_hooks');
    context = new AsyncLocalStorage();
    process.on('exit', () => {
        for (const printer of printers) {
            printer.flush();
        }
    });
}

/** printer returns the Printer of an activation, null when the output is not shared. */
function printer(id) {
    return context === null ? null : new Printer(id);
}

/** Printer is the output of one of several activations under way. */
class Printer {
    constructor(id) {
        this.id = id;
        this.printed = false;
        this.rest = { 1: NOTHING, 2: NOTHING }; // lines that have not ended
        printers.add(this);
    }

    /** call calls f; what it prints, now or in calls that follow from it, is this activation's. */
    call(f, args) {
        return context.run(this, f, args);
    }

    write(fd, data) {
        this.printed = true;
        const end = data.lastIndexOf(10) + 1;
        const whole = end > 0 ? Buffer.concat([this.rest[fd], data.subarray(0, end)]) : NOTHING;
        this.rest[fd] = end > 0 ? Buffer.from(data.subarray(end)) : Buffer.concat([this.rest[fd], data]);
        const error = whole.length > 0 ? this.put(fd, whole) : null;
        if (this.rest[fd].length > MAX_LINE) {
            this.flush();
        }
        return error;
    }

    put(fd, lines) {
        if (owners[fd] !== this.id) {
            owners[fd] = this.id;
            lines = Buffer.concat([Buffer.from(OWNER + this.id + '\n'), lines]);
        }
        return put(fd, lines);
    }

    /** flush ends the lines that have not ended. */
    flush() {
        for (const fd of [1, 2]) {
            const rest = this.rest[fd];
            this.rest[fd] = NOTHING;
            if (rest.length > 0) {
                this.put(fd, Buffer.concat([rest, NEWLINE]));
            }
        }
    }

    /** end ends the output of the activation; silent: without sentinels. */
    end(silent) {
        this.flush();
        if (!silent) {
            this.put(1, SENTINEL);
            this.put(2, SENTINEL);
        }
        printers.delete(this);
    }
}

const NOTHING = Buffer.alloc(0);
const nobody = new Printer('-');

module.exports = { install, mute, mark, endSilently, isSilent, log, share, printer };
