/** Entropy-coded segments of a JPEG code stream (ITU-T T.81 annexes C and F). */
import { damaged } from "./spec.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const LOOK = 9;

/** A Huffman table: codes up to nine bits by one look-up, longer ones by their first code per length. */
export class HuffmanTable {
  /** value << 8 | length, 0 where the code is longer. */
  readonly look = new Uint32Array(1 << LOOK);
  readonly #maxCode = new Int32Array(18).fill(-1);
  readonly #offset = new Int32Array(18);
  readonly #values: Bytes;

  constructor(counts: Bytes, values: Bytes) {
    this.#values = values;
    let code = 0;
    let index = 0;
    for (let length = 1; length <= 16; length++) {
      this.#offset[length] = index - code;
      for (let i = counts[length - 1]!; i > 0; i--, code++, index++) {
        if (index >= values.length || code >= 1 << length) throw damaged();
        if (length <= LOOK) {
          const first = code << (LOOK - length);
          this.look.fill((values[index]! << 8) | length, first, first + (1 << (LOOK - length)));
        }
        this.#maxCode[length] = code;
      }
      code <<= 1;
    }
  }

  /** `bits` holds sixteen bits, left-aligned; returns value << 8 | length. */
  long(bits: number): number {
    for (let length = LOOK + 1; length <= 16; length++) {
      const code = bits >> (16 - length);
      if (code <= this.#maxCode[length]!) return (this.#values[code + this.#offset[length]!]! << 8) | length;
    }
    throw damaged();
  }
}

/** Reads a DHT segment into `tables`, indexed by class (0 DC, 1 AC) * 4 + destination. */
export function readHuffmanTables(data: Bytes, tables: HuffmanTable[]): void {
  let at = 0;
  while (at + 17 <= data.length) {
    const counts = data.subarray(at + 1, at + 17);
    const n = counts.reduce((sum, count) => sum + count, 0);
    if (at + 17 + n > data.length) throw damaged();
    tables[((data[at]! >> 4) & 1) * 4 + (data[at]! & 3)] = new HuffmanTable(
      counts,
      data.subarray(at + 17, at + 17 + n),
    );
    at += 17 + n;
  }
}

/** Bits of one scan; stuffed zeros are dropped, a marker stops it and zeros follow. */
export class BitReader {
  #bits = 0;
  #n = 0;
  #past = 0;
  readonly #bytes: Bytes;
  at: number;

  constructor(bytes: Bytes, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  #fill(): void {
    while (this.#n <= 16) {
      let byte = this.#bytes[this.at];
      if (byte === undefined || (byte === 0xff && this.#bytes[this.at + 1] !== 0)) {
        // a marker or the end: zeros, but not for ever
        byte = 0;
        if (++this.#past > 64) throw damaged();
      } else {
        this.at += byte === 0xff ? 2 : 1;
      }
      this.#bits = (this.#bits << 8) | byte;
      this.#n += 8;
    }
  }

  /** The value of the next code. */
  decode(table: HuffmanTable): number {
    if (this.#n < 16) this.#fill();
    const peek = (this.#bits >> (this.#n - 16)) & 0xffff;
    let entry = table.look[peek >> (16 - LOOK)]!;
    if (entry === 0) entry = table.long(peek);
    this.#n -= entry & 0xff;
    return entry >> 8;
  }

  /** The signed number of `size` further bits (T.81 section F.2.2.1, EXTEND). */
  receive(size: number): number {
    if (size === 0) return 0;
    if (this.#n < size) this.#fill();
    this.#n -= size;
    const value = (this.#bits >> this.#n) & ((1 << size) - 1);
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  /** Goes behind the next restart marker; false where there is none. */
  restart(): boolean {
    this.#bits = 0;
    this.#n = 0;
    this.#past = 0;
    const bytes = this.#bytes;
    for (let i = this.at; i + 1 < bytes.length; i++) {
      if (bytes[i] !== 0xff || bytes[i + 1] === 0 || bytes[i + 1] === 0xff) continue;
      this.at = i;
      if (bytes[i + 1]! < 0xd0 || bytes[i + 1]! > 0xd7) return false;
      this.at = i + 2;
      return true;
    }
    return false;
  }
}
