'use strict';

/*
 * The Node.js runtime: an HTTP/1.1 server that loads one action (POST /init)
 * and calls it (POST /run), as OpenWhisk's runtime contract says, plus
 * POST /warm, which exercises both ways before the action is known.
 *
 * It promises to cost little: Node's own `http` and `net` are not loaded, and
 * nothing else is before it is needed. What the requests mean is in action.js,
 * where their output goes in output.js, how bytes come and go in socket.js.
 *
 * Node is started without flags of V8: with any, it cannot use the compiled code
 * that it carries for its own modules, and starts 4 ms later.
 *
 * The socket is inherited as file descriptor QUIRL_LISTEN_FD, or else TCP port
 * 8080 on all interfaces. SIGTERM ends the process with status 0.
 */

const output = require('./output.js');
const { listen } = require('./socket.js');
const { Action } = require('./action.js');

const PORT = 8080;
const MAX_HEAD = 64 * 1024;
// 48 MB of code are 64 MB of base64; the rest is room for JSON and the environment.
const MAX_BODY = 80 * 1024 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

const REASONS = {
    200: 'OK',
    400: 'Bad Request',
    403: 'Forbidden',
    413: 'Payload Too Large',
    417: 'Expectation Failed',
    431: 'Request Header Fields Too Large',
    500: 'Internal Server Error',
    501: 'Not Implemented',
    502: 'Bad Gateway',
    505: 'HTTP Version Not Supported',
};

/** HttpError is a request that cannot be understood; the connection ends with it. */
class HttpError extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

/** parseHead reads the request line and the few header fields that matter here. */
function parseHead(text) {
    const lines = text.split('\r\n');
    const parts = lines[0].split(' ');
    if (parts.length !== 3 || !parts[2].startsWith('HTTP/')) {
        throw new HttpError(400, 'Malformed request line.');
    }
    if (parts[2] !== 'HTTP/1.1' && parts[2] !== 'HTTP/1.0') {
        throw new HttpError(505, 'Only HTTP/1.1 is spoken here.');
    }
    const request = {
        method: parts[0],
        path: parts[1],
        length: -1,
        chunked: false,
        expect: false,
        sentinels: 'always', // or 'if-printed', or 'never'
        shared: false, // the action may run several times at once
        close: parts[2] === 'HTTP/1.0',
    };
    for (let i = 1; i < lines.length; i++) {
        const colon = lines[i].indexOf(':');
        if (colon <= 0) {
            throw new HttpError(400, 'Malformed header field.');
        }
        setField(request, lines[i].slice(0, colon).toLowerCase(), lines[i].slice(colon + 1).trim());
    }
    if (request.chunked) {
        request.length = -1; // RFC 9112, 6.3: the transfer coding overrides the length
    } else if (request.length < 0) {
        request.length = 0;
    }
    return request;
}

function setField(request, name, value) {
    switch (name) {
    case 'content-length':
        if (!/^\d{1,15}$/.test(value) || (request.length >= 0 && request.length !== Number(value))) {
            throw new HttpError(400, 'Malformed Content-Length.');
        }
        request.length = Number(value);
        break;
    case 'transfer-encoding':
        if (value.toLowerCase() !== 'chunked') {
            throw new HttpError(501, 'Unknown transfer coding.');
        }
        request.chunked = true;
        break;
    case 'connection':
        if (/\bclose\b/i.test(value)) {
            request.close = true;
        } else if (/\bkeep-alive\b/i.test(value)) {
            request.close = false;
        }
        break;
    case 'x-quirl-sentinels':
        request.sentinels = value;
        break;
    case 'x-quirl-output':
        request.shared = value === 'shared';
        break;
    case 'expect':
        if (value.toLowerCase() !== '100-continue') {
            throw new HttpError(417, 'Unknown expectation.');
        }
        request.expect = true;
        break;
    }
}

/**
 * Connection turns the bytes of one socket into requests, one at a time, and
 * answers into bytes. `serve(request, body, reply)` answers a request;
 * `reply(status, json, silent)` may be called once, at any later time; silent
 * says that no sentinels were written.
 */
class Connection {
    constructor(socket, serve) {
        this.socket = socket;
        this.serve = serve;
        this.buffer = NOTHING; // received, not yet understood
        this.request = null; // head received, body not complete
        this.body = []; // pieces of that body
        this.size = 0; // their bytes
        this.chunk = -1;
        this.busy = false; // a request is being served
        this.ended = false; // the peer sends no more
        socket.on('data', (data) => this.receive(data));
        socket.on('end', () => this.end());
        socket.on('error', () => socket.destroy());
    }

    receive(data) {
        this.buffer = this.buffer.length === 0 ? data : Buffer.concat([this.buffer, data]);
        if (!this.busy) {
            this.advance();
        }
    }

