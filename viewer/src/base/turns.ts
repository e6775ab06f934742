/** Long work in pieces, so that the page draws and answers keys in between. */

/** Milliseconds of work after which the page gets its turn: half of a frame. */
const WORK_MS = 8;

/** Resolves in a later turn of the event loop, without the delay that timers have. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

export class Turns {
  #begun = performance.now();

  /** Call between two pieces: the promise to wait for when those since the last turn took long. */
  rest(): Promise<void> | undefined {
    if (performance.now() - this.#begun < WORK_MS) return undefined;
    return nextTurn().then(() => {
      this.#begun = performance.now();
    });
  }
}
