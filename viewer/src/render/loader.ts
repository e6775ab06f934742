/** Fetches decoded frames: what is on the screen first, then ahead in the direction of travel. */
import { ByteCache } from "./cache.ts";
import type { Pixels } from "./types.ts";

/** Decodes one frame; a lower priority is served sooner. */
export type Decode<K> = (item: K, priority: number) => Promise<Pixels>;

export interface LoaderOptions<K> {
  readonly decode: Decode<K>;
  readonly keyOf: (item: K) => string;
  readonly cacheBytes: number;
  readonly parallel: number;
}

/** Lower is served first, as the package counts. */
export const PRIORITY = { shown: 0, ahead: 10, thumbnail: 40 } as const;

/** One cache and one set of running requests for all viewports. */
export class FrameLoader<K> {
  private readonly cache: ByteCache<Pixels>;
  private readonly running = new Map<string, Promise<Pixels>>();
  private readonly failed = new Map<string, unknown>();
  private plan: K[] = [];
  private ahead = 0;
  private changed: (() => void) | null = null;

  constructor(private readonly options: LoaderOptions<K>) {
    this.cache = new ByteCache(options.cacheBytes);
  }

  /** Called whenever another frame has arrived, for progress marks. */
  onChange(listener: () => void): void {
    this.changed = listener;
  }

  peek(item: K): Pixels | undefined {
    return this.cache.get(this.options.keyOf(item));
  }

  has(item: K): boolean {
    return this.cache.has(this.options.keyOf(item));
  }

  errorOf(item: K): unknown {
    return this.failed.get(this.options.keyOf(item));
  }

  load(item: K, priority: number): Promise<Pixels> {
    const key = this.options.keyOf(item);
    const known = this.cache.get(key);
    if (known !== undefined) return Promise.resolve(known);
    if (this.failed.has(key)) return Promise.reject(this.failed.get(key));
    const under = this.running.get(key);
    if (under !== undefined) return under;
    const promise = this.options.decode(item, priority).then(
      (pixels) => {
        this.running.delete(key);
        this.cache.set(key, pixels, pixels.data.byteLength);
        this.changed?.();
        return pixels;
      },
      (reason: unknown) => {
        this.running.delete(key);
        this.failed.set(key, reason);
        throw reason;
      },
    );
    this.running.set(key, promise);
    return promise;
  }

  /** Forget failures, so that a lost connection can be tried again. */
  retry(): void {
    this.failed.clear();
  }

  /** Replace the list of frames wanted next; those not begun yet are dropped. */
  prefetch(items: readonly K[]): void {
    this.plan = items.filter((item) => !this.has(item));
    this.pump();
  }

  private pump(): void {
    while (this.ahead < this.options.parallel) {
      const item = this.plan.shift();
      if (item === undefined) return;
      if (this.has(item) || this.running.has(this.options.keyOf(item))) continue;
      this.ahead += 1;
      const done = (): void => {
        this.ahead -= 1;
        this.pump();
      };
      // A failure is kept by load() and shown when the reader gets there.
      this.load(item, PRIORITY.ahead).then(done, done);
    }
  }
}

/** Indices to fetch after `index`: `count` ahead in the direction of travel, two behind. */
export function wanted(index: number, direction: 1 | -1, length: number, count: number): number[] {
  const order: number[] = [];
  for (let step = 1; step <= count; step++) order.push(index + direction * step);
  order.push(index - direction, index - 2 * direction);
  return order.filter((i) => i >= 0 && i < length);
}
