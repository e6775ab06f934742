/** Reads the index's fields of one image into what the renderer works with. */
import { fromBase64 } from "../base/bytes.ts";
import type { FrameFields, Grading, ImageFields, Lut, LutFields, Voi, VoiFunction } from "./types.ts";

export interface NamedVoi {
  readonly voi: Voi;
  /** The file's own explanation, or empty. */
  readonly name: string;
}

const luts = new WeakMap<LutFields, Lut>();

/** Decode a table once; the same fields always give the same object, so that painters can compare by identity. */
function readLut(fields: LutFields): Lut {
  const known = luts.get(fields);
  if (known !== undefined) return known;
  const bytes = fromBase64(fields.data);
  const data = new Uint16Array(bytes.length >> 1);
  for (let i = 0; i < data.length; i++) data[i] = (bytes[2 * i] ?? 0) | ((bytes[2 * i + 1] ?? 0) << 8);
  const lut: Lut = { first: fields.first, bits: fields.bits, data, explanation: fields.explanation ?? "" };
  luts.set(fields, lut);
  return lut;
}

function frameOf(image: ImageFields, frame: number): FrameFields {
  return image.frame_info?.[frame] ?? {};
}

/** All that turns stored values of one frame into grey, apart from the VOI the reader chooses. */
export function gradingOf(image: ImageFields, frame: number): Grading {
  const own = frameOf(image, frame);
  const modality = image.luts?.modality;
  return {
    slope: own.slope ?? image.slope ?? 1,
    intercept: own.intercept ?? image.intercept ?? 0,
    modality: modality === undefined ? null : readLut(modality),
    voiFunction: voiFunctionOf(image.voi_function),
    inverse: image.photometric === "MONOCHROME1" || image.presentation === "INVERSE",
    padding: paddingOf(image.padding),
  };
}

function voiFunctionOf(name: string | undefined): VoiFunction {
  return name === "LINEAR_EXACT" || name === "SIGMOID" ? name : "LINEAR";
}

function paddingOf(padding: ImageFields["padding"]): readonly [number, number] | null {
  if (typeof padding === "number") return [padding, padding];
  const [a, b] = padding ?? [];
  if (a === undefined) return null;
  return b === undefined ? [a, a] : [Math.min(a, b), Math.max(a, b)];
}

/** The VOI transformations of the file itself, windows first. */
export function fileVois(image: ImageFields, frame: number): NamedVoi[] {
  const vois: NamedVoi[] = [];
  for (const [center, width, name] of frameOf(image, frame).windows ?? image.windows ?? []) {
    if (typeof center !== "number" || typeof width !== "number" || !(width > 0)) continue;
    vois.push({ voi: { kind: "window", center, width }, name: typeof name === "string" ? name : "" });
  }
  for (const fields of image.luts?.voi ?? []) {
    vois.push({ voi: { kind: "lut", lut: readLut(fields) }, name: fields.explanation ?? "" });
  }
  return vois;
}

export interface Geometry {
  readonly position: readonly number[] | undefined;
  readonly orientation: readonly number[] | undefined;
  readonly spacing: readonly number[] | undefined;
}

export function geometryOf(image: ImageFields, frame: number): Geometry {
  const own = frameOf(image, frame);
  return {
    position: own.position ?? image.position,
    orientation: own.orientation ?? image.orientation,
    spacing: own.spacing ?? image.spacing,
  };
}
