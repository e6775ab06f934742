/** One image on the screen: its stack, its view, its tools. */
import type { Instance } from "../package/types.ts";
import { flipOnScreen, orientationOf, rotated, scaleBar, turnedOrientation } from "../render/geometry.ts";
import { geometryOf, gradingOf } from "../render/image.ts";
import { type FrameLoader, PRIORITY, wanted } from "../render/loader.ts";
import { type Slice, wideSteps } from "../render/stack.ts";
import { FITTED, Stage, type View } from "../render/stage.ts";
import type { Pixels, Voi } from "../render/types.ts";
import { t } from "../strings.ts";
import { Cine } from "./cine.ts";
import { Corners } from "./corners.ts";
import { el, setHidden, setText } from "./dom.ts";
import { type DragTool, listenGestures } from "./gestures.ts";
import { icon } from "./icons.ts";
import type { DisplaySet } from "./model.ts";
import { StackSlider } from "./slider.ts";
import { defaultVoi, draggedVoi } from "./voi.ts";

export type ImageSlice = Slice<Instance>;

const AHEAD = 8;
const WAIT_MS = 160;

/** What a reader has set for one display set; kept when going to another and back. */
interface SetState {
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

export interface ViewportOptions {
  readonly loader: FrameLoader<ImageSlice>;
  readonly onChange: () => void;
  readonly onSlice: (index: number, total: number, gap: boolean) => void;
}

export class Viewport {
  readonly element: HTMLElement;
  readonly canvas = el("canvas", { class: "viewport-canvas" });
  readonly cine: Cine;
  tool: DragTool = "scroll";
  texts = true;
  graphics = true;
  private readonly stage = new Stage(this.canvas);
  private readonly corners = new Corners();
  private readonly slider: StackSlider;
  private readonly message = el("div", { class: "viewport-message", hidden: true });
  private readonly waiting = el("div", { class: "viewport-waiting", hidden: true });
  private readonly states = new Map<string, SetState>();
  private set_: DisplaySet | null = null;
  private shown = -1;
  private pixels: Pixels | null = null;
  private direction: 1 | -1 = 1;
  private frameRequest = 0;
  private waitTimer: number | undefined;
  private scrollRest = 0;

  constructor(private readonly options: ViewportOptions) {
    this.slider = new StackSlider((index) => this.goTo(index));
    this.cine = new Cine({
      ready: () => this.set_ !== null && this.shown === this.index,
      advance: () => this.goTo((this.index + 1) % this.length),
      changed: () => options.onChange(),
    });
    this.element = el(
      "section",
      { class: "viewport", tabindex: "0", "aria-label": t("viewport.label", { keys: t("viewport.keys") }) },
      this.canvas,
      this.corners.element,
      this.message,
      this.waiting,
      this.slider.element,
    );
    this.listen();
    new ResizeObserver(() => this.schedule()).observe(this.element);
  }

  get set(): DisplaySet | null {
    return this.set_;
  }

  get index(): number {
    return this.state?.index ?? 0;
  }

  get length(): number {
    return this.set_?.places.length ?? 0;
  }

  get state(): SetState | undefined {
    return this.set_ === null ? undefined : this.states.get(this.set_.id);
  }

  /** The image on the screen, or null at a gap. */
  get image(): ImageSlice | null {
    const place = this.set_?.places[this.index];
    return place?.kind === "image" ? place : null;
  }

  /** The decoded frame on the screen. */
  get shownPixels(): Pixels | null {
    return this.pixels;
  }

  get isColor(): boolean {
    return this.pixels?.color === "rgb";
  }

  /** The VOI on the screen. */
  get voi(): Voi | null {
    const slice = this.image;
    const state = this.state;
    if (slice === null || state === undefined || this.pixels === null) return null;
    return state.voi ?? defaultVoi(slice, this.pixels, state);
  }

  get fitted(): boolean {
    return this.state?.view.zoom === null;
  }

  get hasGraphics(): boolean {
    return (this.image?.image.overlays?.length ?? 0) > 0;
  }

  show(set: DisplaySet): void {
    if (this.set_ === set) return;
    this.cine.stop();
    this.set_ = set;
    if (!this.states.has(set.id)) this.states.set(set.id, newState(set));
    this.shown = -1;
    this.pixels = null;
    this.stage.clear();
    this.cine.rate = this.state?.fps ?? this.cine.rate;
    this.goTo(this.index);
  }

  /** After the manifest has marked what is missing: the same image stays on the screen. */
  placesChanged(): void {
    const set = this.set_;
    const state = this.state;
    if (set === null || state === undefined) return;
    const before = this.image;
    state.wide = new Set(wideSteps(set.places));
    const found = set.places.findIndex(
      (place) => place.kind === "image" && place.image === before?.image && place.frame === before.frame,
    );
    this.shown = -1;
    this.goTo(found >= 0 ? found : Math.min(state.index, set.places.length - 1));
  }

