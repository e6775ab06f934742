/** The parts of ZIP (APPNOTE 6.3) that a package uses; every field is hostile until the manifest agrees. */

import type { Bytes } from "../base/bytes.ts";
import { Turns } from "../base/turns.ts";

export class ZipError extends Error {}

export interface ZipRecord {
  readonly name: string;
  /** Of the local header. */
  readonly offset: number;
  /** Salt, password check, ciphertext and HMAC. */
  readonly dataLength: number;
  /** Of the content. */
  readonly size: number;
  readonly deflated: boolean;
}

export interface LocalEntry extends ZipRecord {
  /** Of the salt, from the start of the local header. */
  readonly dataOffset: number;
}

export const LIMITS = { entries: 2_000_000, directory: 512 << 20, name: 255, page: 16 << 20 };

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const AES = 99;
const NAME = /^[A-Z0-9_]{1,8}(\/[A-Z0-9_]{1,8})*(\.[A-Z0-9]{1,3})?$/;
/** Bytes before the entry's data: header, name and extra fields, with room to spare. */
export const HEADER_ROOM = 30 + 256 + 128;

const viewOf = (bytes: Bytes): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function u64(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  if (!Number.isSafeInteger(value)) throw new ZipError("a number is too large");
  return value;
}

function readName(bytes: Bytes): string {
  const name = String.fromCharCode(...bytes);
  if (name.length > LIMITS.name || !NAME.test(name)) throw new ZipError("a name is not allowed");
  return name;
}

/** Extra fields: Zip64 sizes that stand in for 0xffffffff, and AE-2's true method. */
function readExtra(extra: Bytes, sizes: number[]): boolean {
  const view = viewOf(extra);
  let deflated: boolean | undefined;
  for (let at = 0; at + 4 <= extra.length; ) {
    const id = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    const from = at + 4;
    const to = from + length;
    if (to > extra.length) throw new ZipError("an extra field is too long");
    if (id === 1) readZip64(view, from, to, sizes);
    if (id === 0x9901) deflated = readAes(view, from, length);
    at = to;
  }
  if (deflated === undefined) throw new ZipError("an entry is not encrypted");
  return deflated;
}

function readZip64(view: DataView, from: number, to: number, sizes: number[]): void {
  for (let i = 0; i < sizes.length; i++) {
    if (sizes[i] !== 0xffffffff) continue;
    if (from + 8 > to) throw new ZipError("a Zip64 field is too short");
    sizes[i] = u64(view, from);
    from += 8;
  }
}

/** APPNOTE appendix E.2: vendor version 2, "AE", strength 3 (256 bits), method. */
function readAes(view: DataView, at: number, length: number): boolean {
  if (length < 7) throw new ZipError("an AES field is too short");
  const method = view.getUint16(at + 5, true);
  const known =
    view.getUint16(at, true) === 2 && view.getUint16(at + 2, true) === 0x4541 && view.getUint8(at + 4) === 3;
  if (!known || (method !== 0 && method !== 8)) throw new ZipError("an entry is encrypted in an unknown way");
  return method === 8;
}

/**
 * A local header, `bytes` beginning with it.
 *
 * @param offset of `bytes` in the file
 */
export function readLocal(bytes: Bytes, offset: number): LocalEntry {
  const view = viewOf(bytes);
  if (bytes.length < 30 || view.getUint32(0, true) !== LOCAL) throw new ZipError("no entry begins here");
  const nameEnd = 30 + view.getUint16(26, true);
  const dataOffset = nameEnd + view.getUint16(28, true);
  if (dataOffset > bytes.length || view.getUint16(8, true) !== AES) throw new ZipError("an entry is damaged");
  const sizes = [view.getUint32(22, true), view.getUint32(18, true)];
  const deflated = readExtra(bytes.subarray(nameEnd, dataOffset), sizes);
  const [size, dataLength] = sizes as [number, number];
  return { name: readName(bytes.subarray(30, nameEnd)), offset, dataOffset, dataLength, size, deflated };
}

export interface Directory {
  readonly offset: number;
  readonly length: number;
  readonly entries: number;
}

/**
 * The end records in the last bytes of the file.
 *
 * @param start offset of `tail` in the file
 */
export function findDirectory(tail: Bytes, start: number): Directory {
  const view = viewOf(tail);
  for (let at = tail.length - 22; at >= Math.max(0, tail.length - 22 - 65535); at--) {
    if (view.getUint32(at, true) !== END || at + 22 + view.getUint16(at + 20, true) !== tail.length) continue;
    const small = {
      offset: view.getUint32(at + 16, true),
      length: view.getUint32(at + 12, true),
      entries: view.getUint16(at + 10, true),
    };
    const directory = findDirectory64(view, at, start) ?? small;
    if (directory.entries > LIMITS.entries || directory.length > LIMITS.directory)
      throw new ZipError("the directory is too large");
    if (directory.offset + directory.length > start + at) throw new ZipError("the directory is damaged");
    return directory;
  }
  throw new ZipError("there is no directory at the end of the file");
}

function findDirectory64(view: DataView, end: number, start: number): Directory | undefined {
  if (end < 20 || view.getUint32(end - 20, true) !== LOCATOR64) return undefined;
  const at = u64(view, end - 12) - start;
  if (at < 0 || at + 56 > end || view.getUint32(at, true) !== END64)
    throw new ZipError("the directory is damaged");
  return { offset: u64(view, at + 48), length: u64(view, at + 40), entries: u64(view, at + 32) };
}

/** All records of a central directory. Names and places are unique, and everything lies before the directory. */
export async function readDirectory(
  bytes: Bytes,
  { offset: limit, entries }: Directory,
): Promise<Map<string, ZipRecord>> {
  const turns = new Turns();
  const view = viewOf(bytes);
  const records = new Map<string, ZipRecord>();
  let at = 0;
  for (let i = 0; i < entries; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL)
      throw new ZipError("the directory is damaged");
    const nameEnd = at + 46 + view.getUint16(28 + at, true);
    const extraEnd = nameEnd + view.getUint16(30 + at, true);
    const next = extraEnd + view.getUint16(32 + at, true);
    if (next > bytes.length || view.getUint16(at + 10, true) !== AES)
      throw new ZipError("the directory is damaged");
    const sizes = [
      view.getUint32(at + 24, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 42, true),
    ];
    const deflated = readExtra(bytes.subarray(nameEnd, extraEnd), sizes);
    const [size, dataLength, offset] = sizes as [number, number, number];
    const name = readName(bytes.subarray(at + 46, nameEnd));
    if (records.has(name) || offset + 30 + dataLength > limit) throw new ZipError("the directory is damaged");
    records.set(name, { name, offset, dataLength, size, deflated });
    at = next;
    const rest = turns.rest();
    if (rest) await rest;
  }
  if (at !== bytes.length) throw new ZipError("the directory is damaged");
  return records;
}
