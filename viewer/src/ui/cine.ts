/** Plays a stack at a steady rate; waits for an image rather than leaving it out. */

export interface CineTarget {
  /** Whether the current image is on the screen. */
  ready(): boolean;
  advance(): void;
  changed(): void;
}

/** Images per second. */
export const RATES = { least: 1, usual: 12, most: 60 } as const;

export const withinRates = (rate: number): number =>
  Math.min(RATES.most, Math.max(RATES.least, Math.round(rate)));

export class Cine {
  private frame = 0;
  private due = 0;
  private fps: number = RATES.usual;

  constructor(private readonly target: CineTarget) {}

  get playing(): boolean {
    return this.frame !== 0;
  }

  get rate(): number {
    return this.fps;
  }

  set rate(value: number) {
    this.fps = withinRates(value);
    this.target.changed();
  }

  toggle(): void {
    if (this.playing) this.stop();
    else this.start();
  }

  start(): void {
    this.due = performance.now();
    const tick = (now: number): void => {
      this.frame = requestAnimationFrame(tick);
      if (now < this.due || !this.target.ready()) return;
      const period = 1000 / this.fps;
      // After a wait the clock starts anew: images are not made up for.
      this.due = now - this.due > period ? now + period : this.due + period;
      this.target.advance();
    };
    this.frame = requestAnimationFrame(tick);
    this.target.changed();
  }

  stop(): void {
    if (!this.playing) return;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.target.changed();
  }
}
