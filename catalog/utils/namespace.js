/** Tells the namespace that it was called from. */
function main() {
  return { namespace: process.env.__OW_NAMESPACE };
}