  goTo(index: number): void {
    const state = this.state;
    if (state === undefined) return;
    const next = Math.max(0, Math.min(this.length - 1, index));
    if (next !== state.index) this.direction = next > state.index ? 1 : -1;
    state.index = next;
    this.request();
    this.schedule();
  }

  step(n: number): void {
    this.goTo(this.index + n);
  }

  setVoi(voi: Voi | null): void {
    this.update((state) => {
      state.voi = voi;
    });
  }

  invert(): void {
    this.update((state) => {
      state.inverted = !state.inverted;
    });
  }

  get inverted(): boolean {
    return this.state?.inverted ?? false;
  }

  rotate(quarters: 1 | -1): void {
    this.updateView((view) => ({ ...view, turn: rotated(view.turn, quarters) }));
  }

  flip(axis: "x" | "y"): void {
    this.updateView((view) => ({ ...view, turn: flipOnScreen(view.turn, axis) }));
  }

  fit(): void {
    this.updateView((view) => ({ ...view, zoom: null, panX: 0, panY: 0 }));
  }

  actual(): void {
    this.updateView((view) => ({ ...view, zoom: 1, panX: 0, panY: 0 }));
  }

  zoomBy(factor: number, x = 0, y = 0): void {
    const ratio = this.ratio;
    this.updateView((view) => this.stage.zoomed(view, factor, x * ratio, y * ratio));
  }

