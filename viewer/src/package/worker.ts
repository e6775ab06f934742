/** A worker of the page: a workbench, and codecs that are loaded on first use. */

import { warmArgon2 } from "../crypto/argon2.ts";
import type { Codec, CodecName, CodecTable } from "../decode/codecs/emscripten.ts";
import { FrameError } from "../decode/spec.ts";
import type { FromWorker, ToWorker } from "./jobs.ts";
import { Bench, explain } from "./work.ts";

interface WorkerScope {
  /** What the page's first script wants made ready: `code`, `entries`, or nothing. */
  readonly name: string;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  importScripts(url: string): void;
  readonly emixCodecs?: CodecTable;
}

const scope = globalThis as unknown as WorkerScope;

const codecs = new Map<CodecName, Promise<Codec>>();
const scripts = new Map<string, (text: string) => void>();

function getCodec(name: CodecName): Promise<Codec> {
  let codec = codecs.get(name);
  if (!codec) {
    codec = loadCodec(name);
    codecs.set(name, codec);
  }
  return codec;
}

async function loadCodec(name: CodecName): Promise<Codec> {
  const text = await new Promise<string>((resolve) => {
    scripts.set(name, resolve);
    scope.postMessage({ need: name });
  });
  // at file:// a worker cannot load the page's blobs, only its own
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  scope.importScripts(url);
  URL.revokeObjectURL(url);
  const load = scope.emixCodecs?.[name];
  if (!load) throw new FrameError("unsupported", "This kind of compression is not supported.");
  return await load();
}

const bench = new Bench(getCodec);
/** A worker that has work does not make ready for it any more. */
let busy = false;
const IDLE_MS = 150;

const warmEntries = (): void => {
  if (!busy) void bench.warm();
};

scope.onmessage = ({ data: message }) => {
  if ("password" in message) {
    bench.setPassword(message.password);
  } else if ("codec" in message) {
    scripts.get(message.codec)?.(message.text);
  } else {
    busy = true;
    const { id, job } = message;
    bench.run(job).then(
      ([result, transfer]) => scope.postMessage({ id, result }, transfer),
      (error: unknown) => scope.postMessage({ id, ...explain(error) }),
    );
  }
};

// for an access code at once, for what it opens when that does not delay a code that is there already
if (scope.name === "code") void warmArgon2().finally(() => setTimeout(warmEntries, IDLE_MS));
else if (scope.name === "entries") warmEntries();
