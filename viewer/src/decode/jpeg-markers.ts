/** The headers of a JPEG code stream (ITU-T T.81 annex B), enough to choose a codec and the colours. */
import { damaged } from "./spec.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface JpegComponent {
  readonly id: number;
  readonly h: number;
  readonly v: number;
  readonly quantisation: number;
}

export interface JpegHeader {
  /** Low four bits of the SOF marker: 0 baseline, 1 extended, 2 progressive, 3 lossless; 0xf7 is JPEG-LS. */
  readonly process: number;
  readonly precision: number;
  readonly rows: number;
  readonly columns: number;
  readonly components: readonly JpegComponent[];
  /** Transform of the Adobe APP14 segment, undefined without one. */
  readonly adobe: number | undefined;
  readonly jfif: boolean;
  /** Interleave mode of the first scan (JPEG-LS): 0 plane, 1 line, 2 sample. */
  readonly interleave: number;
  /** Offset of the first SOS marker. */
  readonly scan: number;
}

export interface Segment {
  readonly marker: number;
  /** Of the marker. */
  readonly at: number;
  readonly data: Bytes;
}

const hasNoLength = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** The next marker's offset from `at` on, past fill bytes and stuffed zeros; the end where there is none. */
function findMarker(bytes: Bytes, at: number): number {
  while (at + 1 < bytes.length) {
    const code = bytes[at + 1]!;
    if (bytes[at] !== 0xff || code === 0xff) at++;
    else if (code === 0 || hasNoLength(code)) at += 2;
    else return at;
  }
  return bytes.length;
}

/** Segments with a length, from `at` up to and with the next SOS or EOI. */
export function* segments(bytes: Bytes, at = 0): Generator<Segment> {
  for (at = findMarker(bytes, at); at + 4 <= bytes.length; at = findMarker(bytes, at)) {
    const marker = bytes[at + 1]!;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (marker === 0xd9) return;
    if (length < 2) throw damaged();
    yield { marker, at, data: bytes.subarray(at + 4, at + 2 + length) };
    if (marker === 0xda) return;
    at += 2 + length;
  }
}

const isFrame = (marker: number): boolean =>
  (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) ||
  marker === 0xf7;

const starts = (data: Bytes, text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (data[i] !== text.charCodeAt(i)) return false;
  return true;
};

function readFrame({ marker, data }: Segment) {
  if (data.length < 6 || data.length < 6 + 3 * data[5]!) throw damaged();
  const components: JpegComponent[] = [];
  for (let i = 0; i < data[5]!; i++) {
    const [id, sampling, quantisation] = data.subarray(6 + 3 * i);
    components.push({ id: id!, h: sampling! >> 4, v: sampling! & 15, quantisation: quantisation! });
  }
  return {
    process: marker === 0xf7 ? marker : marker & 15,
    precision: data[0]!,
    rows: (data[1]! << 8) | data[2]!,
    columns: (data[3]! << 8) | data[4]!,
    components,
  };
}

/** Throws FrameError where the stream is no JPEG. */
export function readJpegHeader(bytes: Bytes): JpegHeader {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw damaged();
  let frame: ReturnType<typeof readFrame> | undefined;
  let adobe: number | undefined;
  let jfif = false;
  for (const segment of segments(bytes, 2)) {
    const { marker, data } = segment;
    if (isFrame(marker)) frame = readFrame(segment);
    else if (marker === 0xee && data.length >= 12 && starts(data, "Adobe")) adobe = data[11]!;
    else if (marker === 0xe0 && starts(data, "JFIF")) jfif = true;
    else if (marker === 0xda) {
      if (!frame) throw damaged();
      return { ...frame, adobe, jfif, interleave: data[data.length - 2] ?? 0, scan: segment.at };
    }
  }
  throw damaged();
}

/**
 * Whether three components hold YCbCr. The code stream's own words come first (APP14, subsampling,
 * JFIF, letters as component ids), then the photometric interpretation of the DICOM object.
 */
export function isYcc(header: JpegHeader, photometric: string): boolean {
  if (header.components.length !== 3) return false;
  if (header.adobe !== undefined) return header.adobe !== 0;
  const [first] = header.components;
  if (first!.h > 1 || first!.v > 1) return true;
  if (header.jfif) return true;
  if (header.components.map(({ id }) => String.fromCharCode(id)).join("") === "RGB") return false;
  return photometric !== "RGB";
}

/** The stream with an Adobe segment that tells any decoder whether to convert colours. */
export function withAdobe(bytes: Bytes, transform: 0 | 1): Bytes {
  const segment = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform];
  const out = new Uint8Array(bytes.length + segment.length);
  out.set(bytes.subarray(0, 2));
  out.set(segment, 2);
  out.set(bytes.subarray(2), 2 + segment.length);
  // an Adobe segment that follows would win over ours
  for (const { marker, at, data } of segments(out, 18))
    if (marker === 0xee && data.length >= 12 && starts(data, "Adobe")) out[at + 4 + 11] = transform;
  return out;
}
