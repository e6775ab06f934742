import { describe, expect, it } from "vitest";
import { greyOf } from "../../src/render/grading.ts";
import { drawOverlay } from "../../src/render/overlay.ts";
import { fullColorWindow, Painter } from "../../src/render/paint.ts";
import type { Grading, PixelArray, Pixels, Voi } from "../../src/render/types.ts";

const GRADING: Grading = {
  slope: 1,
  intercept: -1024,
  modality: null,
  voiFunction: "LINEAR",
  inverse: false,
  padding: null,
};
const WINDOW: Voi = { kind: "window", center: 40, width: 400 };

function frame(data: PixelArray, color: "mono" | "rgb" = "mono"): Pixels {
  const samples = color === "rgb" ? 3 : 1;
  return { rows: 1, columns: data.length / samples, samples, data, min: 0, max: 255, color };
}

function greys(pixels: Pixels, grading = GRADING, voi: Voi = WINDOW, painter = new Painter()): number[] {
  const target = new Uint32Array(pixels.columns);
  painter.paint(pixels, grading, voi, target);
  for (const word of target) {
    expect(word >>> 24).toBe(255);
    expect((word >> 16) & 255).toBe(word & 255);
  }
  return [...target].map((word) => word & 255);
}

const TYPES = [
  Uint8Array.of(0, 1, 127, 128, 200, 255),
  Int8Array.of(-128, -1, 0, 1, 127),
  Uint16Array.of(0, 864, 1000, 1064, 1263, 1264, 65535),
  Int16Array.of(-32768, -1, 0, 864, 1064, 1264, 32767),
  Uint32Array.of(0, 1064, 4294967295),
  Int32Array.of(-2147483648, 1064, 2147483647),
  Float32Array.of(-5.5, 1064.25, 1e9),
  Float64Array.of(-5.5, 1064.25, 1e9),
];

describe("painter", () => {
  it.each(TYPES.map((data) => [data.constructor.name, data] as const))(
    "paints %s by the formula",
    (_n, data) => {
      expect(greys(frame(data))).toEqual(Array.from(data as ArrayLike<number>, greyOf(GRADING, WINDOW)));
    },
  );

  it("paints anew when window, slope, padding or table change", () => {
    const painter = new Painter();
    const pixels = frame(Int16Array.of(0, 1024, 1200, 2000));
    const lut = (data: number[]): Voi => ({
      kind: "lut",
      lut: { first: 0, bits: 8, data: Uint16Array.from(data), explanation: "" },
    });
    const steps: readonly (readonly [Grading, Voi])[] = [
      [GRADING, WINDOW],
      [GRADING, { kind: "window", center: 300, width: 400 }],
      [{ ...GRADING, slope: 2 }, WINDOW],
      [{ ...GRADING, padding: [0, 0] }, WINDOW],
      [{ ...GRADING, inverse: true }, WINDOW],
      [GRADING, lut([0, 100])],
      [GRADING, lut([9, 200])],
    ];
    for (const [grading, voi] of steps) {
      const wanted = [0, 1024, 1200, 2000].map(greyOf(grading, voi));
      expect(greys(pixels, grading, voi, painter)).toEqual(wanted);
    }
  });

  it("shows colour as stored at the full window", () => {
    const pixels = frame(Uint8Array.of(1, 2, 3, 250, 128, 0), "rgb");
    const target = new Uint32Array(2);
    new Painter().paint(pixels, GRADING, { kind: "window", ...fullColorWindow(pixels) }, target);
    expect([...target]).toEqual([0xff030201, 0xff0080fa]);
  });

  it("scales 16-bit colour and inverts on demand", () => {
    const pixels = frame(Uint16Array.of(65535, 0, 257 * 128), "rgb");
    const target = new Uint32Array(1);
    const voi: Voi = { kind: "window", ...fullColorWindow(pixels) };
    new Painter().paint(pixels, GRADING, voi, target);
    expect(target[0]).toBe(0xff8000ff);
    new Painter().paint(pixels, { ...GRADING, inverse: true }, voi, target);
    expect(target[0]).toBe(0xff7fff00);
  });

  it("reads views into larger buffers", () => {
    const words = Int16Array.of(9, 9, 864, 1064);
    expect(greys(frame(words.subarray(2)))).toEqual([864, 1064].map(greyOf(GRADING, WINDOW)));
  });
});

describe("overlays of group 60xx", () => {
  const size = { rows: 3, columns: 4 };
  const bits = (...bytes: number[]): string => btoa(String.fromCharCode(...bytes));

  it("takes the lowest bit first and places it by its origin", () => {
    const target = new Uint32Array(12);
    drawOverlay({ rows: 2, columns: 2, origin: [2, 2], data: bits(0b1001) }, 0, size, target, 7);
    expect([...target]).toEqual([0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 7, 0]);
  });

  it("draws only inside the image and only its own frames", () => {
    const target = new Uint32Array(12);
    drawOverlay({ rows: 2, columns: 2, origin: [0, 0], data: bits(0b1111) }, 0, size, target, 7);
    expect([...target].filter(Boolean)).toHaveLength(1);
    const second = new Uint32Array(12);
    const overlay = {
      rows: 1,
      columns: 4,
      origin: [1, 1],
      data: bits(0b10000001),
      frame_origin: 2,
      frames: 2,
    };
    drawOverlay(overlay, 0, size, second, 7);
    expect([...second].filter(Boolean)).toHaveLength(0);
    drawOverlay(overlay, 2, size, second, 7);
    expect([...second].indexOf(7)).toBe(3);
  });
});
