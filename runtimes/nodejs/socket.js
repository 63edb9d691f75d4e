'use strict';

/*
 * A listening socket and its connections, without Node's `net`.
 *
 * Loading `net` and making its objects is a fifth of a cold start. What lies
 * below it, a handle of the event loop for a socket, is all that is needed here:
 * process.binding hands it out in every version so far. Where it does not, `net`
 * does the same at its price.
 */

/**
 * listen calls accept(socket) for each connection to target, which is {fd}, an
 * inherited listening socket, or {port} on all interfaces. A socket has the part
 * of net.Socket that is used here: on('data' | 'end' | 'error'), write(text), end()
 * and destroy(). It stays half open: a peer that has ended its side still gets answers.
 */
function listen(target, accept) {
    let bindings;
    try {
        bindings = load();
    } catch {
        listenWithNet(target, accept);
        return;
    }
    const server = target.fd === undefined ? bound(bindings, target.port) : inherited(bindings, target.fd);
    server.onconnection = (status, handle) => {
        if (status === 0) {
            accept(new Socket(handle, bindings.stream));
        }
    };
    check(server.listen(BACKLOG), 'listen');
}

const BACKLOG = 511;

function load() {
    const bindings = {
        pipe: process.binding('pipe_wrap'),
        tcp: process.binding('tcp_wrap'),
        stream: process.binding('stream_wrap'),
    };
    const { pipe, tcp, stream } = bindings;
    for (const part of [pipe.Pipe, tcp.TCP, stream.WriteWrap, stream.ShutdownWrap, stream.streamBaseState]) {
        if (part === undefined) {
            throw new Error('This version of Node.js has other bindings.');
        }
    }
    return bindings;
}

/** inherited takes a listening stream socket of whatever family. */
function inherited({ pipe }, fd) {
    const server = new pipe.Pipe(pipe.constants.SERVER);
    check(server.open(fd), 'open');
    return server;
}

function bound({ tcp }, port) {
    const server = new tcp.TCP(tcp.constants.SERVER);
    check(server.bind('0.0.0.0', port), 'bind');
    return server;
}

function check(status, what) {
    if (status) {
        throw new Error(`${what}: error ${status}`);
    }
}

function listenWithNet(target, accept) {
    const server = require('net').createServer({ allowHalfOpen: true, noDelay: true }, accept);
    server.listen(target.fd === undefined ? { port: target.port, host: '0.0.0.0' } : target);
}

/** Socket is one connection. */
class Socket {
    constructor(handle, stream) {
        this.handle = handle;
        this.stream = stream;
        this.receivers = {};
        if (handle.setNoDelay) {
            handle.setNoDelay(true);
        }
        handle.onread = (data) => this.received(data);
        handle.readStart();
    }

    on(event, receiver) {
        this.receivers[event] = receiver;
    }

    received(data) {
        const { streamBaseState, kReadBytesOrError, kArrayBufferOffset } = this.stream;
        const count = streamBaseState[kReadBytesOrError]; // an error when it is negative
        if (count > 0) {
            this.receivers.data(Buffer.from(data, streamBaseState[kArrayBufferOffset], count));
        } else if (count === END_OF_FILE) {
            this.receivers.end();
        } else if (count < 0) {
            this.destroy();
        }
    }

    /** write sends text; what the kernel does not take at once is sent later, in order. */
    write(text) {
        if (this.handle === null) {
            return;
        }
        const request = this.request(this.stream.WriteWrap, (status) => {
            if (status < 0) {
                this.destroy();
            }
        });
        if (this.handle.writeUtf8String(request, text) !== 0) {
            this.destroy();
        }
    }

    /** end closes the connection once all that was written is sent. */
    end() {
        if (this.handle === null) {
            return;
        }
        const request = this.request(this.stream.ShutdownWrap, () => this.destroy());
        if (this.handle.shutdown(request) !== 0) {
            this.destroy();
        }
    }

    request(Type, oncomplete) {
        const request = new Type();
        request.handle = this.handle;
        request.oncomplete = oncomplete;
        return request;
    }

    destroy() {
        if (this.handle !== null) {
            this.handle.close();
            this.handle = null;
        }
    }
}

const END_OF_FILE = -4095; // libuv's UV_EOF

module.exports = { listen };
