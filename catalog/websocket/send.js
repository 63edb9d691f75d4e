/**
 * Sends one text message to a WebSocket, with Node's own modules alone (RFC 6455).
 * @param {{uri: string, payload: string}} args a payload that is no text is sent as JSON
 */
function main({ uri, payload }) {
  if (!uri) {
    return { error: 'You must specify a uri parameter.' };
  }
  if (payload === undefined || payload === '') {
    return { error: 'You must specify a payload parameter.' };
  }
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return connect(uri)
    .then((socket) => send(socket, text))
    .then(() => ({ payload }), (error) => ({ error: error.message }));
}

const CONNECT_TIMEOUT = 30000; // milliseconds
const CLOSE_TIMEOUT = 2000; // milliseconds for the other side's goodbye

/** Makes the opening handshake, which is an HTTP request, and returns its socket. */
function connect(uri) {
  const { createHash, randomBytes } = require('crypto');
  const key = randomBytes(16).toString('base64');
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return new Promise((resolve, reject) => {
    const url = new URL(uri);
    if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
      throw new Error(`The uri ${uri} does not begin with ws:// or wss://.`);
    }
    const { request } = require(url.protocol === 'wss:' ? 'https' : 'http');
    const handshake = request(String(url).replace(/^ws/, 'http'), {
      headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': key },
    });
    const timer = setTimeout(() => handshake.destroy(new Error(`No connection to ${uri} within 30 seconds.`)), CONNECT_TIMEOUT);
    handshake.on('upgrade', (answer, socket) => {
      clearTimeout(timer);
      if (answer.headers['sec-websocket-accept'] === accept) {
        resolve(socket);
      } else {
        socket.destroy();
        reject(new Error(`${uri} does not speak the WebSocket protocol.`));
      }
    });
    handshake.on('response', (answer) => {
      clearTimeout(timer);
      answer.resume();
      reject(new Error(`${uri} refused the connection with status ${answer.statusCode}.`));
    });
    handshake.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    handshake.end();
  });
}

/** Sends the message and a goodbye, and waits until the other side has closed. */
function send(socket, text) {
  const TEXT = 1;
  const CLOSE = 8;
  const NORMAL = Buffer.from([0x03, 0xe8]); // status 1000
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', resolve);
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      if ((bytes[0] & 0x0f) === CLOSE) {
        socket.end();
      }
    });
    socket.setTimeout(CLOSE_TIMEOUT, () => socket.destroy());
    socket.write(frame(TEXT, Buffer.from(text)));
    socket.write(frame(CLOSE, NORMAL));
  });
}

/** One final frame, masked as those of clients must be. */
function frame(opcode, data) {
  const mask = require('crypto').randomBytes(4);
  const masked = data.map((byte, i) => byte ^ mask[i % 4]);
  return Buffer.concat([Buffer.from([0x80 | opcode]), length(data.length), mask, masked]);
}

/** The length with the bit that announces a mask: 7 bits, or 16 or 64 behind a mark. */
function length(n) {
  if (n < 126) {
    return Buffer.from([0x80 | n]);
  }
  if (n < 65536) {
    const short = Buffer.from([0x80 | 126, 0, 0]);
    short.writeUInt16BE(n, 1);
    return short;
  }
  const long = Buffer.alloc(9);
  long[0] = 0x80 | 127;
  long.writeBigUInt64BE(BigInt(n), 1);
  return long;
}
