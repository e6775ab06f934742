/** Workers out of the text that the page carries: classic ones from blobs, the only kind that file:// allows. */
import { WorkerPool } from "../package/pool.ts";

/** Resolves when all that belongs to the page itself has been parsed. */
export const pageEnd: Promise<void> = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", () => resolve(), { once: true });
  (globalThis as { emixPageEnd?: () => void }).emixPageEnd = resolve;
});

const texts = new Map<string, string>();

/** A script that the page carries as text. */
function scriptText(id: string): string {
  let text = texts.get(id);
  if (text === undefined) {
    const element = document.getElementById(id);
    text = element?.textContent ?? "";
    texts.set(id, text);
    element?.remove();
  }
  return text;
}

export function createPool(): WorkerPool {
  let url: string | undefined;
  return new WorkerPool({
    create: () => {
      url ??= URL.createObjectURL(new Blob([scriptText("emix-worker")], { type: "text/javascript" }));
      return new Worker(url);
    },
    codec: async (name) => {
      await pageEnd;
      return scriptText(`emix-codec-${name}`);
    },
  });
}
