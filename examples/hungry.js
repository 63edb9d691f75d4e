/** A function that eats its memory: the kernel ends it, and nobody else notices. */
function main() {
  const eaten = [];
  for (let mb = 0; ; mb += 16) {
    eaten.push(Buffer.alloc(16 << 20, 1));
    console.log('ate', mb + 16, 'MB');
  }
}
