/**
 * Returns the URL under which an action, a web action or a trigger of the
 * caller's namespace is reached.
 * @param {{path?: string, web?: boolean, ext?: string, trigger?: boolean}} args
 */
function main({ path = '', web = false, ext = '', trigger = false }) {
  if (web && trigger) {
    return { error: "The arguments 'web' and 'trigger' exclude each other." };
  }
  if (ext && !web) {
    return { error: "The argument 'ext' is for web actions only." };
  }
  if (ext && !['.http', '.json', '.html', '.svg', '.text'].includes(ext)) {
    return { error: "The argument 'ext' is none of .http, .json, .html, .svg and .text." };
  }
  if (typeof path !== 'string' || trigger && path.includes('/')) {
    return { error: "The argument 'path' must be the name of an action or a trigger." };
  }
  const api = `${process.env.__OW_API_HOST}/api/v1`;
  const namespace = encodeURIComponent(process.env.__OW_NAMESPACE);
  const name = path.split('/').map(encodeURIComponent).join('/');
  if (web) {
    return { url: `${api}/web/${namespace}/${name.includes('/') ? '' : 'default/'}${name}${ext}` };
  }
  return { url: `${api}/namespaces/${namespace}/${trigger ? 'triggers' : 'actions'}${name && '/'}${name}` };
}
