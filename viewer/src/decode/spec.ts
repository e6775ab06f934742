/** What a codec worker is told of an image: the fields of the index that matter for decoding. */

export interface FrameSpec {
  readonly transferSyntax: string;
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  readonly planar: number;
  readonly photometric: string;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly frames: number;
  readonly pixelOffset: number;
  /** null: encapsulated. */
  readonly pixelLength: number | null;
  readonly pixelType: "integer" | "float32" | "float64";
  readonly deflatedFrom: number | null;
  readonly palette: Palette | null;
}

export interface PaletteTable {
  readonly first: number;
  readonly bits: number;
  /** Little-endian uint16, base64. */
  readonly data: string;
}

export type Palette = readonly [PaletteTable, PaletteTable, PaletteTable];

/** Why a frame cannot be shown; the message is for the screen. */
export class FrameError extends Error {
  constructor(
    readonly code: "unsupported" | "damaged" | "too_large",
    message: string,
  ) {
    super(message);
  }
}

export const damaged = (): FrameError => new FrameError("damaged", "The image data is damaged.");

export type Samples =
  | Uint8Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

export interface DecodedFrame {
  readonly rows: number;
  readonly columns: number;
  readonly samples: 1 | 3;
  readonly data: Samples;
  readonly min: number;
  readonly max: number;
  readonly color: "mono" | "rgb";
}

/** What a codec gives: interleaved samples as written in the code stream. */
export interface Raster {
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  /** Significant bits of a sample in the code stream. */
  readonly bits: number;
  readonly signed: boolean;
  readonly data: Samples;
  /** The codec already turned YBR into RGB. */
  readonly rgb: boolean;
}

export const UID = {
  implicit: "1.2.840.10008.1.2",
  explicit: "1.2.840.10008.1.2.1",
  encapsulatedUncompressed: "1.2.840.10008.1.2.1.98",
  deflated: "1.2.840.10008.1.2.1.99",
  bigEndian: "1.2.840.10008.1.2.2",
  deflatedFrame: "1.2.840.10008.1.2.8.1",
  rle: "1.2.840.10008.1.2.5",
} as const;

/** No image has more pixels: 1 GiB of 16-bit samples. */
export const MAX_SAMPLES = 512 << 20;

/** Bits of one native frame (PS3.5 section 8.1.1); YBR_FULL_422 shares chroma between two pixels. */
export function frameBits(spec: FrameSpec): number {
  const samples = spec.photometric === "YBR_FULL_422" && spec.pixelLength !== null ? 2 : spec.samples;
  return spec.rows * spec.columns * samples * spec.bitsAllocated;
}

/** Offset and length in the entry's plaintext of a native frame. */
export function nativeRange(spec: FrameSpec, frame: number): readonly [number, number] {
  const bits = frameBits(spec);
  const first = spec.pixelOffset + Math.floor((frame * bits) / 8);
  const last = spec.pixelOffset + Math.ceil(((frame + 1) * bits) / 8);
  return [first, last - first];
}
