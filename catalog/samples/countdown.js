/**
 * Counts down by calling itself through the API until n is 0. It needs its
 * caller's key for that (annotation provide-api-key).
 * @param {{n: number}} args
 */
async function main({ n }) {
  if (!Number.isInteger(n) || n < 0) {
    return { error: "Expected an argument 'n', a whole number that is not negative." };
  }
  console.log(n);
  if (n === 0) {
    console.log('Happy New Year!');
    return { n };
  }
  const { error, activationId } = await invoke(process.env.__OW_ACTION_NAME, { n: n - 1 });
  return error ? { error } : { n, next: activationId };
}

/** Starts an action, given as /namespace/[package/]name, and returns the API's answer. */
function invoke(action, args) {
  const [namespace, ...name] = action.split('/').filter((part) => part !== '').map(encodeURIComponent);
  return post(`/namespaces/${namespace}/actions/${name.join('/')}`, args);
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
