/** The position in a stack: a bar with a thumb, marks for gaps, and a trace of what has been loaded. */
import { t } from "../strings.ts";
import { el } from "./dom.ts";

export class StackSlider {
  readonly element: HTMLElement;
  private readonly thumb = el("div", { class: "slider-thumb" });
  private readonly trace = el("canvas", {
    class: "slider-trace",
    width: "4",
    height: "400",
    "aria-hidden": "true",
  });
  private count = 1;
  private index = 0;

  constructor(private readonly onChange: (index: number) => void) {
    this.element = el(
      "div",
      {
        class: "slider",
        role: "slider",
        tabindex: "0",
        "aria-label": t("tool.slider"),
        "aria-orientation": "vertical",
        title: t("tool.slider"),
      },
      this.trace,
      this.thumb,
    );
    this.element.addEventListener("pointerdown", (event) => {
      this.element.setPointerCapture(event.pointerId);
      this.follow(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) this.follow(event);
    });
  }

  set(index: number, count: number, text: string): void {
    this.index = index;
    this.count = count;
    this.element.hidden = count < 2;
    this.element.setAttribute("aria-valuemin", "1");
    this.element.setAttribute("aria-valuemax", String(count));
    this.element.setAttribute("aria-valuenow", String(index + 1));
    this.element.setAttribute("aria-valuetext", text);
    this.thumb.style.top = `${count < 2 ? 0 : (this.index / (count - 1)) * 100}%`;
  }

  /** Paint which images are there: loaded, not yet, missing. */
  paint(state: (index: number) => "loaded" | "absent" | "gap"): void {
    const context = this.trace.getContext("2d");
    if (context === null) return;
    const { width, height } = this.trace;
    context.clearRect(0, 0, width, height);
    for (let i = 0; i < this.count; i++) {
      const kind = state(i);
      if (kind === "absent") continue;
      context.fillStyle = kind === "gap" ? "#e3b341" : "#3d5a73";
      const top = Math.floor((i / this.count) * height);
      const extent = Math.max(kind === "gap" ? 4 : 1, Math.ceil(height / this.count));
      context.fillRect(0, top, width, extent);
    }
  }

  private follow(event: PointerEvent): void {
    const box = this.element.getBoundingClientRect();
    const share = (event.clientY - box.top) / Math.max(1, box.height);
    const index = Math.round(Math.min(1, Math.max(0, share)) * (this.count - 1));
    if (index !== this.index) this.onChange(index);
  }
}
