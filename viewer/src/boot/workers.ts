/** Workers out of the text that the page carries: classic ones from blobs, the only kind that file:// allows. */
import { WorkerPool } from "../package/pool.ts";

/** Resolves when all that belongs to the page itself has been parsed. */
export const pageEnd: Promise<void> = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", () => resolve(), { once: true });
  (globalThis as { emixPageEnd?: () => void }).emixPageEnd = resolve;
});

/** A codec that has been parsed with the page. */
async function pageCodec(name: string): Promise<string> {
  await pageEnd;
  return document.getElementById(`emix-codec-${name}`)?.textContent ?? "";
}

interface Started {
  readonly url: string;
  readonly worker: Worker;
}

/** What the page's first script has started (build.mjs). */
const started = (globalThis as { emixStarted?: Started }).emixStarted;

/** `codec` gives the script of one, wherever the page has it. */
export function createPool(codec: (name: string) => Promise<string> = pageCodec): WorkerPool {
  if (!started) throw new Error("the page is not complete");
  const { url, worker } = started;
  return new WorkerPool({ first: worker, create: (name) => new Worker(url, { name }), codec });
}
