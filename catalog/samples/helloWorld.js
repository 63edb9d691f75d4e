/**
 * Greets into its log, and returns nothing.
 * @param {{payload?: string}} args
 */
function main({ payload }) {
  console.log(`hello ${payload}!`);
}