    end() {
        this.ended = true;
        if (!this.busy) {
            this.socket.end();
        }
    }

    /** advance goes as far as the received bytes allow, at most to the end of one request. */
    advance() {
        try {
            if (this.request === null && !this.readHead()) {
                return;
            }
            if (this.request.chunked ? !this.readChunks() : !this.readLength()) {
                return;
            }
        } catch (error) {
            this.refuse(error);
            return;
        }
        this.dispatch();
    }

    readHead() {
        const end = this.buffer.indexOf(HEAD_END);
        if (end < 0 ? this.buffer.length > MAX_HEAD : end > MAX_HEAD) {
            throw new HttpError(431, 'Header too large.');
        }
        if (end < 0) {
            return false;
        }
        this.request = parseHead(this.buffer.latin1Slice(0, end));
        this.buffer = this.buffer.subarray(end + HEAD_END.length);
        if (this.request.length > MAX_BODY) {
            throw new HttpError(413, 'Request too large.');
        }
        if (this.request.expect && this.buffer.length === 0 && (this.request.chunked || this.request.length > 0)) {
            this.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        }
        return true;
    }

    /** readLength collects a body of known length; the pieces are put together only once. */
    readLength() {
        const missing = this.request.length - this.size;
        if (this.buffer.length < missing) {
            this.take(this.buffer.length);
            return false;
        }
        this.take(missing);
        return true;
    }

    take(count) {
        if (count > 0) {
            this.body.push(this.buffer.subarray(0, count));
            this.size += count;
            this.buffer = this.buffer.subarray(count);
        }
    }

    /** readChunks takes what has arrived; `chunk` is what the current chunk lacks, -1 between chunks. */
    readChunks() {
        for (;;) {
            if (this.chunk < 0) {
                const eol = this.buffer.indexOf('\r\n');
                if (eol < 0 || eol > MAX_HEAD) {
                    return this.needMore(MAX_HEAD);
                }
                const size = chunkSize(this.buffer.latin1Slice(0, eol));
                if (this.size + size > MAX_BODY) {
                    throw new HttpError(413, 'Request too large.');
                }
                if (size === 0) {
                    return this.readTrailer(eol);
                }
                this.buffer = this.buffer.subarray(eol + 2);
                this.chunk = size;
            }
            const count = Math.min(this.chunk, this.buffer.length);
            this.take(count);
            this.chunk -= count;
            if (this.chunk > 0 || this.buffer.length < 2) {
                return false;
            }
            if (this.buffer[0] !== 13 || this.buffer[1] !== 10) {
                throw new HttpError(400, 'Malformed chunk.');
            }
            this.buffer = this.buffer.subarray(2);
            this.chunk = -1;
        }
    }

    needMore(most) {
        if (this.buffer.length > most) {
            throw new HttpError(400, 'Malformed chunk.');
        }
        return false;
    }

    readTrailer(eol) {
        if (this.buffer.length >= eol + 4 && this.buffer[eol + 2] === 13 && this.buffer[eol + 3] === 10) {
            this.buffer = this.buffer.subarray(eol + 4);
            return true;
        }
        const end = this.buffer.indexOf(HEAD_END, eol);
        if (end < 0) {
            return this.needMore(MAX_HEAD);
        }
        this.buffer = this.buffer.subarray(end + HEAD_END.length);
        return true;
    }

    dispatch() {
        const request = this.request;
        const body = this.body.length === 1 ? this.body[0] : Buffer.concat(this.body, this.size);
        this.request = null;
        this.body = [];
        this.size = 0;
        this.busy = true;
        this.serve(request, body, (status, json, silent) => this.reply(request, status, json, silent));
    }

    reply(request, status, json, silent) {
        const last = request.close || this.ended;
        this.send(status, json, last, silent);
        this.busy = false;
        if (last) {
            this.socket.end();
        } else if (this.buffer.length > 0) {
            this.advance();
        }
    }

    refuse(error) {
        this.busy = true; // whatever else arrives is not read
        this.send(error.status || 500, JSON.stringify({ error: error.message }), true);
        this.socket.end();
    }

    /** send writes head and body in one piece: one system call, one packet when it is small. */
    send(status, json, last, silent) {
        this.socket.write('HTTP/1.1 ' + status + ' ' + REASONS[status] +
            '\r\nContent-Type: application/json\r\nContent-Length: ' + Buffer.byteLength(json) +
            (silent ? '\r\nX-Quirl-Sentinels: none' : '') +
            (last ? '\r\nConnection: close\r\n\r\n' : '\r\n\r\n') + json);
    }
}

