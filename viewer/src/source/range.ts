/** A package on a server, read by Range requests (RFC 9110 section 14): only what is looked at. */
import { concat } from "../base/bytes.ts";
import { type Bytes, type ReadOptions, type Source, SourceError } from "./source.ts";

const KIB = 1024;
/** The first request: the end of the file with the directory and, up to a thousand objects, the manifest. */
export const TAIL = 256 * KIB;
const COALESCE = 1024 * KIB;
/** Unwanted bytes between two ranges that are cheaper than a further request. */
const GAP = 32 * KIB;
const CONNECTIONS = 6;
/** Requests for later that run beside urgent ones. */
const BESIDE = 1;
const RETRIES = [300, 1000, 3000];

interface Waiting {
  readonly offset: number;
  readonly end: number;
  readonly priority: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (bytes: Bytes) => void;
  readonly reject: (error: unknown) => void;
}

interface Held {
  readonly offset: number;
  readonly end: number;
  readonly bytes: Promise<Bytes>;
}

export interface RangeOptions {
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  /** Ends everything. */
  readonly signal?: AbortSignal | undefined;
  /** Of the file, where it is known. */
  readonly size?: number | undefined;
  /** For tests. */
  readonly fetch?: typeof fetch;
  readonly delay?: (ms: number) => Promise<void>;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class RangeSource implements Source {
  readonly #url: string;
  readonly #options: RangeOptions;
  readonly #fetch: typeof fetch;
  readonly #delay: (ms: number) => Promise<void>;
  #size: number;
  #queue: Waiting[] = [];
  #active = 0;
  /** Of those active, the ones that somebody waits for. */
  #urgent = 0;
  #planned = false;
  #held: Held[] = [];
  /** The whole file, where the server knows no ranges. */
  #whole: Promise<Bytes> | undefined;
  readonly progress = { loaded: 0, total: 0 };

  constructor(url: string, options: RangeOptions = {}) {
    this.#url = url;
    this.#options = options;
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
    this.#delay = options.delay ?? sleep;
    this.#size = options.size ?? 0;
    this.progress.total = this.#size;
  }

  get size(): number {
    return this.#size;
  }

  /** Reads the end of the file, learns the size, and keeps those bytes for reads that fall within. */
  async start(): Promise<void> {
    const size = this.#size;
    const range = size ? `bytes=${Math.max(0, size - TAIL)}-${size - 1}` : `bytes=-${TAIL}`;
    const request = this.#request(range, this.#options.signal, size ? Math.min(TAIL, size) : undefined);
    const bytes = await request;
    if (!this.#whole) this.#hold(this.#size - bytes.length, bytes.length, request);
  }

  /** Starts to read a range that will be wanted soon; what has been asked for before is left out. */
  prefetch(from: number, length: number): void {
    const end = Math.min(from + length, this.#size || from + length);
    let offset = from;
    for (let held = this.#findHeld(offset); held; held = this.#findHeld(offset)) offset = held.end;
    if (offset >= end) return;
    const bytes = this.#request(`bytes=${offset}-${end - 1}`, this.#options.signal, end - offset);
    bytes.catch(() => undefined);
    this.#hold(offset, end - offset, bytes);
  }

  #findHeld(offset: number): Held | undefined {
    return this.#held.find((range) => range.offset <= offset && offset < range.end);
  }

  #hold(offset: number, length: number, bytes: Promise<Bytes>): void {
    this.#held.push({ offset, end: offset + length, bytes });
  }

  async read(offset: number, length: number, options: ReadOptions = {}): Promise<Bytes> {
    const end = Math.min(offset + length, this.#size || offset + length);
    if (end <= offset) return new Uint8Array(0);
    if (this.#whole) return (await this.#whole).slice(offset, end);
    const held = this.#findHeld(offset);
    if (held && (end <= held.end || this.#findHeld(held.end))) {
      const bytes = await held.bytes.catch(() => undefined);
      if (bytes && end <= held.end) return bytes.slice(offset - held.offset, end - held.offset);
      if (bytes)
        return concat([
          bytes.subarray(offset - held.offset),
          await this.read(held.end, end - held.end, options),
        ]);
      this.#held = this.#held.filter((range) => range !== held);
    }
    return await new Promise((resolve, reject) => {
      const { priority = 0, signal } = options;
      this.#queue.push({ offset, end, priority, signal, resolve, reject });
      this.#plan();
    });
  }

  /** Requests of one turn of the event loop are seen together, so that neighbours share one. */
  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    this.#queue = this.#queue.filter((item) => {
      if (!item.signal?.aborted) return true;
      item.reject(new SourceError("aborted", "no longer wanted"));
      return false;
    });
    while (this.#queue.length > 0 && this.#active < CONNECTIONS) {
      const group = takeGroup(this.#queue);
      // the line belongs to what the reader waits for
      if (!isUrgent(group) && this.#urgent > 0 && this.#active >= this.#urgent + BESIDE) return;
      this.#queue = this.#queue.filter((item) => !group.includes(item));
      void this.#serve(group);
    }
  }

  async #serve(group: readonly Waiting[]): Promise<void> {
    const urgent = isUrgent(group) ? 1 : 0;
    this.#active++;
    this.#urgent += urgent;
    const offset = Math.min(...group.map((item) => item.offset));
    const end = Math.max(...group.map((item) => item.end));
    const { signal, release } = allAborted(group, this.#options.signal);
    try {
      const bytes = await this.#request(`bytes=${offset}-${end - 1}`, signal, end - offset);
      const base = this.#whole ? 0 : offset;
      for (const item of group) {
        const [from, to] = [item.offset - base, item.end - base];
        item.resolve(this.#whole ? bytes.slice(from, to) : cut(bytes, from, to));
      }
    } catch (error) {
      for (const item of group) item.reject(error);
    } finally {
      release();
      this.#active--;
      this.#urgent -= urgent;
      this.#dispatch();
    }
  }

  /** One range with retries; the whole file when the server ignores ranges. */
  async #request(range: string, signal: AbortSignal | undefined, length: number | undefined): Promise<Bytes> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(range, signal, length);
      } catch (error) {
        if (signal?.aborted) throw new SourceError("aborted", "no longer wanted");
        const wait = RETRIES[attempt];
        const final = error instanceof SourceError && error.code !== "unreachable";
        if (final || wait === undefined) throw toSourceError(error);
        await this.#delay(wait);
      }
    }
  }

  async #once(range: string, signal: AbortSignal | undefined, length: number | undefined): Promise<Bytes> {
    const headers: Record<string, string> = { Range: range };
    if (this.#options.token) headers["Authorization"] = `Bearer ${this.#options.token}`;
    // the browser's cache locks an address while it is read: requests would wait for each other
    const response = await this.#fetch(this.#url, { headers, cache: "no-store", signal: signal ?? null });
    if (response.status === 206) return await this.#partial(response, length);
    if (response.status === 200) return await this.#all(response);
    void response.body?.cancel();
    throw statusError(response.status);
  }

  async #partial(response: Response, length: number | undefined): Promise<Bytes> {
    const total = Number(/\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1] ?? 0);
    if (total > 0) {
      if (this.#size > 0 && total !== this.#size)
        throw new SourceError("truncated", "the file on the server has another size");
      this.#size = total;
      this.progress.total = total;
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.progress.loaded += bytes.length;
    if (length !== undefined && bytes.length !== length)
      throw new SourceError("unreachable", "the answer is too short");
    return bytes;
  }

  async #all(response: Response): Promise<Bytes> {
    this.#whole ??= response.arrayBuffer().then((buffer) => {
      this.#size = buffer.byteLength;
      this.progress.loaded = this.progress.total = this.#size;
      return new Uint8Array(buffer);
    });
    try {
      return await this.#whole;
    } catch (error) {
      this.#whole = undefined;
      throw error;
    }
  }
}

