/** Where the bytes of a package come from. */

import type { Bytes } from "../base/bytes.ts";

export type { Bytes };

export interface ReadOptions {
  /** Lower numbers are served first. */
  readonly priority?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Source {
  /** Of the whole file; 0 until it is known. */
  readonly size: number;
  readonly progress: { readonly loaded: number; readonly total: number };
  /**
   * Bytes from `offset`, fewer only where the file (or what the page has parsed of it) ends. A Blob is for
   * a worker to read; bytes are the caller's own.
   */
  read(offset: number, length: number, options?: ReadOptions): Promise<Blob | Bytes>;
}

export type SourceErrorCode = "unreachable" | "forbidden" | "truncated" | "aborted";

export class SourceError extends Error {
  constructor(
    readonly code: SourceErrorCode,
    message: string,
  ) {
    super(message);
  }
}

export async function toBytes(data: Blob | Bytes): Promise<Bytes> {
  if (data instanceof Uint8Array) return data;
  try {
    return new Uint8Array(await data.arrayBuffer());
  } catch {
    throw new SourceError("unreachable", "the file can no longer be read");
  }
}
