/** Workers out of the text that the page carries: classic ones from blobs, the only kind that file:// allows. */
import { WorkerPool } from "../package/pool.ts";

/** Resolves when all that belongs to the page itself has been parsed. */
export const pageEnd: Promise<void> = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", () => resolve(), { once: true });
  (globalThis as { emixPageEnd?: () => void }).emixPageEnd = resolve;
});

const addresses = new Map<string, string>();

function address(id: string): string {
  let url = addresses.get(id);
  if (url === undefined) {
    const element = document.getElementById(id);
    url = URL.createObjectURL(new Blob([element?.textContent ?? ""], { type: "text/javascript" }));
    addresses.set(id, url);
    element?.remove();
  }
  return url;
}

export function createPool(): WorkerPool {
  return new WorkerPool({
    create: () => new Worker(address("emix-worker")),
    codec: async (name) => {
      await pageEnd;
      return address(`emix-codec-${name}`);
    },
  });
}
