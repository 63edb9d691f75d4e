/**
 * Returns the first lines.
 * @param {{lines?: string[], num?: number}} args
 */
function main({ lines = [], num }) {
  const count = num || 1;
  return { lines: lines.slice(0, count), num: count };
}
