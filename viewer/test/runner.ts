/** Jobs without workers. */
import type { Job, JobResult } from "../src/package/jobs.ts";
import { type JobRunner, toError } from "../src/package/pool.ts";
import { Bench, explain } from "../src/package/work.ts";

export class DirectRunner implements JobRunner {
  readonly #bench = new Bench(() => Promise.reject(new Error("no codecs here")));

  setPassword(password: string): void {
    this.#bench.setPassword(password);
  }

  async run<J extends Job>(job: J): Promise<JobResult<J>> {
    try {
      return (await this.#bench.run(job))[0] as JobResult<J>;
    } catch (error) {
      const { failure, message } = explain(error);
      throw toError(failure, message);
    }
  }
}
