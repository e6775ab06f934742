// AES-256 in the counter mode of WinZip AE-2 (APPNOTE "AES encryption": the counter is a little-endian
// 128-bit number that starts at 1). WebCrypto only counts big-endian. AES: FIPS 197.
//
// Protocol: write the key to key(), call expand(); then write up to SIZE bytes to buffer() and call
// ctr(block, n), which XORs them in place with the key stream from that block on.

const SIZE: i32 = 1 << 16;
const ROUNDS: i32 = 14;

const keyBytes = memory.data(32, 16);
const schedule = memory.data((ROUNDS + 1) * 16, 16);
const data = memory.data(SIZE, 16);
const sbox = memory.data(256, 16);
const table0 = memory.data(1024, 16);
const table1 = memory.data(1024, 16);
const table2 = memory.data(1024, 16);
const table3 = memory.data(1024, 16);

export function key(): usize {
  return keyBytes;
}

export function buffer(): usize {
  return data;
}

export function size(): i32 {
  return SIZE;
}

// FIPS 197 section 4.2: multiplication by x in GF(2^8).
// @ts-ignore: decorator
@inline
function double(a: u32): u32 {
  return ((a << 1) ^ ((a >> 7) * 0x11b)) & 0xff;
}

// FIPS 197 section 5.1.1, by walking the group with the generator 3 and its inverse.
function makeTables(): void {
  let p: u32 = 1;
  let q: u32 = 1;
  do {
    p = p ^ double(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) q ^= 0x09;
    const x: u32 = (q ^ rotl8(q, 1) ^ rotl8(q, 2) ^ rotl8(q, 3) ^ rotl8(q, 4) ^ 0x63) & 0xff;
    store<u8>(sbox + p, x as u8);
  } while (p != 1);
  store<u8>(sbox, 0x63);
  for (let i: usize = 0; i < 256; i++) {
    const s: u32 = load<u8>(sbox + i);
    const s2 = double(s);
    const word: u32 = s2 | (s << 8) | (s << 16) | ((s2 ^ s) << 24);
    store<u32>(table0 + (i << 2), word);
    store<u32>(table1 + (i << 2), rotl<u32>(word, 8));
    store<u32>(table2 + (i << 2), rotl<u32>(word, 16));
    store<u32>(table3 + (i << 2), rotl<u32>(word, 24));
  }
}

// @ts-ignore: decorator
@inline
function rotl8(x: u32, n: u32): u32 {
  return ((x << n) | (x >> (8 - n))) & 0xff;
}

function subWord(w: u32): u32 {
  return (
    (load<u8>(sbox + (w & 0xff)) as u32) |
    ((load<u8>(sbox + ((w >> 8) & 0xff)) as u32) << 8) |
    ((load<u8>(sbox + ((w >> 16) & 0xff)) as u32) << 16) |
    ((load<u8>(sbox + (w >> 24)) as u32) << 24)
  );
}

// FIPS 197 section 5.2 for Nk = 8; words are little-endian, so RotWord turns right.
export function expand(): void {
  if (load<u8>(sbox) == 0) makeTables();
  memory.copy(schedule, keyBytes, 32);
  let rcon: u32 = 1;
  for (let i: usize = 8; i < 60; i++) {
    let w = load<u32>(schedule + ((i - 1) << 2));
    if (i % 8 == 0) {
      w = subWord(rotr<u32>(w, 8)) ^ rcon;
      rcon = double(rcon);
    } else if (i % 8 == 4) {
      w = subWord(w);
    }
    store<u32>(schedule + (i << 2), load<u32>(schedule + ((i - 8) << 2)) ^ w);
  }
}

// @ts-ignore: decorator
@inline
function mix(a: u32, b: u32, c: u32, d: u32, k: usize): u32 {
  return (
    load<u32>(table0 + ((a & 0xff) << 2)) ^
    load<u32>(table1 + (((b >> 8) & 0xff) << 2)) ^
    load<u32>(table2 + (((c >> 16) & 0xff) << 2)) ^
    load<u32>(table3 + ((d >> 24) << 2)) ^
    load<u32>(k)
  );
}

// @ts-ignore: decorator
@inline
function last(a: u32, b: u32, c: u32, d: u32, k: usize): u32 {
  return (
    ((load<u8>(sbox + (a & 0xff)) as u32) |
      ((load<u8>(sbox + ((b >> 8) & 0xff)) as u32) << 8) |
      ((load<u8>(sbox + ((c >> 16) & 0xff)) as u32) << 16) |
      ((load<u8>(sbox + (d >> 24)) as u32) << 24)) ^
    load<u32>(k)
  );
}

export function ctr(block: u64, n: i32): void {
  const end: usize = data + n;
  let counter: u64 = block + 1;
  for (let at: usize = data; at < end; at += 16) {
    let a: u32 = (counter as u32) ^ load<u32>(schedule);
    let b: u32 = ((counter >> 32) as u32) ^ load<u32>(schedule + 4);
    let c: u32 = load<u32>(schedule + 8);
    let d: u32 = load<u32>(schedule + 12);
    for (let k: usize = schedule + 16; k < schedule + ROUNDS * 16; k += 16) {
      const e = mix(a, b, c, d, k);
      const f = mix(b, c, d, a, k + 4);
      const g = mix(c, d, a, b, k + 8);
      d = mix(d, a, b, c, k + 12);
      a = e;
      b = f;
      c = g;
    }
    const k: usize = schedule + ROUNDS * 16;
    store<u32>(at, load<u32>(at) ^ last(a, b, c, d, k));
    store<u32>(at + 4, load<u32>(at + 4) ^ last(b, c, d, a, k + 4));
    store<u32>(at + 8, load<u32>(at + 8) ^ last(c, d, a, b, k + 8));
    store<u32>(at + 12, load<u32>(at + 12) ^ last(d, a, b, c, k + 12));
    counter++;
  }
}
