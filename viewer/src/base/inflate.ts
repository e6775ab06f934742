import { type Bytes, fromBase64 } from "./bytes.ts";

/** The compressed stream is broken, or holds more than it may. */
export class InflateError extends Error {}

/**
 * Raw deflate (RFC 1951) undone by the browser.
 *
 * @param limit most bytes that may come out; more is an error, so that a small stream cannot fill the memory
 * @param exact the size is known to be `limit`: fewer bytes are an error too
 */
export async function inflate(packed: Bytes, limit: number, exact = false): Promise<Bytes> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.getReader();
  let out = new Uint8Array(exact ? limit : Math.min(limit, packed.length * 4 + 1024));
  let n = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      if (n + value.length > limit) throw new InflateError("holds more bytes than it says");
      if (n + value.length > out.length) out = grow(out, Math.min(limit, 2 * (n + value.length)));
      out.set(value, n);
      n += value.length;
    }
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    if (error instanceof InflateError) throw error;
    throw new InflateError("the compressed bytes are damaged");
  }
  if (exact && n !== limit) throw new InflateError("holds fewer bytes than it says");
  return n === out.length ? out : out.slice(0, n);
}

/** As `inflate`, of a stream that a zero byte may follow, to make its length even (PS3.5 annexes A.4.12, A.5). */
export async function inflatePadded(packed: Bytes, limit: number): Promise<Bytes> {
  try {
    return await inflate(packed, limit);
  } catch (error) {
    if (packed.at(-1) !== 0) throw error;
    return await inflate(packed.slice(0, -1), limit);
  }
}

function grow(bytes: Bytes, size: number): Bytes {
  const out = new Uint8Array(size);
  out.set(bytes);
  return out;
}

const MAX_WASM = 8 << 20;

/** WebAssembly as the build packs it: base64 of raw deflate. */
export const inflateBase64 = (text: string): Promise<Bytes> => inflate(fromBase64(text), MAX_WASM);