function chunkSize(line) {
    const semicolon = line.indexOf(';');
    const digits = (semicolon < 0 ? line : line.slice(0, semicolon)).trim();
    if (!/^[0-9a-fA-F]{1,8}$/.test(digits)) {
        throw new HttpError(400, 'Malformed chunk.');
    }
    return parseInt(digits, 16);
}

/** parseBody gives the JSON object in a body, {} for an empty one, undefined for what is no JSON. */
function parseBody(body) {
    if (body.length === 0) {
        return {};
    }
    try {
        const value = JSON.parse(body.utf8Slice(0, body.length));
        return typeof value === 'object' && value !== null ? value : {};
    } catch {
        return undefined;
    }
}

/** serving returns the function that hands requests to an action. */
function serving(action) {
    let warming = null; // what everything else has to wait for
    const serve = (request, body, reply) => {
        if (warming !== null) {
            warming.then(() => serve(request, body, reply));
            return;
        }
        const path = request.method === 'POST' ? request.path : '';
        const message = path === '/init' || path === '/run' || path === '/warm' ? parseBody(body) : undefined;
        if (message === undefined) {
            reply(500, '{"error":"Bad request."}');
        } else if (path === '/run') {
            action.run(message, reply, request.sentinels);
        } else if (path === '/init') {
            action.init(message, reply, request.shared);
        } else if (action.isPristine()) {
            warming = warm().then(() => {
                warming = null;
                reply(200, '{"ok":true}');
            });
        } else {
            reply(403, '{"error":"Cannot warm an initialized runtime."}');
        }
    };
    return serve;
}

/*
 * Warming. V8 compiles functions when they are first called and optimises by
 * what it saw; a few dummy rounds through the real code, from the parser to the
 * serialiser, take most of a stem cell's first /init and /run away.
 */

const WARM_ROUNDS = 8;
const WARM_CODES = [
    'function main(args) { console.log("warm", args); return { greeting: "hello " + (args.name || "you"), n: [1, 2.5, "❄"] }; }',
    'const main = async (args) => ({ ...args, at: new Date(0).toISOString() });\nexports.main = main;',
    'module.exports.main = (args) => new Promise((resolve) => setImmediate(() => resolve(args)));',
];

async function warm() {
    const env = { ...process.env };
    output.mute(true);
    await rounds(WARM_ROUNDS);
    output.mute(false);
    restoreEnv(env);
    global.gc();
}

async function rounds(count) {
    require('zlib');
    for (let i = 0; i < count; i++) {
        const action = new Action(output);
        const post = poster(serving(action));
        await post('/init', {
            value: {
                name: 'warm', main: 'main', binary: false, code: WARM_CODES[i % WARM_CODES.length] + '\n//' + i,
                env: { __OW_NAMESPACE: 'guest', __OW_ACTION_NAME: '/guest/warm', __OW_DEADLINE: '0' },
            },
        });
        for (let run = 0; run < 2; run++) {
            await post('/run', {
                value: { name: 'warm', list: [1, 2, { a: null, b: true }], text: '❄ ☃ ❄' },
                namespace: 'guest', action_name: '/guest/warm', action_version: '0.0.1', activation_id: '0',
                transaction_id: '0', deadline: '0',
            });
        }
    }
}

/** poster returns a function that sends a request through a Connection whose socket is a dummy. */
function poster(serve) {
    let answered;
    const socket = { on() {}, end() {}, destroy() {}, write(text) { answered(text); } };
    const connection = new Connection(socket, serve);
    return (path, message) => new Promise((resolve) => {
        answered = resolve;
        const body = Buffer.from(JSON.stringify(message));
        connection.receive(Buffer.from('POST ' + path + ' HTTP/1.1\r\nHost: action\r\n' +
            'Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: ' + body.length + '\r\n\r\n'));
        connection.receive(body);
    });
}

function restoreEnv(env) {
    for (const key of Object.keys(process.env)) {
        if (!(key in env)) {
            delete process.env[key];
        }
    }
    Object.assign(process.env, env);
}

/** offerCollector lets functions call global.gc, as if Node had been started with --expose-gc. */
function offerCollector() {
    let collect = null;
    Object.defineProperty(global, 'gc', {
        configurable: true,
        get() {
            if (collect === null) {
                require('v8').setFlagsFromString('--expose-gc');
                collect = require('vm').runInNewContext('gc');
            }
            return collect;
        },
        set(value) {
            collect = value;
        },
    });
}

function main() {
    const fd = process.env.QUIRL_LISTEN_FD;
    delete process.env.QUIRL_LISTEN_FD; // of no use to functions and their children

    output.install();
    offerCollector();
    const action = new Action(output);
    const serve = serving(action);
    listen(fd ? { fd: Number(fd) } : { port: PORT }, (socket) => new Connection(socket, serve));

    process.on('uncaughtException', (error) => action.fault(error));
    process.on('SIGTERM', () => process.exit(0));
}

main();