  panBy(dx: number, dy: number): void {
    const ratio = this.ratio;
    this.updateView((view) => ({
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

  toggleTexts(): void {
    this.texts = !this.texts;
    this.element.classList.toggle("no-texts", !this.texts);
    this.options.onChange();
  }

  toggleGraphics(): void {
    this.graphics = !this.graphics;
    this.changed();
  }

  /** Repaint the trace of loaded images. */
  paintTrace(): void {
    const places = this.set_?.places ?? [];
    this.slider.paint((i) => {
      const place = places[i];
      if (place === undefined || place.kind === "gap") return "gap";
      return this.options.loader.has(place) ? "loaded" : "absent";
    });
  }

  schedule(): void {
    if (this.frameRequest !== 0) return;
    this.frameRequest = requestAnimationFrame(() => {
      this.frameRequest = 0;
      this.render();
    });
  }

  private get ratio(): number {
    return window.devicePixelRatio || 1;
  }

  private update(change: (state: SetState) => void): void {
    const state = this.state;
    if (state === undefined) return;
    change(state);
    this.changed();
  }

  private updateView(change: (view: View) => View): void {
    this.update((state) => {
      state.view = change(state.view);
    });
  }

  private changed(): void {
    this.schedule();
    this.options.onChange();
  }

  /** Ask for the image at the index and those ahead. */
  private request(): void {
    const set = this.set_;
    if (set === null) return;
    const { loader } = this.options;
    const place = set.places[this.index];
    window.clearTimeout(this.waitTimer);
    if (place?.kind === "image" && !loader.has(place)) {
      this.waitTimer = window.setTimeout(() => this.wait(), WAIT_MS);
      const done = (): void => this.schedule();
      loader.load(place, PRIORITY.shown).then(done, done);
    }
    const ahead = wanted(this.index, this.direction, set.places.length, AHEAD);
    loader.prefetch(ahead.map((i) => set.places[i]).filter((p): p is ImageSlice => p?.kind === "image"));
  }

  private wait(): void {
    if (this.shown === this.index || !this.message.hidden) return;
    setText(this.waiting, t("viewport.loading", { n: this.index + 1 }));
    setHidden(this.waiting, false);
  }

  private render(): void {
    const set = this.set_;
    const state = this.state;
    if (set === null || state === undefined) return;
    const box = this.element.getBoundingClientRect();
    this.stage.resize(box.width * this.ratio, box.height * this.ratio);
    const place = set.places[state.index];
    this.slider.set(
      state.index,
      set.places.length,
      t("viewport.position", { n: state.index + 1, total: set.places.length }),
    );
    if (place === undefined || place.kind === "gap")
      this.renderMessage(gapMessage(place?.number ?? null, place?.reason ?? ""));
    else this.renderImage(place, state);
    this.announce(place?.kind !== "image");
  }

  private renderImage(slice: ImageSlice, state: SetState): void {
    const { loader } = this.options;
    const pixels = loader.peek(slice);
    if (pixels === undefined) {
      const failure = slice.image.problem ?? loader.errorOf(slice);
      if (failure !== undefined) this.renderMessage(failureMessage(failure, () => this.retry()));
      else if (this.shown >= 0) this.redraw(state);
      return;
    }
    window.clearTimeout(this.waitTimer);
    setHidden(this.waiting, true);
    setHidden(this.message, true);
    setHidden(this.corners.element, false);
    this.pixels = pixels;
    this.shown = state.index;
    const voi = state.voi ?? defaultVoi(slice, pixels, state);
    const grading = gradingOf(slice.image, slice.frame);
    const { spacing } = geometryOf(slice.image, slice.frame);
    this.stage.show({
      pixels,
      grading: state.inverted ? { ...grading, inverse: !grading.inverse } : grading,
      voi,
      spacing,
      aspect: slice.image.aspect,
      overlays: slice.image.overlays ?? [],
      frame: slice.frame,
    });
    this.stage.draw(state.view, this.graphics);
    this.writeCorners(slice, state, voi);
  }

  /** Only the view changed, or the wanted image is not here yet: the last one stays, with its own texts. */
  private redraw(state: SetState): void {
    this.stage.draw(state.view, this.graphics);
  }

  private writeCorners(slice: ImageSlice, state: SetState, voi: Voi): void {
    const set = this.set_;
    if (set === null) return;
    const { orientation } = geometryOf(slice.image, slice.frame);
    const letters = orientationOf(orientation, slice.image.patient_orientation);
    const scale = this.stage.millimetresPerPixel(state.view);
    const zoom = this.stage.zoomOf(state.view);
    this.corners.update({
      set,
      index: state.index,
      voi: this.isColor && state.voi === null ? null : voi,
      zoom,
      orientation: letters === null ? null : turnedOrientation(letters, state.view.turn),
      scale: scale === null ? null : scaleBar(scale, Math.min(this.canvas.width / 3, 260 * this.ratio)),
      ratio: this.ratio,
      partial: set.partial.has(slice.image.uid),
      wide: state.wide.has(state.index),
    });
    this.canvas.dataset.zoom = String(zoom);
  }

  private renderMessage(content: readonly (Node | string)[]): void {
    window.clearTimeout(this.waitTimer);
    setHidden(this.waiting, true);
    this.stage.clear();
    this.pixels = null;
    this.shown = this.index;
    this.message.replaceChildren(...content);
    setHidden(this.message, false);
    setHidden(this.corners.element, true);
  }

  private retry(): void {
    this.options.loader.retry();
    this.shown = -1;
    setHidden(this.message, true);
    this.request();
    this.schedule();
  }

  private announce(gap: boolean): void {
    const { dataset } = this.element;
    const key = `${this.set_?.id}:${this.shown}:${this.length}`;
    if (dataset.shown === key || this.shown !== this.index) return;
    dataset.shown = key;
    this.options.onSlice(this.index, this.length, gap);
    this.options.onChange();
  }

  private listen(): void {
    listenGestures(this.element, {
      tool: () => this.tool,
      activate: () => {
        this.element.focus({ preventScroll: true });
        this.cine.stop();
      },
      dragStart: () => {
        this.scrollRest = 0;
      },
      drag: (tool, dx, dy, x, y) => this.drag(tool, dx, dy, x, y),
      wheel: (steps) => {
        this.cine.stop();
        this.step(steps);
      },
      zoomAt: (factor, x, y) => this.zoomBy(factor, x, y),
      panBy: (dx, dy) => this.panBy(dx, dy),
      doubleTap: () => (this.fitted ? this.actual() : this.fit()),
    });
  }

  private drag(tool: DragTool, dx: number, dy: number, x: number, y: number): void {
    if (tool === "pan") this.panBy(dx, dy);
    else if (tool === "zoom") this.zoomBy(Math.exp(-dy / 150), x, y);
    else if (tool === "window") {
      const voi = this.voi;
      if (voi !== null) this.setVoi(draggedVoi(voi, this.pixels, dx, dy));
    } else {
      const perStep = Math.max(3, Math.min(24, (this.element.clientHeight * 0.8) / Math.max(1, this.length)));
      this.scrollRest += dy / perStep;
      const steps = Math.trunc(this.scrollRest);
      if (steps !== 0) {
        this.scrollRest -= steps;
        this.step(steps);
      }
    }
  }
}

/** Loops start at their beginning, stacks in the middle where the anatomy is (IHE BIR allows both). */
export function firstIndex(set: DisplaySet): number {
  return (set.images[0]?.frames ?? 1) > 1 ? 0 : Math.floor((set.places.length - 1) / 2);
}

function newState(set: DisplaySet): SetState {
  const first = set.images[0];
  const fps = first?.frame_time_ms ? Math.min(60, Math.max(1, Math.round(1000 / first.frame_time_ms))) : 12;
  return {
    index: firstIndex(set),
    view: FITTED,
    voi: null,
    fallback: null,
    inverted: false,
    fps,
    wide: new Set(wideSteps(set.places)),
  };
}

function gapMessage(number: number | null, reason: string): (Node | string)[] {
  return [
    icon("notes"),
    el("strong", {}, number === null ? t("viewport.gapunknown") : t("viewport.gap", { number })),
    el("p", {}, reason === "" ? t("viewport.gapplain") : t("viewport.gapwhy", { reason })),
  ];
}

function failureMessage(failure: unknown, retry: () => void): (Node | string)[] {
  const words =
    typeof failure === "string" ? failure : failure instanceof Error ? failure.message : String(failure);
  const again = el("button", { type: "button", class: "button", on: { click: retry } }, t("viewport.retry"));
  return [
    icon("broken"),
    el("strong", {}, t("viewport.cannot")),
    el("p", {}, words),
    ...(typeof failure === "string" ? [] : [again]),
  ];
}
