/** What mouse, pen and fingers do on the image. */
import { type DragTool, listenGestures } from "./gestures.ts";
import type { Viewport } from "./viewport.ts";

export function listenHands(viewport: Viewport): void {
  const { adjust, cine, element } = viewport;
  const scroll = new DragScroll(viewport);
  listenGestures(element, {
    tool: () => viewport.tool,
    activate: () => {
      element.focus({ preventScroll: true });
      cine.stop();
    },
    dragStart: () => scroll.start(),
    drag: (tool: DragTool, dx, dy, x, y) => {
      if (tool === "pan") adjust.panBy(dx, dy);
      else if (tool === "zoom") adjust.zoomBy(Math.exp(-dy / 150), x, y);
      else if (tool === "window") adjust.windowBy(dx, dy);
      else scroll.by(dy);
    },
    wheel: (steps) => {
      cine.stop();
      viewport.step(steps);
    },
    zoomAt: (factor, x, y) => adjust.zoomBy(factor, x, y),
    panBy: (dx, dy) => adjust.panBy(dx, dy),
    doubleTap: () => (adjust.fitted ? adjust.actual() : adjust.fit()),
  });
}

/** A drag across four fifths of the viewport goes through the whole stack, within bounds for short and long ones. */
class DragScroll {
  private rest = 0;

  constructor(private readonly viewport: Viewport) {}

  start(): void {
    this.rest = 0;
  }

  by(dy: number): void {
    const { element, length } = this.viewport;
    const perStep = Math.max(3, Math.min(24, (element.clientHeight * 0.8) / Math.max(1, length)));
    this.rest += dy / perStep;
    const steps = Math.trunc(this.rest);
    if (steps === 0) return;
    this.rest -= steps;
    this.viewport.step(steps);
  }
}
