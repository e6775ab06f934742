/** What a reader has set for one display set; kept when going to another and back. */
import { wideSteps } from "../render/stack.ts";
import { FITTED, type View } from "../render/stage.ts";
import type { Voi } from "../render/types.ts";
import { RATES, withinRates } from "./cine.ts";
import type { DisplaySet } from "./model.ts";

export interface SetState {
  index: number;
  view: View;
  /** The reader's own choice; null shows each image as its file says. */
  voi: Voi | null;
  /** Full window of the first image, for files that say nothing. */
  fallback: Voi | null;
  inverted: boolean;
  fps: number;
  wide: ReadonlySet<number>;
}

/** Loops start at their beginning, stacks in the middle where the anatomy is (IHE BIR allows both). */
export function firstIndex(set: DisplaySet): number {
  return (set.images[0]?.frames ?? 1) > 1 ? 0 : Math.floor((set.places.length - 1) / 2);
}

export function newState(set: DisplaySet): SetState {
  const frameMs = set.images[0]?.frame_time_ms;
  return {
    index: firstIndex(set),
    view: FITTED,
    voi: null,
    fallback: null,
    inverted: false,
    fps: frameMs ? withinRates(1000 / frameMs) : RATES.usual,
    wide: new Set(wideSteps(set.places)),
  };
}
