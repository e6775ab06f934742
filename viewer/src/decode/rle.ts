/** RLE lossless (PS3.5 annex G): PackBits segments, one per byte of a sample, high byte first. */

import type { Bytes } from "../base/bytes.ts";
import { readNative } from "./native.ts";
import { damaged, type FrameSpec, type Raster } from "./spec.ts";

/** Writes to every `step`th byte of `out`, from `at`; the rest of a segment that ends early stays 0. */
function unpackBits(segment: Bytes, out: Bytes, at: number, step: number): void {
  let i = 0;
  let o = at;
  while (i < segment.length && o < out.length) {
    const control = segment[i++]!;
    if (control < 128) {
      for (let n = control + 1; n > 0 && i < segment.length && o < out.length; n--, o += step)
        out[o] = segment[i++]!;
    } else if (control > 128) {
      const value = segment[i++] ?? 0;
      for (let n = 257 - control; n > 0 && o < out.length; n--, o += step) out[o] = value;
    }
  }
}

export function readRle(spec: FrameSpec, bytes: Bytes): Raster {
  if (bytes.length < 64) throw damaged();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = spec.bitsAllocated / 8;
  const n = view.getUint32(0, true);
  if (n !== width * spec.samples || n > 15) throw damaged();
  const pixel = width * spec.samples;
  const out = new Uint8Array(spec.rows * spec.columns * pixel);
  for (let segment = 0; segment < n; segment++) {
    const start = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < n ? view.getUint32(8 + 4 * segment, true) : bytes.length;
    if (start < 64 || end < start || end > bytes.length) throw damaged();
    const sample = Math.floor(segment / width);
    const byte = width - 1 - (segment % width);
    unpackBits(bytes.subarray(start, end), out, sample * width + byte, pixel);
  }
  return readNative({ ...spec, planar: 0, pixelLength: null }, out, 0, false);
}
