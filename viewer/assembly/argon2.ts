// The filling of memory in Argon2id (RFC 9106) for one lane, with 128-bit SIMD. What surrounds it
// (BLAKE2b of the inputs, the first two blocks, the tag) is done by the caller.
//
// Protocol: reserve(n, t) makes room; write blocks 0 and 1 there; then call fill(pass, slice) for every slice
// 0 to 3 of every pass, in order. The last block is the result.

const BLOCK: usize = 1024;
const TYPE_ID: i64 = 2;
const SLICES: u32 = 4;

const work = memory.data(1024, 16);
const zero = memory.data(1024, 16);
const input = memory.data(1024, 16);
const addresses = memory.data(1024, 16);

let base: usize = 0;
let blocks: u32 = 0;
let passes: u32 = 0;

/** Room for `n` blocks, a multiple of four; returns where they begin, or 0 where there is no memory. */
export function reserve(n: u32, t: u32): usize {
  base = (__heap_base + 1023) & ~1023;
  const pages = ((base + (n as usize) * BLOCK + 65535) >>> 16) as i32;
  const missing = pages - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) return 0;
  blocks = n;
  passes = t;
  return base;
}

// Lower halves of four words: the operands of two products, taken by extmul_low and extmul_high.
// @ts-ignore: decorator
@inline
function halves(x: v128, y: v128): v128 {
  return v128.shuffle<u32>(x, y, 0, 2, 4, 6);
}

// RFC 9106 section 3.6: BLAKE2b's addition with twice the product of the lower halves.
// @ts-ignore: decorator
@inline
function add(a: v128, b: v128, product: v128): v128 {
  return v128.add<u64>(v128.add<u64>(a, b), v128.add<u64>(product, product));
}

// @ts-ignore: decorator
@inline
function rotr32(x: v128): v128 {
  return v128.shuffle<u32>(x, x, 1, 0, 3, 2);
}

// @ts-ignore: decorator
@inline
function rotr24(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10);
}

// @ts-ignore: decorator
@inline
function rotr16(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9);
}

// @ts-ignore: decorator
@inline
function rotr63(x: v128): v128 {
  return v128.or(v128.add<u64>(x, x), v128.shr<u64>(x, 63));
}

// @ts-ignore: decorator
@inline
function highLow(a: v128, b: v128): v128 {
  return v128.shuffle<u64>(a, b, 1, 2);
}

// The permutation P of RFC 9106 section 3.6 works on eight registers `step` bytes apart, two for each row a, b, c, d
// of BLAKE2b's matrix: G on the columns, then G on the diagonals. G is a chain in which every operation waits for the
// one before it, so it is cut into two stages, and a stage is done for all eight P of a block before the next one: the
// processor then has eight chains to choose from. Keeping the registers through a whole P takes 1.6 times as long.

/** The first half of G. */
// @ts-ignore: decorator
@inline
function stage1(at: usize, step: usize): void {
  let a0 = v128.load(at);
  let a1 = v128.load(at + step);
  let b0 = v128.load(at + 2 * step);
  let b1 = v128.load(at + 3 * step);
  let x = halves(a0, a1);
  let y = halves(b0, b1);
  a0 = add(a0, b0, v128.extmul_low<u32>(x, y));
  a1 = add(a1, b1, v128.extmul_high<u32>(x, y));
  const d0 = rotr32(v128.xor(v128.load(at + 6 * step), a0));
  const d1 = rotr32(v128.xor(v128.load(at + 7 * step), a1));
  let c0 = v128.load(at + 4 * step);
  let c1 = v128.load(at + 5 * step);
  x = halves(c0, c1);
  y = halves(d0, d1);
  c0 = add(c0, d0, v128.extmul_low<u32>(x, y));
  c1 = add(c1, d1, v128.extmul_high<u32>(x, y));
  b0 = rotr24(v128.xor(b0, c0));
  b1 = rotr24(v128.xor(b1, c1));
  v128.store(at, a0);
  v128.store(at + step, a1);
  v128.store(at + 2 * step, b0);
  v128.store(at + 3 * step, b1);
  v128.store(at + 4 * step, c0);
  v128.store(at + 5 * step, c1);
  v128.store(at + 6 * step, d0);
  v128.store(at + 7 * step, d1);
}

