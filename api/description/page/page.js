'use strict';

/**
 * The document to show: that in the query parameter url. It must be a path of
 * this server: a page that shows any site's document would lend it our name.
 */
function documentPath() {
  const given = new URLSearchParams(window.location.search).get('url') || '';
  return /^\/(?![/\\])/.test(given) ? given : '/api/v1/api-docs';
}

window.ui = SwaggerUIBundle({
  url: documentPath(),
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null, // no other server is told what is here
});
