import { expect, test } from "vitest";
import type { FrameSpec } from "../src/decode/spec.ts";
import type { FromWorker, Job, ToWorker } from "../src/package/jobs.ts";
import { WorkerPool } from "../src/package/pool.ts";
import { SourceError } from "../src/source/source.ts";

/** A worker that needs a codec for every job, and gives what the codec is. */
class Needy {
  ended = false;
  onmessage: ((event: { data: FromWorker }) => void) | null = null;
  #id = 0;

  postMessage(message: ToWorker): void {
    if ("job" in message) this.#id = message.id;
    if ("job" in message) queueMicrotask(() => this.onmessage?.({ data: { need: "openjpeg" } }));
    else if ("codec" in message) this.onmessage?.({ data: { id: this.#id, result: message.text } });
  }

  terminate(): void {
    this.ended = true;
  }
}

const JOB: Job = {
  type: "frame",
  content: { kind: "plain", input: new Uint8Array(0) },
  spec: {} as FrameSpec,
  frame: 0,
  alone: false,
};

test("a codec that cannot be had ends its job, and the next one asks for it anew", async () => {
  const made: Needy[] = [];
  const create = (): Worker => {
    made.push(new Needy());
    return made.at(-1) as unknown as Worker;
  };
  let reachable = false;
  const codec = async (): Promise<string> => {
    if (!reachable) throw new SourceError("unreachable", "the server cannot be reached");
    return "the codec";
  };
  const pool = new WorkerPool({ first: create(), create, codec, size: 2 });
  await expect(pool.run(JOB)).rejects.toMatchObject({ code: "unreachable" });
  expect(made.filter(({ ended }) => ended)).toHaveLength(1);
  reachable = true;
  await expect(Promise.all([pool.run(JOB), pool.run(JOB)])).resolves.toEqual(["the codec", "the codec"]);
});
