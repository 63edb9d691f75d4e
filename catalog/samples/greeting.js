/**
 * Greets somebody from some place.
 * @param {{name?: string, place?: string}} args
 */
function main({ name = 'stranger', place = 'somewhere' }) {
  return { payload: `Hello, ${name} from ${place}!` };
}