/** The caller's own bytes: a copy unless they are all. */
const cut = (bytes: Bytes, from: number, to: number): Bytes =>
  from === 0 && to === bytes.length ? bytes : bytes.slice(from, to);

const isUrgent = (group: readonly Waiting[]): boolean => group[0]!.priority <= 0;

/** The most urgent read, with those as urgent that lie beside it: it waits for nothing else. */
function takeGroup(queue: readonly Waiting[]): Waiting[] {
  let first = queue[0]!;
  for (const item of queue) if (item.priority < first.priority) first = item;
  const group = [first];
  let { offset, end } = first;
  for (const item of [...queue].sort((a, b) => a.offset - b.offset)) {
    if (item === first || item.priority > 0 !== first.priority > 0) continue;
    const low = Math.min(offset, item.offset);
    const high = Math.max(end, item.end);
    const apart = item.offset > end + GAP || item.end + GAP < offset;
    if (apart || high - low > COALESCE) continue;
    group.push(item);
    offset = low;
    end = high;
  }
  return group;
}

/** A signal that fires when every member of the group has lost interest, or the source ends. */
function allAborted(group: readonly Waiting[], outer: AbortSignal | undefined) {
  const controller = new AbortController();
  const check = () => {
    if (outer?.aborted || group.every(({ signal }) => signal?.aborted)) controller.abort();
  };
  const signals = [outer, ...group.map(({ signal }) => signal)].filter((signal) => signal !== undefined);
  for (const signal of signals) signal.addEventListener("abort", check);
  check();
  const release = () => {
    for (const signal of signals) signal.removeEventListener("abort", check);
  };
  return { signal: controller.signal, release };
}

function statusError(status: number): SourceError {
  if (status === 416) return new SourceError("truncated", "the file on the server is shorter than it says");
  if (status === 408 || status === 429 || status >= 500)
    return new SourceError("unreachable", "the server does not answer");
  return new SourceError("forbidden", "the server no longer gives this file");
}

const toSourceError = (error: unknown): SourceError =>
  error instanceof SourceError ? error : new SourceError("unreachable", "the server cannot be reached");
