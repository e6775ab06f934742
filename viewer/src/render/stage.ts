/** Draws one image with the reader's view of it onto a canvas. */
import { pixelShape, type Turn, UPRIGHT } from "./geometry.ts";
import { drawOverlay } from "./overlay.ts";
import { Painter } from "./paint.ts";
import type { Grading, OverlayFields, Pixels, Voi } from "./types.ts";

/** Zoom is in screen pixels (of the device) per image unit; `null` fits the image to the viewport. */
export interface View {
  readonly zoom: number | null;
  readonly panX: number;
  readonly panY: number;
  readonly turn: Turn;
}

export const FITTED: View = { zoom: null, panX: 0, panY: 0, turn: UPRIGHT };

export interface Picture {
  readonly pixels: Pixels;
  readonly grading: Grading;
  readonly voi: Voi;
  readonly spacing: readonly number[] | undefined;
  readonly aspect: readonly number[] | undefined;
  readonly overlays: readonly OverlayFields[];
  readonly frame: number;
}

const OVERLAY_COLOR = 0xff_78_e0_ff; // light amber, as A B G R
const MAX_ZOOM = 32;

export class Stage {
  private readonly source = document.createElement("canvas");
  private readonly marks = document.createElement("canvas");
  private readonly painter = new Painter();
  private image: ImageData | null = null;
  private picture: Picture | null = null;
  private marked: readonly OverlayFields[] = [];
  private markedFrame = -1;
  private width = 1;
  private height = 1;

  constructor(readonly canvas: HTMLCanvasElement) {}

  /** Size of the canvas in device pixels; true when it changed. */
  resize(width: number, height: number): boolean {
    const w = Math.max(1, Math.round(width));
    const h = Math.max(1, Math.round(height));
    if (w === this.width && h === this.height && this.canvas.width === w && this.canvas.height === h)
      return false;
    this.width = w;
    this.height = h;
    this.canvas.width = w;
    this.canvas.height = h;
    return true;
  }

  clear(): void {
    this.picture = null;
    const context = contextOf(this.canvas);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
  }

  /** Paint the stored values; `draw` then brings them onto the screen. */
  show(picture: Picture): void {
    const { rows, columns } = picture.pixels;
    this.picture = picture;
    if (this.image === null || this.source.width !== columns || this.source.height !== rows) {
      this.source.width = columns;
      this.source.height = rows;
      this.image = new ImageData(columns, rows);
    }
    const words = new Uint32Array(this.image.data.buffer);
    this.painter.paint(picture.pixels, picture.grading, picture.voi, words);
    contextOf(this.source).putImageData(this.image, 0, 0);
    this.prepareMarks(picture);
  }

  /** The zoom in force, in device pixels per image unit. */
  zoomOf(view: View): number {
    return view.zoom ?? this.fitZoom(view);
  }

  /** Millimetres per device pixel across the screen, or null where the file gives no spacing. */
  millimetresPerPixel(view: View): number | null {
    const spacing = this.picture?.spacing;
    if (spacing?.length !== 2) return null;
    const least = Math.min(spacing[0] ?? 0, spacing[1] ?? 0);
    return least > 0 ? least / this.zoomOf(view) : null;
  }

  draw(view: View, overlays: boolean): void {
    const picture = this.picture;
    const context = contextOf(this.canvas);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.width, this.height);
    if (picture === null) return;
    const zoom = this.zoomOf(view);
    const shape = pixelShape(picture.spacing, picture.aspect);
    const { rows, columns } = picture.pixels;
    const exact = zoom === 1 && shape[0] === 1 && shape[1] === 1;
    const odd = view.turn.quarters % 2 === 1;
    context.imageSmoothingEnabled = !exact;
    context.imageSmoothingQuality = zoom < 0.5 ? "high" : "low";
    // At 1:1 the image's corner must lie on a whole pixel, else every value would be mixed with its neighbour.
    const w = columns * shape[0] * zoom;
    const h = rows * shape[1] * zoom;
    const snap = (value: number, extent: number): number =>
      exact ? Math.round(value - extent / 2) + extent / 2 : value;
    context.translate(
      snap(this.width / 2 + view.panX, odd ? h : w),
      snap(this.height / 2 + view.panY, odd ? w : h),
    );
    context.rotate((view.turn.quarters * Math.PI) / 2);
    context.scale(zoom * shape[0] * (view.turn.flipX ? -1 : 1), zoom * shape[1] * (view.turn.flipY ? -1 : 1));
    context.drawImage(this.source, -columns / 2, -rows / 2);
    if (overlays && picture.overlays.length > 0) context.drawImage(this.marks, -columns / 2, -rows / 2);
  }

  /** Zoom by a factor around a point of the canvas (device pixels from its centre). */
  zoomed(view: View, factor: number, x: number, y: number): View {
    const before = this.zoomOf(view);
    const least = Math.min(this.fitZoom(view), 1) / 4;
    const after = Math.min(MAX_ZOOM, Math.max(least, before * factor));
    const ratio = after / before;
    return { ...view, zoom: after, panX: x - (x - view.panX) * ratio, panY: y - (y - view.panY) * ratio };
  }

  private fitZoom(view: View): number {
    const picture = this.picture;
    if (picture === null) return 1;
    const shape = pixelShape(picture.spacing, picture.aspect);
    const w = picture.pixels.columns * shape[0];
    const h = picture.pixels.rows * shape[1];
    const odd = view.turn.quarters % 2 === 1;
    return Math.min(this.width / (odd ? h : w), this.height / (odd ? w : h));
  }

  private prepareMarks(picture: Picture): void {
    if (picture.overlays.length === 0) return;
    const { rows, columns } = picture.pixels;
    const same = this.marked === picture.overlays && this.markedFrame === picture.frame;
    if (same && this.marks.width === columns && this.marks.height === rows) return;
    this.marks.width = columns;
    this.marks.height = rows;
    const image = new ImageData(columns, rows);
    const words = new Uint32Array(image.data.buffer);
    for (const overlay of picture.overlays) {
      drawOverlay(overlay, picture.frame, { rows, columns }, words, OVERLAY_COLOR);
    }
    contextOf(this.marks).putImageData(image, 0, 0);
    this.marked = picture.overlays;
    this.markedFrame = picture.frame;
  }
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("canvas 2d is not available");
  return context;
}
