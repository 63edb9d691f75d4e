/**
 * Sorts lines as texts: 10 comes before 9.
 * @param {{lines?: string[]}} args
 */
function main({ lines = [] }) {
  return { lines: [...lines].sort(), length: lines.length };
}
