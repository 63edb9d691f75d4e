/**
 * Cuts a text into lines, or at another separator.
 * @param {{payload: string, separator?: string}} args
 */
function main({ payload = '', separator }) {
  return { lines: String(payload).split(separator || /\r?\n/), payload };
}
