import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RangeSource } from "../src/source/range.ts";

const CONTENT = new Uint8Array(2_000_000).map((_, i) => i * 7);

/** A real server with a few bad habits. */
class RangeServer {
  readonly requests: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  /** Answers for the next requests, before it behaves. */
  failures: (number | "cut")[] = [];
  ranges = true;
  #server: Server | undefined;

  async start(): Promise<string> {
    this.#server = createServer((request, response) => {
      const range = request.headers.range ?? "";
      this.requests.push(range);
      this.authorizations.add(request.headers.authorization);
      const failure = this.failures.shift();
      if (failure === "cut") response.destroy();
      else if (failure !== undefined) response.writeHead(failure).end();
      else if (!this.ranges) response.writeHead(200).end(CONTENT);
      else this.#answer(range, response);
    });
    await new Promise<void>((resolve) => this.#server!.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server!.address() as AddressInfo).port}/package`;
  }

  #answer(range: string, response: import("node:http").ServerResponse): void {
    const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(range)!;
    const start = from ? Number(from) : CONTENT.length - Number(to);
    const end = from ? Number(to) + 1 : CONTENT.length;
    if (start >= CONTENT.length) {
      response.writeHead(416).end();
      return;
    }
    const headers = { "Content-Range": `bytes ${start}-${end - 1}/${CONTENT.length}` };
    response.writeHead(206, headers).end(CONTENT.subarray(start, end));
  }

  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}

describe("ranges", () => {
  let server: RangeServer;
  let url: string;
  const waits: number[] = [];
  const delay = async (ms: number) => {
    waits.push(ms);
  };

  beforeEach(async () => {
    server = new RangeServer();
    waits.length = 0;
    url = await server.start();
  });
  afterEach(() => server.stop());

  test("the tail tells the size and is kept", async () => {
    const source = new RangeSource(url, { token: "secret" });
    await source.start();
    expect(source.size).toBe(CONTENT.length);
    expect(await source.read(CONTENT.length - 10, 10)).toEqual(CONTENT.slice(-10));
    expect(server.requests).toEqual(["bytes=-262144"]);
    expect([...server.authorizations]).toEqual(["Bearer secret"]);
  });

  test("neighbours share a request, far ranges do not", async () => {
    const source = new RangeSource(url, { size: CONTENT.length });
    const reads = [source.read(0, 100), source.read(200, 100), source.read(1_500_000, 50)];
    const [first, second, third] = await Promise.all(reads);
    expect(first).toEqual(CONTENT.slice(0, 100));
    expect(second).toEqual(CONTENT.slice(200, 300));
    expect(third).toEqual(CONTENT.slice(1_500_000, 1_500_050));
    expect(server.requests.sort()).toEqual(["bytes=0-299", "bytes=1500000-1500049"]);
  });

  test("what is wanted now waits for nothing that is wanted later", async () => {
    const source = new RangeSource(url, { size: CONTENT.length });
    const later = [0, 1, 2, 3].map((i) => source.read(100 + 100_000 * i, 50_000, { priority: 10 }));
    const now = source.read(0, 100, { priority: 0 });
    expect(await now).toEqual(CONTENT.slice(0, 100));
    await Promise.all(later);
    expect(server.requests[0]).toBe("bytes=0-99");
  });

  test("what was read ahead is not asked for again, in part or in pieces", async () => {
    const source = new RangeSource(url, { size: CONTENT.length });
    source.prefetch(1000, 500);
    source.prefetch(1200, 800);
    source.prefetch(1100, 700);
    expect(await source.read(1100, 800)).toEqual(CONTENT.slice(1100, 1900));
    expect(await source.read(1300, 100)).toEqual(CONTENT.slice(1300, 1400));
    expect(server.requests.sort()).toEqual(["bytes=1000-1499", "bytes=1500-1999"]);
    // no request would be saved here
    expect(await source.read(1900, 200)).toEqual(CONTENT.slice(1900, 2100));
    expect(server.requests).toContain("bytes=1900-2099");
  });

  test("a shared request stays below a mebibyte", async () => {
    const source = new RangeSource(url, { size: CONTENT.length });
    await Promise.all([0, 1, 2].map((i) => source.read(i * 500_000, 500_000)));
    expect(server.requests.length).toBe(2);
  });

  test("errors of the server and cut lines are tried again", async () => {
    server.failures = [503, "cut"];
    const source = new RangeSource(url, { size: CONTENT.length, delay });
    expect(await source.read(5, 5)).toEqual(CONTENT.slice(5, 10));
    expect(waits).toEqual([300, 1000]);
  });

  test.each([
    [401, "forbidden"],
    [404, "forbidden"],
    [410, "forbidden"],
    [416, "truncated"],
  ])("status %i is final", async (status, code) => {
    server.failures = [status];
    const source = new RangeSource(url, { size: CONTENT.length, delay });
    await expect(source.read(0, 5)).rejects.toMatchObject({ code });
    expect(waits).toEqual([]);
  });

  test("gives up on a server that stays away", async () => {
    server.failures = [500, 500, 500, 500];
    const source = new RangeSource(url, { size: CONTENT.length, delay });
    await expect(source.read(0, 5)).rejects.toMatchObject({ code: "unreachable" });
  });

  test("another file than before is noticed", async () => {
    const source = new RangeSource(url, { size: 1_999_999, delay });
    await expect(source.read(0, 5)).rejects.toMatchObject({ code: "truncated" });
  });

  test("a server without ranges is read once as a whole", async () => {
    server.ranges = false;
    const source = new RangeSource(url);
    await source.start();
    expect(await source.read(7, 9)).toEqual(CONTENT.slice(7, 16));
    expect(Buffer.compare(await source.read(0, CONTENT.length), CONTENT)).toBe(0);
    expect(server.requests.length).toBe(1);
  });

  test("urgent reads go first, unwanted ones not at all", async () => {
    const source = new RangeSource(url, { size: CONTENT.length });
    const gone = new AbortController();
    gone.abort();
    const reads = [
      source.read(0, 10, { priority: 5 }),
      source.read(900_000, 10, { priority: -1 }),
      source.read(400_000, 10, { signal: gone.signal }),
    ];
    const results = await Promise.allSettled(reads);
    expect(results[2]).toMatchObject({ status: "rejected", reason: { code: "aborted" } });
    expect(server.requests).toEqual(["bytes=900000-900009", "bytes=0-9"]);
  });
});
