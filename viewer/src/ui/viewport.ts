/** One image on the screen: its stack, its view, its tools. */
import type { Instance } from "../package/types.ts";
import { geometryOf, gradingOf } from "../render/image.ts";
import { type FrameLoader, PRIORITY, wanted } from "../render/loader.ts";
import { type Slice, wideSteps } from "../render/stack.ts";
import { Stage } from "../render/stage.ts";
import type { Pixels, Voi } from "../render/types.ts";
import { t } from "../strings.ts";
import { Adjustments } from "./adjust.ts";
import { Cine } from "./cine.ts";
import { Corners } from "./corners.ts";
import { el, setHidden, setText } from "./dom.ts";
import type { DragTool } from "./gestures.ts";
import { listenHands } from "./hands.ts";
import { failureMessage, gapMessage } from "./instead.ts";
import type { DisplaySet } from "./model.ts";
import { newState, type SetState } from "./set-state.ts";
import { StackSlider } from "./slider.ts";
import { defaultVoi } from "./voi.ts";

export type ImageSlice = Slice<Instance>;

const AHEAD = 8;
const WAIT_MS = 160;

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
  readonly adjust: Adjustments;
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

  constructor(private readonly options: ViewportOptions) {
    this.adjust = new Adjustments(this.stage, this);
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
    listenHands(this);
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

  get ratio(): number {
    return window.devicePixelRatio || 1;
  }

  /** Something of the view is another now. */
  changed(): void {
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

  /** Draws at once what `schedule` leaves to the next frame. */
  render(): void {
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
      const cut = this.set_?.cut.has(slice.image.uid) ?? false;
      if (failure !== undefined) this.renderMessage(failureMessage(failure, cut, () => this.retry()));
      // the last one stays, with its own texts
      else if (this.shown >= 0) this.stage.draw(state.view, this.graphics);
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

  private writeCorners(slice: ImageSlice, state: SetState, voi: Voi): void {
    const set = this.set_;
    if (set === null) return;
    const zoom = this.stage.zoomOf(state.view);
    this.corners.update({
      set,
      index: state.index,
      voi: this.isColor && state.voi === null ? null : voi,
      zoom,
      turn: state.view.turn,
      mmPerPixel: this.stage.millimetresPerPixel(state.view),
      width: this.canvas.width,
      ratio: this.ratio,
      partial: set.partial.has(slice.image.uid) || set.cut.has(slice.image.uid),
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
}
