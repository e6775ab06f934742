/** Which entries a package holds, and where: from the central directory, or from entries as they arrive. */
import type { ParsedSource } from "../source/parsed.ts";
import { TAIL } from "../source/range.ts";
import { type Source, toBytes } from "../source/source.ts";
import { type Directory, findDirectory, readDirectory, readLocal, ZipError, type ZipRecord } from "./zip.ts";

/** An image that is larger is not opened before somebody asks for it. */
const MOST_AHEAD = 4 << 20;

export type Records = ReadonlyMap<string, ZipRecord>;

export interface Catalog {
  /** One entry, as soon as it is known; undefined where there is none. */
  find(name: string): Promise<ZipRecord | undefined>;
  /** The image that will probably be shown first, where that can be known ahead. */
  readonly first: Promise<ZipRecord | undefined>;
  /** All of them; rejects when the directory cannot be read. */
  readonly all: Promise<Records>;
}

/** Reads the directory at the end of the file. */
export class CentralCatalog implements Catalog {
  readonly all: Promise<Records>;
  readonly first: Promise<ZipRecord | undefined>;

  /** `started` comes when the size of the source is known. */
  constructor(source: Source, started: Promise<void> = Promise.resolve()) {
    this.all = started.then(() => readCentral(source));
    this.first = this.all.then((records) => findFirst(records.values())).catch(() => undefined);
  }

  async find(name: string): Promise<ZipRecord | undefined> {
    return (await this.all).get(name);
  }
}

/** The middle of the first series, where its viewing starts. */
function findFirst(records: Iterable<ZipRecord>): ZipRecord | undefined {
  const series: ZipRecord[] = [];
  let folder: string | undefined;
  for (const record of records) {
    if (!record.name.startsWith("DICOM/")) continue;
    const own = record.name.replace(/[^/]*$/, "");
    folder ??= own;
    if (own === folder) series.push(record);
  }
  const middle = series[(series.length - 1) >> 1];
  return middle && middle.dataLength <= MOST_AHEAD ? middle : undefined;
}

async function readCentral(source: Source): Promise<Records> {
  const length = Math.min(TAIL, source.size);
  const start = source.size - length;
  const tail = await toBytes(await source.read(start, length, { priority: -2 }));
  if (tail.length < length) throw new ZipError("the file ends too early");
  const directory = findDirectory(tail, start);
  return readDirectory(await readRange(source, tail, start, directory), directory);
}

async function readRange(
  source: Source,
  tail: Uint8Array<ArrayBuffer>,
  start: number,
  { offset, length }: Directory,
) {
  if (offset >= start) return tail.subarray(offset - start, offset - start + length);
  const bytes = await toBytes(await source.read(offset, length, { priority: -2 }));
  if (bytes.length < length) throw new ZipError("the file ends too early");
  return bytes;
}

/** Learns entries from their local headers while the page is parsed. */
export class ParsedCatalog implements Catalog {
  readonly #records = new Map<string, ZipRecord>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #ended = false;
  readonly first = Promise.resolve(undefined);
  readonly all: Promise<Records>;

  constructor(source: ParsedSource) {
    let directory: Promise<Records> | undefined;
    source.onSegment(({ offset, bytes }) => {
      if (bytes[2] === 3) this.#add(readLocal(bytes, offset));
      else directory = readLast(bytes, offset);
    });
    this.all = source.done
      .then(() => {
        if (!directory) throw new ZipError("there is no directory at the end of the file");
        return directory;
      })
      .finally(() => {
        this.#ended = true;
        for (const name of [...this.#waiting.keys()]) this.#wake(name);
      });
    this.all.catch(() => undefined);
  }

  #add(record: ZipRecord): void {
    if (!this.#records.has(record.name)) this.#records.set(record.name, record);
    this.#wake(record.name);
  }

  #wake(name: string): void {
    for (const wake of this.#waiting.get(name) ?? []) wake();
    this.#waiting.delete(name);
  }

  async find(name: string): Promise<ZipRecord | undefined> {
    while (!this.#records.has(name) && !this.#ended)
      await new Promise<void>((resolve) => {
        const list = this.#waiting.get(name) ?? [];
        list.push(resolve);
        this.#waiting.set(name, list);
      });
    return this.#records.get(name);
  }
}

/** The last segment ends before the comment; it was cut off, so its length in the record is put to 0. */
function readLast(segment: Uint8Array<ArrayBuffer>, offset: number): Promise<Records> {
  const bytes = segment.slice();
  bytes[bytes.length - 1] = bytes[bytes.length - 2] = 0;
  const directory = findDirectory(bytes, offset);
  const from = directory.offset - offset;
  return readDirectory(bytes.subarray(from, from + directory.length), directory);
}
