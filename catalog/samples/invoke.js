/**
 * Calls another action through the API, /whisk.system/utils/date, and waits for
 * its result. It needs its caller's key for that (annotation provide-api-key).
 */
async function main() {
  const { error, date } = await post('/namespaces/whisk.system/actions/utils/date?blocking=true&result=true', {});
  if (error) {
    return { error };
  }
  console.log(`It is now ${date}`);
  return { date };
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
