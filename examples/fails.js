/** A function that fails: the caller sees the error, the log has where it happened. */
function main({ item }) {
  console.log('looking for', item);
  throw new Error(`there is no ${item || 'such thing'}`);
}
