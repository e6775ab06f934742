/** Frames in encapsulated pixel data (PS3.5 section A.4): items of an offset table and fragments. */
import { type Bytes, concat } from "../base/bytes.ts";
import { damaged } from "./spec.ts";

const ITEM = 0xe000fffe;
const MAX_FRAGMENTS = 1_000_000;

interface Item {
  /** Of the header. */
  readonly at: number;
  readonly data: Bytes;
}

/** Items up to the delimiter, the end, or the damage. */
function items(bytes: Bytes, start: number): Item[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Item[] = [];
  let at = start;
  while (at + 8 <= bytes.length && found.length < MAX_FRAGMENTS) {
    if (view.getUint32(at, true) !== ITEM) break;
    const length = Math.min(view.getUint32(at + 4, true), bytes.length - at - 8);
    found.push({ at, data: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length;
  }
  return found;
}

function join(parts: readonly Item[]): Bytes {
  if (parts.length === 1) return parts[0]!.data;
  return concat(parts.map(({ data }) => data));
}

/** One frame's code stream from the bytes of its own items (as the manifest's frame table cuts them). */
export function joinItems(bytes: Bytes): Bytes {
  const parts = items(bytes, 0);
  if (parts.length === 0) throw damaged();
  return join(parts);
}

/** JPEG, JPEG-LS: SOI. JPEG 2000: SOC and SIZ. */
const startsStream = (data: Bytes): boolean =>
  (data[0] === 0xff && data[1] === 0xd8) || (data[0] === 0xff && data[1] === 0x4f && data[2] === 0xff);

function firstsByTable(table: Bytes, fragments: readonly Item[], frames: number): number[] | undefined {
  if (table.length !== 4 * frames) return undefined;
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const base = fragments[0]!.at;
  const index = new Map(fragments.map((item, i) => [item.at - base, i]));
  const firsts: number[] = [];
  for (let i = 0; i < frames; i++) {
    const first = index.get(view.getUint32(4 * i, true));
    if (first === undefined || first <= (firsts.at(-1) ?? -1)) return undefined;
    firsts.push(first);
  }
  return firsts;
}

/**
 * A frame's code stream out of the whole pixel data.
 *
 * @param start of the first item in `bytes`
 */
export function findFrame(bytes: Bytes, start: number, frames: number, frame: number): Bytes {
  const [table, ...fragments] = items(bytes, start);
  if (!table || fragments.length === 0) throw damaged();
  if (frames === 1) return join(fragments);
  let firsts: number[] | undefined;
  if (fragments.length === frames) firsts = fragments.map((_, i) => i);
  firsts ??= firstsByTable(table.data, fragments, frames);
  firsts ??= fragments.flatMap(({ data }, i) => (startsStream(data) ? [i] : []));
  const first = firsts[frame];
  if (first === undefined) throw damaged();
  return join(fragments.slice(first, firsts[frame + 1] ?? fragments.length));
}
