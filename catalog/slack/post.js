/**
 * Posts a message to Slack: through an incoming webhook, or with a token through
 * the Web API, which takes flat fields.
 * @param {{url: string, channel: string, text?: string, attachments?: object[], username?: string,
 *   icon_emoji?: string, as_user?: boolean, token?: string}} args
 */
async function main(args) {
  const { url, channel, text, attachments, token } = args;
  if (text === undefined && attachments === undefined) {
    return { error: 'No text provided' };
  }
  if (url === undefined) {
    return { error: 'No Webhook URL provided' };
  }
  if (channel === undefined) {
    return { error: 'No channel provided' };
  }
  const message = { channel, username: args.username || 'Simple Message Bot' };
  for (const name of ['icon_emoji', 'as_user', 'text', 'attachments']) {
    if (args[name] !== undefined) {
      message[name] = args[name];
    }
  }
  if (token === undefined) {
    return post(url, { payload: JSON.stringify(message) });
  }
  if (attachments !== undefined) {
    message.attachments = JSON.stringify(attachments);
  }
  return post(url, { ...message, token });
}

/** Posts a form; what is not a success becomes an error. */
function post(url, fields) {
  const { request } = require(url.startsWith('https:') ? 'https' : 'http');
  const body = new URLSearchParams(fields).toString();
  return new Promise((resolve) => {
    const call = request(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) },
    }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve(answer.statusCode === 200 && !refusal(text) ? {} : { error: `Slack answered ${answer.statusCode}: ${refusal(text) || text}` }));
    });
    call.on('error', (error) => resolve({ error: `${url}: ${error.message}` }));
    call.end(body);
  });
}

/** The Web API answers 200 also when it refuses; its JSON has the reason. */
function refusal(text) {
  try {
    const { ok, error } = JSON.parse(text);
    return ok === false ? error : '';
  } catch {
    return ''; // a webhook's plain "ok"
  }
}
