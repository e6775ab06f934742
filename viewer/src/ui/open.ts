/** From an opened package to its viewer: the first image is asked for before all else. */
import { nextTurn } from "../base/turns.ts";
import { decodeFrame } from "../decode/index.ts";
import type { OpenPackage } from "../package/types.ts";
import { FrameLoader, PRIORITY } from "../render/loader.ts";
import { buildModel } from "./model.ts";
import { firstIndex } from "./set-state.ts";
import { Viewer } from "./viewer.ts";
import type { ImageSlice } from "./viewport.ts";

export interface ViewerOptions {
  /** Offers a copy of the package, on the exchange's page. */
  readonly copy: (() => void) | null;
}

/** The viewer waits so long for an image that is nearly there, so that they come in one picture. */
const WAIT_MS = 8;
const LARGE_CACHE = 640 * 2 ** 20;
const SMALL_CACHE = 192 * 2 ** 20;

function cacheBytes(): number {
  const memory = (navigator as { deviceMemory?: number }).deviceMemory ?? 8;
  return memory <= 4 || window.innerWidth < 600 ? SMALL_CACHE : LARGE_CACHE;
}

/** Replaces what the page shows by the viewer. */
export async function openViewer(root: HTMLElement, pkg: OpenPackage, options: ViewerOptions): Promise<void> {
  const model = await buildModel(pkg.index);
  const loader = new FrameLoader<ImageSlice>({
    decode: (slice, priority) => decodeFrame(pkg, slice.image, slice.frame, priority),
    keyOf: (slice) => `${slice.image.entry}#${slice.frame}`,
    cacheBytes: cacheBytes(),
    parallel: 4,
  });
  // the first image is on its way while the page is built
  const set = model.sets[0];
  const place = set?.places[firstIndex(set)];
  const image = place?.kind === "image" && loader.load(place, PRIORITY.shown).catch(() => undefined);
  await nextTurn();
  const viewer = new Viewer(root, pkg, model, loader, options);
  await Promise.race([image, new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
  viewer.show();
}
