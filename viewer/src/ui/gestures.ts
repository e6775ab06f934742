/** Mouse, pen and touch on the image, turned into drags, pinches and steps. */

export type DragTool = "scroll" | "window" | "zoom" | "pan";

export interface GestureTarget {
  /** The tool of a plain drag. */
  tool(): DragTool;
  dragStart(tool: DragTool): void;
  /** Movement since the last call in CSS pixels, and the place where the drag began (from the centre). */
  drag(tool: DragTool, dx: number, dy: number, startX: number, startY: number): void;
  wheel(steps: number): void;
  zoomAt(factor: number, x: number, y: number): void;
  panBy(dx: number, dy: number): void;
  doubleTap(): void;
  activate(): void;
}

interface Point {
  x: number;
  y: number;
}

const WHEEL_STEP = 60; // pixels of a precision wheel for one image
const DOUBLE_TAP_MS = 320;
/** CSS pixels: a finger that moved further has not tapped; taps further apart are two. */
const TAP_MOVES = 6;
const TAPS_APART = 40;

export function listenGestures(element: HTMLElement, target: GestureTarget): void {
  const pointers = new Map<number, Point>();
  let tool: DragTool | null = null;
  let start: Point = { x: 0, y: 0 };
  let moved = 0;
  let lastTap = { at: 0, x: 0, y: 0 };

  const fromCentre = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  };

  element.addEventListener("pointerdown", (event) => {
    if (isControl(event.target)) return;
    target.activate();
    element.setPointerCapture(event.pointerId);
    const point = fromCentre(event);
    pointers.set(event.pointerId, point);
    if (pointers.size === 1) {
      tool = toolOf(event, target);
      start = point;
      moved = 0;
      target.dragStart(tool);
    } else tool = null;
  });

  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = fromCentre(event);
    if (pointers.size >= 2) {
      pinch(pointers, event.pointerId, now, target);
      moved = Number.POSITIVE_INFINITY; // two fingers tap nothing
    } else if (tool !== null) {
      const dx = now.x - before.x;
      const dy = now.y - before.y;
      moved += Math.abs(dx) + Math.abs(dy);
      target.drag(tool, dx, dy, start.x, start.y);
    }
    pointers.set(event.pointerId, now);
  });

  const end = (event: PointerEvent): void => {
    if (!pointers.delete(event.pointerId)) return;
    if (
      pointers.size === 0 &&
      event.type === "pointerup" &&
      moved < TAP_MOVES &&
      event.pointerType === "touch"
    ) {
      const near = Math.hypot(start.x - lastTap.x, start.y - lastTap.y) < TAPS_APART;
      if (event.timeStamp - lastTap.at < DOUBLE_TAP_MS && near) target.doubleTap();
      lastTap = { at: event.timeStamp, x: start.x, y: start.y };
    }
    tool = null;
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("dblclick", (event) => {
    if (!isControl(event.target)) target.doubleTap();
  });
  listenWheel(element, target, fromCentre);
}

function listenWheel(element: HTMLElement, target: GestureTarget, place: (event: MouseEvent) => Point): void {
  let rest = 0;
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels =
        event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * WHEEL_STEP;
      if (event.ctrlKey || event.metaKey) {
        const { x, y } = place(event);
        target.zoomAt(Math.exp(-Math.max(-120, Math.min(120, pixels)) / 300), x, y);
        return;
      }
      // A notch of a mouse wheel is one image, whatever distance the system gives it.
      if (Math.abs(pixels) >= WHEEL_STEP) {
        rest = 0;
        target.wheel(Math.sign(pixels));
        return;
      }
      rest += pixels;
      const steps = Math.trunc(rest / (WHEEL_STEP / 2));
      if (steps !== 0) {
        rest -= steps * (WHEEL_STEP / 2);
        target.wheel(steps);
      }
    },
    { passive: false },
  );
}

function toolOf(event: PointerEvent, target: GestureTarget): DragTool {
  if (event.pointerType !== "mouse") return target.tool();
  if (event.button === 1) return "pan";
  if (event.button === 2) return "window";
  if (event.ctrlKey || event.metaKey) return "zoom";
  return event.shiftKey ? "pan" : target.tool();
}

function pinch(pointers: Map<number, Point>, id: number, now: Point, target: GestureTarget): void {
  const before = pointers.get(id);
  const other = [...pointers].find(([key]) => key !== id)?.[1];
  if (before === undefined || other === undefined) return;
  const distance = (a: Point, b: Point): number => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
  target.zoomAt(distance(now, other) / distance(before, other), middle.x, middle.y);
  target.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, input, [role=slider]") !== null;
}
