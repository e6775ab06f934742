/** From stored values to grey: modality, VOI and presentation as PS3.3 C.11 defines them. */
import type { Grading, Lut, Pixels, Voi } from "./types.ts";

/** Value of a lookup table for one input; inputs outside its range take its ends (PS3.3 C.11.1.1.1). */
export function lookUp(lut: Lut, value: number): number {
  const last = lut.data.length - 1;
  const index = Math.round(value) - lut.first;
  return lut.data[Math.min(last, Math.max(0, index))] ?? 0;
}

/** The modality transformation: table if there is one, else rescale (PS3.3 C.11.1). */
export function modalityOf(grading: Grading): (stored: number) => number {
  const { modality, slope, intercept } = grading;
  if (modality !== null) return (stored) => lookUp(modality, stored);
  return (stored) => stored * slope + intercept;
}

/** The VOI transformation to 0..1 (PS3.3 C.11.2.1.2 and C.11.2.1.3). */
export function voiOf(voi: Voi, grading: Grading): (value: number) => number {
  if (voi.kind === "lut") {
    const top = 2 ** voi.lut.bits - 1;
    return (value) => lookUp(voi.lut, value) / top;
  }
  const { center, width } = voi;
  switch (grading.voiFunction) {
    case "SIGMOID":
      return (value) => 1 / (1 + Math.exp((-4 * (value - center)) / width));
    case "LINEAR_EXACT": {
      const low = center - width / 2;
      return (value) => clampUnit((value - low) / width);
    }
    default: {
      // LINEAR: the width counts grey levels, so a width of 1 is a threshold.
      const span = width - 1;
      const middle = center - 0.5;
      if (span <= 0) return (value) => (value > middle ? 1 : 0);
      return (value) => clampUnit((value - middle) / span + 0.5);
    }
  }
}

function clampUnit(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Stored value to an 8-bit grey level, all steps in one function. */
export function greyOf(grading: Grading, voi: Voi): (stored: number) => number {
  const modality = modalityOf(grading);
  const toUnit = voiOf(voi, grading);
  const { inverse, padding } = grading;
  return (stored) => {
    if (padding !== null && stored >= padding[0] && stored <= padding[1]) return 0;
    const unit = toUnit(modality(stored));
    return Math.round((inverse ? 1 - unit : unit) * 255);
  };
}

/** The window that shows every value of a frame, used where the file has none. */
export function fullWindow(pixels: Pixels, grading: Grading): Voi {
  const [low, high] = valueRange(pixels, grading);
  if (grading.voiFunction === "LINEAR_EXACT" || grading.voiFunction === "SIGMOID") {
    return { kind: "window", center: (low + high) / 2, width: Math.max(high - low, Number.MIN_VALUE) };
  }
  // The inverse of the LINEAR formula: low becomes 0, high becomes 1.
  return { kind: "window", center: (low + high) / 2 + 0.5, width: Math.max(high - low, 0) + 1 };
}

/** Lowest and highest value after the modality transformation, padding left out. */
export function valueRange(pixels: Pixels, grading: Grading): readonly [number, number] {
  let low = pixels.min;
  let high = pixels.max;
  if (grading.padding !== null) [low, high] = rangeWithout(pixels, grading.padding);
  if (grading.modality !== null) {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = Math.round(low); i <= high && i - low <= 65_536; i++) {
      const value = lookUp(grading.modality, i);
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    return least <= most ? [least, most] : [0, 1];
  }
  const a = low * grading.slope + grading.intercept;
  const b = high * grading.slope + grading.intercept;
  return a <= b ? [a, b] : [b, a];
}

function rangeWithout(pixels: Pixels, padding: readonly [number, number]): [number, number] {
  const [from, to] = padding;
  if (pixels.min > to || pixels.max < from) return [pixels.min, pixels.max];
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const { data } = pixels;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value >= from && value <= to) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [pixels.min, pixels.max];
}
