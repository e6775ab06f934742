import { type Bytes, concat, fromBase64 } from "./bytes.ts";

/** The compressed stream is broken, or holds more than it may. */
export class InflateError extends Error {}

/**
 * Raw deflate (RFC 1951) undone by the browser.
 *
 * @param limit most bytes that may come out; more is an error, so that a small stream cannot fill the memory
 * @param exact the size is known to be `limit`: fewer bytes are an error too
 */
export async function inflate(packed: Bytes, limit: number, exact = false): Promise<Bytes> {
  const stream = new DecompressionStream("deflate-raw");
  const reader = stream.readable.getReader();
  const writer = stream.writable.getWriter();
  // failures are those of the reader
  writer.write(packed).catch(() => undefined);
  writer.close().catch(() => undefined);
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

/** Trailers that writers put behind a deflated data set: a zero to make it even, the end of a gzip file. */
const TRAILER = 16;

/**
 * As `inflate`, of a stream that may have a trailer (PS3.5 annexes A.4.12, A.5). Browsers refuse bytes behind
 * the end, so the last ones go in one by one, and the first that is refused ends the stream.
 */
export async function inflatePadded(packed: Bytes, limit: number): Promise<Bytes> {
  try {
    return await inflate(packed, limit);
  } catch (error) {
    if (packed.length <= TRAILER) throw error;
  }
  const stream = new DecompressionStream("deflate-raw");
  const writer = stream.writable.getWriter();
  const body = packed.length - TRAILER;
  let fed = 0;
  const feed = async (): Promise<void> => {
    await writer.write(packed.subarray(0, body));
    for (fed = body; fed < packed.length; fed++) await writer.write(packed.subarray(fed, fed + 1));
    await writer.close();
  };
  feed().catch(() => undefined);
  const chunks: Uint8Array[] = [];
  let n = 0;
  const reader = stream.readable.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      chunks.push(next.value);
      n += next.value.length;
      if (n > limit) break;
    }
  } catch {
    // the first byte of the trailer
  }
  if (n > limit || fed < body) throw new InflateError("the compressed bytes are damaged");
  return concat(chunks);
}

function grow(bytes: Bytes, size: number): Bytes {
  const out = new Uint8Array(size);
  out.set(bytes);
  return out;
}

const MAX_WASM = 8 << 20;

/** WebAssembly as the build packs it: base64 of raw deflate. */
export const inflateBase64 = (text: string): Promise<Bytes> => inflate(fromBase64(text), MAX_WASM);
