/**
 * Chains promises: each one adds a line when the one before it is done.
 * @param {{name?: string, place?: string}} args
 */
function main({ name = 'stranger', place = 'somewhere' }) {
  const say = (line) => (lines) => new Promise((resolve) => setTimeout(() => resolve([...lines, line]), 10));
  return Promise.resolve([])
    .then(say('Hello,'))
    .then(say(`${name} from`))
    .then(say(`${place}!`))
    .then((lines) => ({ lines }));
}
