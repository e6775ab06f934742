/**
 * The package as the browser parses it: each entry arrives as the text of a `<script type=x>`, followed by an
 * element that tells where it stood and what its line ends were (docs/format/package-v1.md).
 */
import { Turns } from "../base/turns.ts";
import { type Bytes, type ReadOptions, type Source, SourceError } from "./source.ts";

/** A piece of the file: a local header with its entry, or the central directory. */
export interface Segment {
  readonly offset: number;
  readonly bytes: Bytes;
}

/** Code units of windows-1252 (WHATWG Encoding) back to bytes; NUL arrives as U+FFFD. */
const TABLE = (() => {
  const table = new Uint8Array(65536);
  const high = "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f";
  const more = "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";
  for (let i = 0; i < 256; i++) table[i] = i;
  [...(high + more)].forEach((unit, i) => {
    table[unit.charCodeAt(0)] = 0x80 + i;
  });
  table[0xfffd] = 0;
  return table;
})();

const LF = 10;
const CR = 13;

/** Undoes in steps what the parser did to one script's content. */
export class Unparser {
  readonly bytes: Bytes;
  #at = 0;
  #line = 0;
  readonly #fixups: Uint8Array;

  /** @param length of the content in the file */
  constructor(length: number, fixups: Uint8Array) {
    this.bytes = new Uint8Array(length);
    this.#fixups = fixups;
  }

  add(text: string): void {
    const { bytes } = this;
    let at = this.#at;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit !== LF) {
        bytes[at++] = TABLE[unit]!;
        continue;
      }
      const code = (this.#fixups[this.#line >> 2]! >> ((this.#line & 3) * 2)) & 3;
      this.#line++;
      if (code !== 0) bytes[at++] = CR;
      if (code !== 1) bytes[at++] = LF;
    }
    this.#at = at;
  }

  /** Whether text and fixups filled the content exactly. */
  get complete(): boolean {
    return this.#at === this.bytes.length;
  }
}

/** One script element whose end the parser has seen. */
interface Arrived {
  readonly script: Element;
  readonly glue: HTMLElement;
}

/** Code units that are undone in one go: below a millisecond. */
const CHUNK = 65536;

export type SegmentListener = (segment: Segment) => void;

export class ParsedSource implements Source {
  readonly size: number;
  readonly progress: { loaded: number; total: number };
  readonly #segments: Segment[] = [];
  readonly #queue: Arrived[] = [];
  readonly #decode: (text: string) => Uint8Array;
  #listener: SegmentListener | undefined;
  #working: Promise<void> | undefined;
  #wake: (() => void)[] = [];
  #ended = false;
  #error: unknown;
  /** Resolves when the whole file has been read; rejects when it ended too early. */
  readonly done: Promise<void>;

  /**
   * @param start where entries begin: the length of the page
   * @param decode base64url to bytes
   */
  constructor(size: number, start: number, decode: (text: string) => Uint8Array) {
    this.size = size;
    this.progress = { loaded: start, total: size };
    this.#decode = decode;
    this.done = this.#watch();
    this.done.catch(() => undefined);
  }

  /** Called with every segment, those that have arrived already too. */
  onSegment(listener: SegmentListener): void {
    this.#listener = listener;
    for (const segment of this.#segments) listener(segment);
  }

  async #watch(): Promise<void> {
    const observer = new MutationObserver((records) => {
      for (const record of records) for (const node of record.addedNodes) this.#arrive(node);
    });
    observer.observe(document.documentElement, { childList: true, subtree: true });
    for (const node of document.querySelectorAll("i[data-o]")) this.#arrive(node);
    if (document.readyState === "loading")
      await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
    for (const record of observer.takeRecords()) for (const node of record.addedNodes) this.#arrive(node);
    observer.disconnect();
    await this.#working;
    this.#ended = true;
    this.#notify();
    if (this.#error) throw this.#error;
    const last = this.#segments.at(-1);
    if (!last || last.offset + last.bytes.length > this.size || !endsArchive(last.bytes))
      throw new SourceError("truncated", "the file ends too early");
  }

  #arrive(node: Node): void {
    if (!(node instanceof HTMLElement) || node.tagName !== "I" || node.dataset["o"] === undefined) return;
    const script = node.previousElementSibling;
    if (script?.tagName !== "SCRIPT" || script.getAttribute("type") !== "x") return;
    this.#queue.push({ script, glue: node });
    this.#working ??= this.#work()
      .catch((error: unknown) => {
        this.#error = error;
      })
      .finally(() => {
        this.#working = undefined;
      });
  }

  async #work(): Promise<void> {
    const turns = new Turns();
    for (let item = this.#queue.shift(); item; item = this.#queue.shift()) {
      const segment = await this.#undo(item, turns);
      item.script.remove();
      item.glue.remove();
      this.progress.loaded = Math.max(this.progress.loaded, segment.offset + segment.bytes.length);
      this.#segments.push(segment);
      this.#listener?.(segment);
      this.#notify();
    }
  }

  async #undo({ script, glue }: Arrived, turns: Turns): Promise<Segment> {
    const { o, l, f } = glue.dataset;
    const length = Number(l);
    if (!(length >= 0 && length <= this.size)) throw new SourceError("truncated", "the file is damaged");
    const unparser = new Unparser(length, this.#decode(f ?? ""));
    // the parser makes text nodes of 64 Ki code units
    for (const node of script.childNodes) {
      const text = node.nodeValue ?? "";
      for (let i = 0; i < text.length; i += CHUNK) {
        unparser.add(text.slice(i, i + CHUNK));
        const rest = turns.rest();
        if (rest) await rest;
      }
    }
    if (!unparser.complete) throw new SourceError("truncated", "the file is damaged");
    return { offset: Number(o), bytes: unparser.bytes };
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async read(offset: number, length: number, _options?: ReadOptions): Promise<Bytes> {
    for (;;) {
      const segment = this.#find(offset);
      if (segment) return segment.bytes.slice(offset - segment.offset, offset - segment.offset + length);
      if (this.#ended) throw new SourceError("truncated", "the file ends too early");
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** The segment that holds the byte at `offset`; they arrive in order. */
  #find(offset: number): Segment | undefined {
    const segments = this.#segments;
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { offset: start, bytes } = segments[middle]!;
      if (offset < start) high = middle;
      else if (offset >= start + bytes.length) low = middle + 1;
      else return segments[middle];
    }
    return undefined;
  }
}

/** Whether the last segment holds an end record: signature PK 5 6 and, at its end, the comment's length. */
function endsArchive(bytes: Bytes): boolean {
  const at = bytes.length - 22;
  return (
    at >= 0 && bytes[at] === 0x50 && bytes[at + 1] === 0x4b && bytes[at + 2] === 5 && bytes[at + 3] === 6
  );
}
