/** Returns its arguments as they are. */
function main(args) {
  return args;
}
