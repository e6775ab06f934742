import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fullWindow, greyOf, lookUp, modalityOf, valueRange, voiOf } from "../../src/render/grading.ts";
import { fileVois, gradingOf } from "../../src/render/image.ts";
import type { Grading, ImageFields, Pixels, Voi } from "../../src/render/types.ts";

interface Vector {
  readonly name: string;
  readonly image: ImageFields;
  readonly stored: readonly number[];
  readonly unit: readonly number[];
}

const vectors = JSON.parse(
  readFileSync(new URL("vectors/grading.json", import.meta.url), "utf8"),
) as readonly Vector[];

const PLAIN: Grading = {
  slope: 1,
  intercept: 0,
  modality: null,
  voiFunction: "LINEAR",
  inverse: false,
  padding: null,
};

function pixels(data: Int16Array | Uint16Array | Uint8Array): Pixels {
  const min = Math.min(...data);
  const max = Math.max(...data);
  return { rows: 1, columns: data.length, samples: 1, data, min, max, color: "mono" };
}

describe("grading agrees with pydicom", () => {
  it.each(vectors.map((vector) => [vector.name, vector] as const))("%s", (_name, vector) => {
    const grading = gradingOf(vector.image, 0);
    const voi = fileVois(vector.image, 0)[0]?.voi as Voi;
    const toUnit = voiOf(voi, grading);
    const modality = modalityOf(grading);
    vector.stored.forEach((stored, i) => {
      expect(toUnit(modality(stored)), `stored value ${stored}`).toBeCloseTo(vector.unit[i] as number, 5);
    });
  });

  it("has vectors for every kind", () => {
    expect(vectors.length).toBeGreaterThanOrEqual(13);
  });
});

describe("grey levels", () => {
  const window: Voi = { kind: "window", center: 128, width: 256 };

  it("is the identity for a full 8-bit window", () => {
    const grey = greyOf(PLAIN, window);
    expect([0, 1, 127, 128, 254, 255].map(grey)).toEqual([0, 1, 127, 128, 254, 255]);
  });

  it("inverts for MONOCHROME1 and for an inverse presentation", () => {
    for (const image of [{ photometric: "MONOCHROME1" }, { presentation: "INVERSE" }]) {
      expect([0, 255].map(greyOf(gradingOf(image, 0), window))).toEqual([255, 0]);
    }
  });

  it("draws padding black, also when inverted", () => {
    const grading = gradingOf({ photometric: "MONOCHROME1", padding: 7 }, 0);
    expect(greyOf(grading, window)(7)).toBe(0);
    expect(greyOf(grading, window)(8)).toBe(247);
  });

  it("takes the ends of a table for inputs outside it", () => {
    const lut = { first: 10, bits: 8, data: Uint16Array.of(5, 6, 7), explanation: "" };
    expect([0, 10, 11, 12, 99].map((value) => lookUp(lut, value))).toEqual([5, 5, 6, 7, 7]);
  });
});

describe("the window that shows all values", () => {
  it("maps lowest to black and highest to white", () => {
    const frame = pixels(Int16Array.of(-1000, 0, 3000));
    for (const voiFunction of ["LINEAR", "LINEAR_EXACT"] as const) {
      const grading = { ...PLAIN, slope: 2, intercept: 10, voiFunction };
      expect([-1000, 3000].map(greyOf(grading, fullWindow(frame, grading)))).toEqual([0, 255]);
    }
  });

  it("leaves padding out", () => {
    const grading = { ...PLAIN, padding: [-2000, -2000] as const };
    expect(valueRange(pixels(Int16Array.of(-2000, 5, 9, 2000)), grading)).toEqual([5, 2000]);
  });

  it("survives a frame of one value", () => {
    const frame = pixels(Uint8Array.of(9, 9));
    expect(Number.isFinite(greyOf(PLAIN, fullWindow(frame, PLAIN))(9))).toBe(true);
  });

  it("orders the range when the slope is negative", () => {
    expect(valueRange(pixels(Int16Array.of(0, 10)), { ...PLAIN, slope: -1 })).toEqual([-10, 0]);
  });
});

describe("what the index says of a frame", () => {
  it("prefers the frame's own values", () => {
    const image: ImageFields = {
      slope: 1,
      intercept: 0,
      windows: [[1, 2]],
      frame_info: [{}, { slope: 3, intercept: -4, windows: [[10, 20, "WIDE"]] }],
    };
    expect(gradingOf(image, 0)).toMatchObject({ slope: 1, intercept: 0 });
    expect(gradingOf(image, 1)).toMatchObject({ slope: 3, intercept: -4 });
    expect(fileVois(image, 1)[0]).toEqual({ voi: { kind: "window", center: 10, width: 20 }, name: "WIDE" });
  });

  it("passes over windows that make no sense", () => {
    const windows = [
      [1, 0],
      [Number.NaN, -1],
      [5, 10],
    ] as const;
    expect(fileVois({ windows }, 0)).toHaveLength(1);
  });
});
