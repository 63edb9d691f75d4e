/**
 * Fetches a URL and returns the text behind it.
 * @param {{payload: string}} args payload is the URL
 */
function main({ payload }) {
  if (!/^https?:\/\//.test(payload)) {
    return { error: "Expected an argument 'payload', a URL that begins with http:// or https://." };
  }
  return new Promise((resolve) => {
    const { get } = require(payload.startsWith('https:') ? 'https' : 'http');
    const request = get(payload, (answer) => {
      let msg = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => { msg += piece; });
      answer.on('end', () => resolve({ msg }));
    });
    request.on('error', (error) => resolve({ error: `${payload}: ${error.message}` }));
  });
}
