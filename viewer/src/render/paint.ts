/** Paints decoded frames into RGBA memory. One table per grading, so that a slice costs one look-up per pixel. */
import { greyOf } from "./grading.ts";
import type { Grading, Pixels, Voi } from "./types.ts";

const OPAQUE = 0xff00_0000;

/** A painter keeps the last table: scrolling through a series with one window builds it once. */
export class Painter {
  private table = new Uint32Array(0);
  private tableKey = "";
  private grading: Grading | null = null;

  /** Fill `target` (rows x columns RGBA words, little-endian) with the frame as graded. */
  paint(pixels: Pixels, grading: Grading, voi: Voi, target: Uint32Array): void {
    if (pixels.color === "rgb") {
      paintColor(pixels, voi, grading.inverse, target);
      return;
    }
    const { data } = pixels;
    if (data instanceof Uint8Array || data instanceof Int8Array) {
      this.prepare(grading, voi, data instanceof Int8Array, 8);
      const bytes =
        data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.length);
      lookUpAll(bytes, this.table, target);
    } else if (data instanceof Uint16Array || data instanceof Int16Array) {
      this.prepare(grading, voi, data instanceof Int16Array, 16);
      const words =
        data instanceof Uint16Array ? data : new Uint16Array(data.buffer, data.byteOffset, data.length);
      lookUpAll(words, this.table, target);
    } else {
      const grey = greyOf(grading, voi);
      for (let i = 0; i < data.length; i++) target[i] = word(grey(data[i] as number));
    }
  }

  private prepare(grading: Grading, voi: Voi, signed: boolean, bits: 8 | 16): void {
    const key = `${keyOf(grading, voi)}|${signed}|${bits}`;
    // Tables are compared by identity, numbers by value.
    if (key === this.tableKey && sameTables(grading, this.grading, voi, this.voi)) return;
    const size = 2 ** bits;
    if (this.table.length !== size) this.table = new Uint32Array(size);
    const grey = greyOf(grading, voi);
    const half = size / 2;
    for (let i = 0; i < size; i++) this.table[i] = word(grey(signed && i >= half ? i - size : i));
    this.tableKey = key;
    this.grading = grading;
    this.voi = voi;
  }

  private voi: Voi | null = null;
}

function keyOf(grading: Grading, voi: Voi): string {
  const { slope, intercept, voiFunction, inverse, padding } = grading;
  const window = voi.kind === "window" ? `${voi.center}/${voi.width}` : "lut";
  return `${slope}|${intercept}|${voiFunction}|${inverse}|${padding?.join(",") ?? ""}|${window}`;
}

function sameTables(a: Grading, b: Grading | null, voiA: Voi, voiB: Voi | null): boolean {
  if (b === null || voiB === null || a.modality !== b.modality) return false;
  return voiA.kind !== "lut" || (voiB.kind === "lut" && voiA.lut === voiB.lut);
}

function word(grey: number): number {
  return (OPAQUE | (grey << 16) | (grey << 8) | grey) >>> 0;
}

function lookUpAll(data: Uint8Array | Uint16Array, table: Uint32Array, target: Uint32Array): void {
  const n = Math.min(data.length, target.length);
  for (let i = 0; i < n; i++) target[i] = table[data[i] as number] as number;
}

/** Colour frames: identity at the full window, else the same linear window on each channel. */
function paintColor(pixels: Pixels, voi: Voi, inverse: boolean, target: Uint32Array): void {
  const { data } = pixels;
  const full = fullColorWindow(pixels);
  const { center, width } = voi.kind === "window" ? voi : full;
  const low = center - width / 2;
  const scale = 255 / Math.max(width, 1e-9);
  const level = (value: number): number => {
    const grey = Math.round((value - low) * scale);
    const bounded = Math.min(255, Math.max(0, grey));
    return inverse ? 255 - bounded : bounded;
  };
  const n = Math.min(data.length / 3, target.length);
  if (data instanceof Uint8Array) {
    const table = new Uint8Array(256).map((_, i) => level(i));
    for (let i = 0, j = 0; i < n; i++, j += 3) {
      const r = table[data[j] as number] as number;
      const g = table[data[j + 1] as number] as number;
      const b = table[data[j + 2] as number] as number;
      target[i] = (OPAQUE | (b << 16) | (g << 8) | r) >>> 0;
    }
    return;
  }
  for (let i = 0, j = 0; i < n; i++, j += 3) {
    const r = level(data[j] as number);
    const g = level(data[j + 1] as number);
    const b = level(data[j + 2] as number);
    target[i] = (OPAQUE | (b << 16) | (g << 8) | r) >>> 0;
  }
}

/** The window in which a colour frame is shown as stored: all of its sample type's range. */
export function fullColorWindow(pixels: Pixels): { center: number; width: number } {
  const { data } = pixels;
  let top = pixels.max > 0 ? pixels.max : 1;
  if (data instanceof Uint8Array) top = 255;
  else if (data instanceof Uint16Array) top = 65_535;
  else if (data instanceof Uint32Array) top = 4_294_967_295;
  return { center: top / 2, width: top };
}
