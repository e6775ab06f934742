/** A file that was chosen, dropped, or fetched by the page itself: read lazily, any size. */
import type { Source } from "./source.ts";

export class FileSource implements Source {
  readonly #file: Blob;
  readonly progress: { loaded: number; total: number };

  constructor(file: Blob) {
    this.#file = file;
    this.progress = { loaded: file.size, total: file.size };
  }

  get size(): number {
    return this.#file.size;
  }

  async read(offset: number, length: number): Promise<Blob> {
    return this.#file.slice(offset, offset + length);
  }
}

/** Firefox lets a page at file:// fetch itself; others refuse. */
export async function fetchSelf(): Promise<FileSource | undefined> {
  try {
    const response = await fetch(location.href.replace(/#.*/, ""));
    return new FileSource(await response.blob());
  } catch {
    return undefined;
  }
}
