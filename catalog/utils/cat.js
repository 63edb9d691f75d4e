/**
 * Joins lines to one text.
 * @param {{lines?: string[]}} args
 */
function main({ lines = [] }) {
  return { lines, payload: lines.join('\n') };
}
