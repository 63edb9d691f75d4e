/**
 * Counts the words of a text, after a while: an async function's promise is awaited.
 * @param {{payload: string}} args
 */
async function main({ payload = '' }) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const text = String(payload);
  const count = text.split(/\s+/).filter((word) => word !== '').length;
  console.log(`The message '${text}' has ${count} words`);
  return { count };
}
