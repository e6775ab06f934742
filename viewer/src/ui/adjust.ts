/** How the image on the screen is turned, enlarged, moved and windowed. */
import { flipOnScreen, rotated } from "../render/geometry.ts";
import { FITTED, type Stage, type View } from "../render/stage.ts";
import type { Pixels, Voi } from "../render/types.ts";
import type { SetState } from "./set-state.ts";
import { draggedVoi } from "./voi.ts";

export interface Adjusted {
  /** Undefined while nothing is shown. */
  readonly state: SetState | undefined;
  /** The VOI on the screen. */
  readonly voi: Voi | null;
  readonly shownPixels: Pixels | null;
  /** Device pixels of one CSS pixel. */
  readonly ratio: number;
  /** The screen must follow. */
  changed(): void;
}

/** Distances are in CSS pixels, places counted from the middle of the viewport. */
export class Adjustments {
  constructor(
    private readonly stage: Stage,
    private readonly target: Adjusted,
  ) {}

  get fitted(): boolean {
    return this.target.state?.view.zoom === null;
  }

  get inverted(): boolean {
    return this.target.state?.inverted ?? false;
  }

  setVoi(voi: Voi | null): void {
    this.update((state) => {
      state.voi = voi;
    });
  }

  windowBy(dx: number, dy: number): void {
    const { voi, shownPixels } = this.target;
    if (voi !== null) this.setVoi(draggedVoi(voi, shownPixels, dx, dy));
  }

  invert(): void {
    this.update((state) => {
      state.inverted = !state.inverted;
    });
  }

  rotate(quarters: 1 | -1): void {
    this.view((view) => ({ ...view, turn: rotated(view.turn, quarters) }));
  }

  flip(axis: "x" | "y"): void {
    this.view((view) => ({ ...view, turn: flipOnScreen(view.turn, axis) }));
  }

  fit(): void {
    this.view((view) => ({ ...view, zoom: null, panX: 0, panY: 0 }));
  }

  actual(): void {
    this.view((view) => ({ ...view, zoom: 1, panX: 0, panY: 0 }));
  }

  zoomBy(factor: number, x = 0, y = 0): void {
    const { ratio } = this.target;
    this.view((view) => this.stage.zoomed(view, factor, x * ratio, y * ratio));
  }

  panBy(dx: number, dy: number): void {
    const { ratio } = this.target;
    this.view((view) => ({
      ...view,
      zoom: this.stage.zoomOf(view),
      panX: view.panX + dx * ratio,
      panY: view.panY + dy * ratio,
    }));
  }

  reset(): void {
    this.update((state) => {
      state.view = FITTED;
      state.voi = null;
      state.inverted = false;
    });
  }

  private view(change: (view: View) => View): void {
    this.update((state) => {
      state.view = change(state.view);
    });
  }

  private update(change: (state: SetState) => void): void {
    const { state } = this.target;
    if (state === undefined) return;
    change(state);
    this.target.changed();
  }
}
