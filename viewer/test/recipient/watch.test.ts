import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ASK_EVERY_MS, isRefused, watchAccess } from "../../src/recipient/watch.ts";

const ACCESS = { url: "/v1/packages/p/content", token: "emc_token" };
const answering =
  (status: number): typeof fetch =>
  async () =>
    new Response(null, { status });

describe("an open viewer", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is ended by a refusal alone", async () => {
    for (const status of [401, 403, 404, 410]) expect(await isRefused(ACCESS, answering(status))).toBe(true);
    for (const status of [200, 206, 429, 500, 503])
      expect(await isRefused(ACCESS, answering(status))).toBe(false);
    expect(await isRefused(ACCESS, () => Promise.reject(new TypeError("offline")))).toBe(false);
  });

  it("asks with its token, and reads no byte", async () => {
    const ask = vi.fn<typeof fetch>(async () => new Response(null, { status: 200 }));
    await isRefused(ACCESS, ask);
    expect(ask).toHaveBeenCalledWith(
      ACCESS.url,
      expect.objectContaining({ method: "HEAD", headers: { Authorization: "Bearer emc_token" } }),
    );
  });

  it("ends once, within a minute of the revocation", async () => {
    let status = 200;
    const ended = vi.fn();
    watchAccess(ACCESS, ended, ASK_EVERY_MS, async () => new Response(null, { status }));
    await vi.advanceTimersByTimeAsync(10 * ASK_EVERY_MS);
    expect(ended).not.toHaveBeenCalled();
    status = 401;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ended).toHaveBeenCalledTimes(1);
  });
});
