/** Small pictures of display sets, decoded when they come into view. */
import { nextTurn } from "../base/turns.ts";
import { fullWindow } from "../render/grading.ts";
import { fileVois, geometryOf, gradingOf } from "../render/image.ts";
import { type FrameLoader, PRIORITY } from "../render/loader.ts";
import { fullColorWindow } from "../render/paint.ts";
import { FITTED, Stage } from "../render/stage.ts";
import { el } from "./dom.ts";
import { icon } from "./icons.ts";
import type { DisplaySet } from "./model.ts";
import type { ImageSlice } from "./viewport.ts";

const SIDE = 144;

export class Thumbnails {
  private readonly waiting = new Map<Element, () => void>();
  private readonly observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        this.observer.unobserve(entry.target);
        this.waiting.get(entry.target)?.();
        this.waiting.delete(entry.target);
      }
    },
    { rootMargin: "200px" },
  );

  constructor(private readonly loader: FrameLoader<ImageSlice>) {}

  create(set: DisplaySet): HTMLElement {
    const canvas = el("canvas", { class: "thumb-canvas", width: SIDE, height: SIDE, "aria-hidden": "true" });
    const box = el("div", { class: "thumb" }, canvas);
    this.waiting.set(box, () => void this.paint(set, box, canvas));
    this.observer.observe(box);
    return box;
  }

  private async paint(set: DisplaySet, box: HTMLElement, canvas: HTMLCanvasElement): Promise<void> {
    const images = set.places.filter((place): place is ImageSlice => place.kind === "image");
    const slice = images[Math.floor((images.length - 1) / 2)];
    if (slice === undefined || slice.image.problem !== undefined) {
      box.replaceChildren(icon("broken"));
      return;
    }
    try {
      const pixels = await this.loader.load(slice, PRIORITY.thumbnail);
      // the large picture of the same image comes first
      await new Promise(requestAnimationFrame);
      await nextTurn();
      const grading = gradingOf(slice.image, slice.frame);
      const own = fileVois(slice.image, slice.frame)[0]?.voi ?? fullWindow(pixels, grading);
      const voi = pixels.color === "rgb" ? { kind: "window" as const, ...fullColorWindow(pixels) } : own;
      const stage = new Stage(canvas);
      stage.resize(SIDE, SIDE);
      const { spacing } = geometryOf(slice.image, slice.frame);
      stage.show({
        pixels,
        grading,
        voi,
        spacing,
        aspect: slice.image.aspect,
        overlays: [],
        frame: slice.frame,
      });
      stage.draw(FITTED, false);
      box.classList.add("ready");
    } catch {
      // The viewport says why in words; the list only shows that there is no picture.
      box.replaceChildren(icon("broken"));
    }
  }
}
