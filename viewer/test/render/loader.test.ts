import { describe, expect, it } from "vitest";
import { ByteCache } from "../../src/render/cache.ts";
import { FrameLoader, wanted } from "../../src/render/loader.ts";
import type { Pixels } from "../../src/render/types.ts";

function frame(bytes: number): Pixels {
  return { rows: 1, columns: bytes, samples: 1, data: new Uint8Array(bytes), min: 0, max: 0, color: "mono" };
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const options = { keyOf: String, cacheBytes: 100 };

describe("cache by bytes", () => {
  it("drops what was used longest ago", () => {
    const cache = new ByteCache<string>(10);
    cache.set("a", "A", 4);
    cache.set("b", "B", 4);
    cache.get("a");
    cache.set("c", "C", 4);
    expect([cache.has("a"), cache.has("b"), cache.has("c"), cache.size]).toEqual([true, false, true, 8]);
  });

  it("counts a replaced entry once and keeps one that is too large alone", () => {
    const cache = new ByteCache<string>(10);
    cache.set("a", "A", 4);
    cache.set("a", "A", 6);
    expect(cache.size).toBe(6);
    cache.set("big", "B", 100);
    expect([cache.has("a"), cache.get("big")]).toEqual([false, "B"]);
    cache.clear();
    expect(cache.size).toBe(0);
  });
});

describe("frame loader", () => {
  it("asks once for a frame wanted twice, and then from the cache", async () => {
    let calls = 0;
    const decode = async (): Promise<Pixels> => {
      calls += 1;
      return frame(1);
    };
    const loader = new FrameLoader<number>({ ...options, decode, parallel: 2 });
    await Promise.all([loader.load(1, 0), loader.load(1, 0)]);
    await loader.load(1, 0);
    expect(calls).toBe(1);
    expect(loader.peek(1)).toBeDefined();
  });

  it("prefetches in order, few at a time, and forgets an outdated plan", async () => {
    const begun: number[] = [];
    const finish = new Map<number, () => void>();
    const decode = (item: number): Promise<Pixels> => {
      begun.push(item);
      return new Promise((resolve) => finish.set(item, () => resolve(frame(1))));
    };
    const loader = new FrameLoader<number>({ ...options, decode, parallel: 2 });
    loader.prefetch([1, 2, 3, 4]);
    expect(begun).toEqual([1, 2]);
    loader.prefetch([8, 9]);
    finish.get(1)?.();
    await settle();
    expect(begun).toEqual([1, 2, 8]);
  });

  it("remembers a failure until told to try again", async () => {
    let fail = true;
    const decode = (): Promise<Pixels> =>
      fail ? Promise.reject(new Error("damaged")) : Promise.resolve(frame(1));
    const loader = new FrameLoader<number>({ ...options, decode, parallel: 1 });
    await expect(loader.load(1, 0)).rejects.toThrow("damaged");
    fail = false;
    await expect(loader.load(1, 0)).rejects.toThrow("damaged");
    expect(loader.errorOf(1)).toBeInstanceOf(Error);
    loader.retry();
    await expect(loader.load(1, 0)).resolves.toBeDefined();
  });

  it("wants frames ahead in the direction of travel", () => {
    expect(wanted(5, 1, 100, 3)).toEqual([6, 7, 8, 4, 3]);
    expect(wanted(5, -1, 100, 3)).toEqual([4, 3, 2, 6, 7]);
    expect(wanted(0, 1, 2, 8)).toEqual([1]);
  });
});
