/**
 * A feed: makes a repository's webhook fire a trigger. CREATE adds the hook,
 * DELETE removes it. The hook's URL holds its caller's key (annotation provide-api-key).
 * @param {{username: string, repository: string, accessToken: string, events: string, baseUrl?: string,
 *   lifecycleEvent: string, triggerName: string}} args repository is "repo" or "org/repo", events are separated by commas
 */
async function main(args) {
  for (const name of ['username', 'repository', 'accessToken', 'lifecycleEvent', 'triggerName']) {
    if (typeof args[name] !== 'string' || args[name] === '') {
      return { error: `You must specify the ${name} parameter.` };
    }
  }
  if (!/^\/[^/]+\/[^/]+$/.test(args.triggerName)) {
    return { error: `The triggerName ${args.triggerName} is not /namespace/trigger.` };
  }
  switch (args.lifecycleEvent) {
    case 'CREATE':
      return typeof args.events === 'string' ? create(args) : { error: 'You must specify the events parameter.' };
    case 'DELETE':
      return remove(args);
    default:
      return { error: `unsupported lifecycleEvent ${args.lifecycleEvent}` };
  }
}

async function create(args) {
  const hook = await github(args, 'POST', hooks(args), {
    name: 'web',
    active: true,
    events: args.events.split(',').map((event) => event.trim()),
    config: { url: withKey(triggerURL(args)), content_type: 'json' },
  });
  return hook.error ? hook : { response: { id: hook.id, events: hook.events } };
}

async function remove(args) {
  const list = await github(args, 'GET', `${hooks(args)}?per_page=100`);
  if (list.error) {
    return list;
  }
  const wanted = String(triggerURL(args));
  const hook = list.find(({ config }) => config && withoutKey(config.url) === wanted);
  if (hook === undefined) {
    return { error: `No webhook of ${args.repository} fires ${args.triggerName}.` };
  }
  const answer = await github(args, 'DELETE', `${hooks(args)}/${hook.id}`);
  return answer.error ? answer : { response: { id: hook.id } };
}

/** The path of the repository's hooks; the user owns a repository that names no owner. */
function hooks({ username, repository }) {
  const [owner, name] = repository.includes('/') ? repository.split('/') : [username, repository];
  return `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(name)}/hooks`;
}

/** Where a trigger is fired. Its name is /namespace/trigger, "_" the caller's namespace. */
function triggerURL({ triggerName }) {
  const [, namespace, name] = triggerName.split('/');
  const owner = namespace === '_' ? process.env.__OW_NAMESPACE : namespace;
  return new URL(`${process.env.__OW_API_HOST}/api/v1/namespaces/${encodeURIComponent(owner)}/triggers/${encodeURIComponent(name)}`);
}

function withKey(url) {
  [url.username, url.password] = process.env.__OW_API_KEY.split(':');
  return String(url);
}

/** GitHub hides passwords when it lists hooks: what is compared has none. */
function withoutKey(text) {
  return String(text).replace(/\/\/[^@/]*@/, '//');
}

/** Calls GitHub's API and returns its JSON; what is not a success becomes {error}. */
function github({ username, accessToken, baseUrl = 'https://api.github.com' }, method, path, body) {
  const { request } = require(baseUrl.startsWith('https:') ? 'https' : 'http');
  return new Promise((resolve) => {
    const call = request(baseUrl + path, {
      method,
      auth: `${username}:${accessToken}`,
      headers: { 'Accept': 'application/vnd.github+json', 'Content-Type': 'application/json', 'User-Agent': 'quirl' },
    }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve(answer.statusCode < 300 ? JSON.parse(text || '{}') : { error: `GitHub answered ${answer.statusCode}: ${text}` }));
    });
    call.on('error', (error) => resolve({ error: `${baseUrl}: ${error.message}` }));
    call.end(body && JSON.stringify(body));
  });
}
