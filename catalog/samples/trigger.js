/**
 * Fires a trigger of the caller's namespace through the API. It needs its
 * caller's key for that (annotation provide-api-key).
 * @param {{triggerName: string, payload?: object}} args
 */
async function main({ triggerName, payload = {} }) {
  if (typeof triggerName !== 'string' || triggerName === '') {
    return { error: "Expected an argument 'triggerName' of type 'string'." };
  }
  return post(`/namespaces/_/triggers/${encodeURIComponent(triggerName)}`, payload);
}

/** Posts JSON to the API with the key of this function's caller; what is not a success becomes {error}. */
function post(path, body) {
  const url = new URL(`${process.env.__OW_API_HOST}/api/v1${path}`);
  const { request } = require(url.protocol === 'https:' ? 'https' : 'http');
  return new Promise((resolve) => {
    const call = request(url, {
      method: 'POST',
      auth: process.env.__OW_API_KEY,
      headers: { 'Content-Type': 'application/json' },
    }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve(answer.statusCode < 300 ? JSON.parse(text || '{}') : { error: `The API answered ${answer.statusCode}: ${text}` }));
    });
    call.on('error', (error) => resolve({ error: `${url.origin}: ${error.message}` }));
    call.end(JSON.stringify(body));
  });
}
