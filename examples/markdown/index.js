const { marked } = require('marked');

/**
 * Renders Markdown to HTML with the npm package `marked`, which is part of the zip.
 * @param {{text: string}} args
 * @returns {{html: string, characters: number}}
 */
exports.main = function main({ text }) {
  if (typeof text !== 'string') {
    return { error: 'give the Markdown as parameter "text"' };
  }
  const html = marked.parse(text);
  console.log(`rendered ${text.length} characters of Markdown to ${html.length} of HTML`);
  return { html, characters: html.length };
};
