// Opens the pages of the API's description at $SERVER and looks at what they show.
'use strict';
const assert = require('node:assert/strict');
const { JSDOM, VirtualConsole } = require('jsdom');

/** open returns the page once it shows operations. */
async function open(path) {
  const problems = [];
  const virtualConsole = new VirtualConsole();
  virtualConsole.on('error', (...args) => problems.push(args.join(' ')));
  virtualConsole.on('jsdomError', (error) => problems.push(error.message));
  const { window } = await JSDOM.fromURL(process.env.SERVER + path, {
    runScripts: 'dangerously',
    resources: 'usable',
    pretendToBeVisual: true,
    virtualConsole,
    beforeParse(page) { // what browsers have and jsdom has not
      page.fetch = (request, options) => fetch(new URL(request.url || request, page.location), options);
      Object.assign(page, { Headers, Request, Response, scrollTo() {} });
    },
  });
  for (let tries = 0; tries < 300; tries++) {
    if (window.document.querySelector('.opblock')) {
      assert.deepEqual(problems, [], path);
      return window.document;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} shows no operation: ${problems.join(', ')} ${window.document.body.innerHTML.slice(0, 1000)}`);
}

const shows = (page, text) => assert.ok(page.body.textContent.includes(text), `the page does not show ${text}`);

(async () => {
  // The redirection tells the page which document it is about.
  const api = await open('/api/v1/docs');
  assert.equal(api.title, 'Swagger UI');
  for (const text of ['OpenWhisk REST API', '/namespaces/{namespace}/actions/{packageName}/{actionName}', 'Fire a trigger', 'Authorize']) {
    shows(api, text);
  }
  shows(await open('/docs'), '/ping');
  // A document of another site is not shown.
  shows(await open('/api/v1/docs/index.html?url=http://127.0.0.1:1/elsewhere.json'), 'OpenWhisk REST API');
  shows(await open('/api/v1/docs/index.html?url=//127.0.0.1:1/elsewhere.json'), 'OpenWhisk REST API');
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