/** The second half of G; then the rows b, c, d move so that diagonals are columns, or `back`. */
// @ts-ignore: decorator
@inline
function stage2(at: usize, step: usize, back: bool): void {
  let a0 = v128.load(at);
  let a1 = v128.load(at + step);
  let b0 = v128.load(at + 2 * step);
  let b1 = v128.load(at + 3 * step);
  let x = halves(a0, a1);
  let y = halves(b0, b1);
  a0 = add(a0, b0, v128.extmul_low<u32>(x, y));
  a1 = add(a1, b1, v128.extmul_high<u32>(x, y));
  const d0 = rotr16(v128.xor(v128.load(at + 6 * step), a0));
  const d1 = rotr16(v128.xor(v128.load(at + 7 * step), a1));
  let c0 = v128.load(at + 4 * step);
  let c1 = v128.load(at + 5 * step);
  x = halves(c0, c1);
  y = halves(d0, d1);
  c0 = add(c0, d0, v128.extmul_low<u32>(x, y));
  c1 = add(c1, d1, v128.extmul_high<u32>(x, y));
  b0 = rotr63(v128.xor(b0, c0));
  b1 = rotr63(v128.xor(b1, c1));
  v128.store(at, a0);
  v128.store(at + step, a1);
  v128.store(at + (back ? 3 : 2) * step, highLow(b0, b1));
  v128.store(at + (back ? 2 : 3) * step, highLow(b1, b0));
  v128.store(at + 4 * step, c1);
  v128.store(at + 5 * step, c0);
  v128.store(at + (back ? 6 : 7) * step, highLow(d0, d1));
  v128.store(at + (back ? 7 : 6) * step, highLow(d1, d0));
}

/** Eight times P, on registers `step` apart, beginning `next` apart. Not inlined: half the code, no slower. */
function permute(step: usize, next: usize): void {
  const end = work + 8 * next;
  for (let at = work; at < end; at += next) stage1(at, step);
  for (let at = work; at < end; at += next) stage2(at, step, false);
  for (let at = work; at < end; at += next) stage1(at, step);
  for (let at = work; at < end; at += next) stage2(at, step, true);
}

// The compression G of RFC 9106 section 3.5. From the second pass on the old content of `out` is mixed in.
function compress(x: usize, y: usize, out: usize, mix: bool): void {
  for (let i: usize = 0; i < BLOCK; i += 16)
    v128.store(work + i, v128.xor(v128.load(x + i), v128.load(y + i)));
  permute(16, 128);
  permute(128, 16);
  for (let i: usize = 0; i < BLOCK; i += 16) {
    const r = v128.xor(v128.load(work + i), v128.xor(v128.load(x + i), v128.load(y + i)));
    v128.store(out + i, mix ? v128.xor(r, v128.load(out + i)) : r);
  }
}

// RFC 9106 section 3.4.1.2: the next 128 pseudo-random words that do not depend on the secret.
function nextAddresses(): void {
  store<u64>(input, load<u64>(input, 48) + 1, 48);
  compress(zero, input, addresses, false);
  compress(zero, addresses, addresses, false);
}

// RFC 9106 section 3.4.2: the block that the word `j1` refers to.
// @ts-ignore: decorator
@inline
function reference(j1: u64, pass: u32, slice: u32, index: u32, segment: u32): u32 {
  const known = pass ? blocks - segment : slice * segment;
  const area: u64 = known + index - 1;
  const x = (j1 * j1) >> 32;
  const back = (area * x) >> 32;
  const start: u64 = pass && slice != SLICES - 1 ? (slice + 1) * segment : 0;
  return ((start + area - 1 - back) % (blocks as u64)) as u32;
}

export function fill(pass: u32, slice: u32): void {
  const segment = blocks / SLICES;
  const independent = pass == 0 && slice < 2;
  if (independent) {
    memory.fill(input, 0, BLOCK);
    store<u64>(input, slice, 16);
    store<u64>(input, blocks, 24);
    store<u64>(input, passes, 32);
    store<u64>(input, TYPE_ID, 40);
  }
  let index: u32 = pass == 0 && slice == 0 ? 2 : 0;
  if (independent && index) nextAddresses();
  for (; index < segment; index++) {
    if (independent && index % 128 == 0) nextAddresses();
    const at = slice * segment + index;
    const previous = base + ((at ? at : blocks) - 1) * BLOCK;
    const word = independent ? load<u64>(addresses + (index % 128) * 8) : load<u64>(previous);
    const from = reference(word & 0xffffffff, pass, slice, index, segment);
    compress(previous, base + from * BLOCK, base + at * BLOCK, pass != 0);
  }
}
