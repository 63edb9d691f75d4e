/** A function that takes too long: its time limit ends it, its log so far is kept. */
function main({ seconds = 60 }) {
  console.log('going to sleep for', seconds, 'seconds');
  return new Promise((resolve) => setTimeout(() => resolve({ awake: true }), seconds * 1000));
}
