/** What the renderer needs to know of one image; the package's Instance fits it. */

export type PixelArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** Decoded stored values of one frame, before modality and VOI transformation. */
export interface Pixels {
  readonly rows: number;
  readonly columns: number;
  readonly samples: 1 | 3;
  readonly data: PixelArray;
  readonly min: number;
  readonly max: number;
  readonly color: "mono" | "rgb";
}

/** One lookup table as DICOM describes it (PS3.3 C.11.1.1): first input value, bits of an entry, entries. */
export interface Lut {
  readonly first: number;
  readonly bits: number;
  readonly data: Uint16Array;
  readonly explanation: string;
}

export type VoiFunction = "LINEAR" | "LINEAR_EXACT" | "SIGMOID";

/** Everything that turns stored values into grey levels. */
export interface Grading {
  readonly slope: number;
  readonly intercept: number;
  readonly modality: Lut | null;
  readonly voiFunction: VoiFunction;
  readonly inverse: boolean;
  readonly padding: readonly [number, number] | null;
}

export type Voi =
  | { readonly kind: "window"; readonly center: number; readonly width: number }
  | { readonly kind: "lut"; readonly lut: Lut };

export type Vector3 = readonly [number, number, number];

/** A lookup table as the index carries it: entries as base64 of little-endian 16-bit words. */
export interface LutFields {
  readonly first: number;
  readonly bits: number;
  readonly data: string;
  readonly explanation?: string;
}

export type WindowFields = readonly [number, number, string?] | readonly (number | string | null)[];

export interface FrameFields {
  readonly position?: readonly number[];
  readonly orientation?: readonly number[];
  readonly spacing?: readonly number[];
  readonly windows?: readonly WindowFields[];
  readonly slope?: number;
  readonly intercept?: number;
}

export interface OverlayFields {
  readonly rows: number;
  readonly columns: number;
  readonly origin?: readonly number[];
  readonly data: string;
  readonly frame_origin?: number;
  readonly frames?: number;
}

/** The fields of an index instance that matter for showing it. */
export interface ImageFields {
  readonly uid?: string;
  readonly number?: number;
  readonly acquisition?: number;
  readonly rows?: number;
  readonly columns?: number;
  readonly photometric?: string;
  readonly bits_stored?: number;
  readonly frames?: number;
  readonly padding?: number | readonly number[];
  readonly windows?: readonly WindowFields[];
  readonly voi_function?: string;
  readonly slope?: number;
  readonly intercept?: number;
  readonly rescale_type?: string;
  readonly presentation?: string;
  readonly luts?: { readonly modality?: LutFields; readonly voi?: readonly LutFields[] };
  readonly position?: readonly number[];
  readonly orientation?: readonly number[];
  readonly spacing?: readonly number[];
  readonly spacing_kind?: string;
  readonly aspect?: readonly number[];
  readonly thickness?: number;
  readonly location?: number;
  readonly patient_orientation?: readonly string[];
  readonly frame_time_ms?: number;
  readonly frame_info?: readonly FrameFields[];
  readonly overlays?: readonly OverlayFields[];
  readonly lossy?: number | boolean | null;
}
