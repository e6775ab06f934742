/** Native pixel data (PS3.5 section 8) to interleaved samples. */
import type { Bytes } from "../base/bytes.ts";
import { damaged, FrameError, type FrameSpec, type Raster, type Samples } from "./spec.ts";

const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Bytes of one sample turned round, in place. */
function swap(bytes: Bytes, width: number): void {
  for (let i = 0; i + width <= bytes.length; i += width) bytes.subarray(i, i + width).reverse();
}

function swap16(bytes: Bytes): void {
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    const first = bytes[i]!;
    bytes[i] = bytes[i + 1]!;
    bytes[i + 1] = first;
  }
}

/** One bit per pixel, first pixel in the lowest bit (PS3.5 section 8.1.1). */
export function unpackBits(bytes: Bytes, firstBit: number, n: number): Bytes {
  const out = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const bit = firstBit + i;
    out[i] = (bytes[bit >> 3]! >> (bit & 7)) & 1;
  }
  return out;
}

function typed(buffer: ArrayBuffer, spec: FrameSpec): Samples {
  if (spec.pixelType === "float32") return new Float32Array(buffer);
  if (spec.pixelType === "float64") return new Float64Array(buffer);
  switch (spec.bitsAllocated) {
    case 8:
      return spec.signed ? new Int8Array(buffer) : new Uint8Array(buffer);
    case 16:
      return spec.signed ? new Int16Array(buffer) : new Uint16Array(buffer);
    case 32:
      return spec.signed ? new Int32Array(buffer) : new Uint32Array(buffer);
    default:
      throw new FrameError(
        "unsupported",
        `Images with ${spec.bitsAllocated} bits per sample are not supported.`,
      );
  }
}

/** Plane after plane to pixel after pixel (Planar Configuration 1). */
export function interleave<T extends Samples>(data: T, samples: number): T {
  const n = data.length / samples;
  const out = data.slice() as T;
  for (let s = 0; s < samples; s++) for (let i = 0; i < n; i++) out[i * samples + s] = data[s * n + i]!;
  return out;
}

/** Y1 Y2 Cb Cr to two pixels of three samples (PS3.3 section C.7.6.3.1.2). */
function expand422(data: Samples): Samples {
  const out = data.slice(0, 0).constructor as new (n: number) => Samples;
  const full = new out((data.length / 2) * 3);
  for (let i = 0, o = 0; i + 3 < data.length; i += 4, o += 6) {
    full[o] = data[i]!;
    full[o + 3] = data[i + 1]!;
    full[o + 1] = full[o + 4] = data[i + 2]!;
    full[o + 2] = full[o + 5] = data[i + 3]!;
  }
  return full;
}

/**
 * @param bytes the frame's bytes, with `firstBit` of the first one that belongs to it
 * @param big samples are big-endian
 */
export function readNative(spec: FrameSpec, bytes: Bytes, firstBit: number, big: boolean): Raster {
  const { rows, columns, samples } = spec;
  const raster = { rows, columns, samples, bits: spec.bitsStored, signed: spec.signed, rgb: false };
  const subsampled = spec.photometric === "YBR_FULL_422" && spec.pixelLength !== null;
  const n = rows * columns * (subsampled ? 2 : samples);
  if (spec.bitsAllocated === 1) {
    if (bytes.length * 8 < firstBit + n) throw damaged();
    return { ...raster, bits: 1, signed: false, data: unpackBits(bytes, firstBit, n) };
  }
  const width = spec.bitsAllocated / 8;
  if (bytes.length < n * width) throw damaged();
  // a copy: typed arrays must start at a multiple of their width
  const own = bytes.slice(0, n * width);
  if (width > 1 && big === little) width === 2 ? swap16(own) : swap(own, width);
  let data = typed(own.buffer, spec);
  if (subsampled) data = expand422(data);
  else if (samples > 1 && spec.planar === 1) data = interleave(data, samples);
  return { ...raster, data };
}
