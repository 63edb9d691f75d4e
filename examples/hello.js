/**
 * The smallest function: greets whom it is told to.
 * @param {{name?: string}} args
 * @returns {{greeting: string}}
 */
function main({ name = 'stranger' }) {
  console.log('greeting', name);
  return { greeting: `Hello, ${name}!` };
}
