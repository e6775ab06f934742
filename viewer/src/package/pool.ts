/** The page's workers: a queue by priority, one job per worker at a time. */
import type { FailureKind, FromWorker, Job, JobResult, ToWorker } from "./jobs.ts";
import { DecodeError, PackageError } from "./types.ts";
import { packageMessage } from "./words.ts";

interface Task {
  readonly job: Job;
  readonly priority: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Member {
  readonly worker: Worker;
  task: Task | undefined;
}

export interface PoolOptions {
  /** One that has been started before. */
  readonly first: Worker;
  /** Starts another; by its name it knows what to make ready for. */
  readonly create: (name: "entries" | "") => Worker;
  /** A codec's script. */
  readonly codec: (name: string) => Promise<string>;
  readonly size?: number;
}

const MOST = 4;

/** What runs jobs; tests run them without workers. */
export interface JobRunner {
  setPassword(password: string): void;
  run<J extends Job>(job: J, priority?: number, signal?: AbortSignal): Promise<JobResult<J>>;
}

export class WorkerPool implements JobRunner {
  readonly #options: PoolOptions;
  readonly #size: number;
  readonly #members: Member[] = [];
  #queue: Task[] = [];
  #password: string | undefined;
  #next = 1;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#size = options.size ?? Math.max(2, Math.min(MOST, navigator.hardwareConcurrency || 2));
    this.#add(options.first);
  }

  setPassword(password: string): void {
    this.#password = password;
    for (const { worker } of this.#members) this.#send(worker, { password });
  }

  /** Rejects with PackageError or DecodeError; bytes in the job are handed over. */
  run<J extends Job>(job: J, priority = 0, signal?: AbortSignal): Promise<JobResult<J>> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, priority, signal, resolve: resolve as (result: never) => void, reject });
      this.#dispatch();
    });
  }

  #send(worker: Worker, message: ToWorker, transfer: Transferable[] = []): void {
    worker.postMessage(message, transfer);
  }

  #add(worker: Worker): Member {
    const member: Member = { worker, task: undefined };
    member.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(member, data);
    member.worker.onerror = (event) => {
      event.preventDefault();
      this.#replace(member, new DecodeError("aborted", "The image could not be decoded."));
    };
    if (this.#password !== undefined) this.#send(member.worker, { password: this.#password });
    this.#members.push(member);
    return member;
  }

  /** A worker that cannot go on takes its job with it, not the package. */
  #replace(member: Member, error: unknown): void {
    const at = this.#members.indexOf(member);
    if (at < 0) return; // it was closed meanwhile
    member.worker.terminate();
    this.#members.splice(at, 1);
    member.task?.reject(error);
    this.#dispatch();
  }

  #receive(member: Member, message: FromWorker): void {
    if ("need" in message) {
      const name = message.need;
      this.#options.codec(name).then(
        (text) => this.#send(member.worker, { codec: name, text }),
        // a new worker asks for it anew
        (error: unknown) => this.#replace(member, error),
      );
      return;
    }
    const { task } = member;
    member.task = undefined;
    if ("failure" in message) task?.reject(toError(message.failure, message.message));
    else task?.resolve(message.result as never);
    this.#dispatch();
  }

  #dispatch(): void {
    this.#queue = this.#queue.filter((task) => {
      if (!task.signal?.aborted) return true;
      task.reject(new PackageError("aborted", packageMessage("aborted")));
      return false;
    });
    while (this.#queue.length > 0) {
      // the youngest first: what is ready for entries is not the one that was for the code
      let member = [...this.#members].reverse().find(({ task }) => task === undefined);
      if (!member && this.#members.length < this.#size) member = this.#add(this.#options.create(""));
      if (!member) return;
      const task = this.#queue.reduce((best, other) => (other.priority < best.priority ? other : best));
      this.#queue.splice(this.#queue.indexOf(task), 1);
      member.task = task;
      this.#send(member.worker, { id: this.#next++, job: task.job }, buffersOf(task.job));
      // while the first works on the access code, one starts for what the code opens
      if (this.#members.length === 1) this.#add(this.#options.create("entries"));
    }
  }

  close(): void {
    for (const { worker, task } of this.#members.splice(0)) {
      worker.terminate();
      task?.reject(new PackageError("aborted", packageMessage("aborted")));
    }
    for (const task of this.#queue.splice(0))
      task.reject(new PackageError("aborted", packageMessage("aborted")));
  }
}

function buffersOf(job: Job): ArrayBuffer[] {
  if (job.type === "argon2") return [];
  const { content } = job;
  return content.input instanceof Uint8Array ? [content.input.buffer] : [];
}

export function toError(failure: FailureKind, message: string): Error {
  if ("decode" in failure)
    return new DecodeError(failure.decode, message || "The image could not be decoded.");
  return new PackageError(failure.package, packageMessage(failure.package));
}
