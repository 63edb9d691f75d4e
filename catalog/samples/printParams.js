/** Prints its arguments in the order of their names. */
function main(args) {
  const names = Object.keys(args).sort();
  for (const name of names) {
    console.log(`params.${name}:`, args[name]);
  }
  return { params: Object.fromEntries(names.map((name) => [name, args[name]])) };
}
