/** From samples as stored to what the renderer takes: masked mono values, or RGB of 8 bits. */
import { type Bytes, fromBase64 } from "../base/bytes.ts";
import {
  type DecodedFrame,
  damaged,
  FrameError,
  type FrameSpec,
  type Palette,
  type PaletteTable,
  type Raster,
  type Samples,
  UID,
} from "./spec.ts";

/**
 * Drops what lies outside Bits Stored and gives the sign that the object declares (PS3.5 section 8.1.1);
 * overlays and other things hide in unused bits.
 *
 * @param shift place of the lowest significant bit
 */
function maskValues(data: Samples, bits: number, shift: number, signed: boolean): Samples {
  const width = data.BYTES_PER_ELEMENT * 8;
  if (data instanceof Float32Array || data instanceof Float64Array || width > 16 || bits >= 32) return data;
  let out: Samples;
  if (width === 8)
    out = signed
      ? new Int8Array(data.buffer, data.byteOffset, data.length)
      : new Uint8Array(data.buffer, data.byteOffset, data.length);
  else
    out = signed
      ? new Int16Array(data.buffer, data.byteOffset, data.length)
      : new Uint16Array(data.buffer, data.byteOffset, data.length);
  if (bits >= width) return out;
  const up = 32 - bits - shift;
  const down = 32 - bits;
  if (signed) for (let i = 0; i < out.length; i++) out[i] = (out[i]! << up) >> down;
  else for (let i = 0; i < out.length; i++) out[i] = (out[i]! << up) >>> down;
  return out;
}

function significantBits(spec: FrameSpec, raster: Raster): readonly [number, number] {
  const encapsulated = spec.pixelLength === null && spec.transferSyntax !== UID.rle;
  if (encapsulated) return [Math.max(1, raster.bits), 0];
  const bits =
    spec.bitsStored > 0 && spec.bitsStored <= spec.bitsAllocated ? spec.bitsStored : spec.bitsAllocated;
  const shift = spec.highBit >= bits - 1 && spec.highBit < spec.bitsAllocated ? spec.highBit + 1 - bits : 0;
  return [bits, shift];
}

function range(data: Samples): readonly [number, number] {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? [min, max] : [0, 0];
}

// -------------------------------------------------------------------------- colour

/** Samples of any width to the eight bits that a screen has. */
function toEight(data: Samples, bits: number): Bytes {
  if (data instanceof Uint8Array && bits === 8) return data;
  const out = new Uint8Array(data.length);
  const scale = 2 ** (bits - 8);
  if (bits < 8) {
    const factor = 255 / (2 ** bits - 1);
    for (let i = 0; i < out.length; i++) out[i] = Math.round(data[i]! * factor);
  } else {
    for (let i = 0; i < out.length; i++) out[i] = Math.floor(data[i]! / scale);
  }
  return out;
}

const clamp = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : (value + 0.5) | 0);

/** PS3.3 section C.7.6.3.1.2, YBR_FULL; in place. */
function fullToRgb(data: Bytes): void {
  for (let i = 0; i + 2 < data.length; i += 3) {
    const y = data[i]!;
    const cb = data[i + 1]! - 128;
    const cr = data[i + 2]! - 128;
    data[i] = clamp(y + 1.402 * cr);
    data[i + 1] = clamp(y - 0.344136 * cb - 0.714136 * cr);
    data[i + 2] = clamp(y + 1.772 * cb);
  }
}

/** YBR_PARTIAL: 16 is black, 235 white, and chroma spans 16 to 240; in place. */
function partialToRgb(data: Bytes): void {
  for (let i = 0; i + 2 < data.length; i += 3) {
    const y = 1.164384 * (data[i]! - 16);
    const cb = data[i + 1]! - 128;
    const cr = data[i + 2]! - 128;
    data[i] = clamp(y + 1.596027 * cr);
    data[i + 1] = clamp(y - 0.391762 * cb - 0.812968 * cr);
    data[i + 2] = clamp(y + 2.017232 * cb);
  }
}

function colourFrame(spec: FrameSpec, raster: Raster, bits: number): DecodedFrame {
  const data = toEight(raster.data, bits);
  if (!raster.rgb) {
    if (spec.photometric.startsWith("YBR_FULL")) fullToRgb(data);
    else if (spec.photometric.startsWith("YBR_PARTIAL")) partialToRgb(data);
  }
  const { rows, columns } = raster;
  return { rows, columns, samples: 3, data, min: 0, max: 255, color: "rgb" };
}

// ------------------------------------------------------------------------- palette

/** The table as 8-bit values (PS3.3 section C.7.6.3.1.5 and .6). */
function readTable(table: PaletteTable): Bytes {
  const bytes = fromBase64(table.data);
  const n = bytes.length >> 1;
  const words = new Uint16Array(n);
  let most = 0;
  for (let i = 0; i < n; i++) {
    words[i] = bytes[2 * i]! | (bytes[2 * i + 1]! << 8);
    if (words[i]! > most) most = words[i]!;
  }
  // some writers declare 16 bits and fill 8
  const shift = table.bits > 8 && most > 255 ? table.bits - 8 : 0;
  return Uint8Array.from(words, (word) => word >> shift);
}

function paletteFrame(raster: Raster, data: Samples, palette: Palette): DecodedFrame {
  const { rows, columns } = raster;
  const out = new Uint8Array(data.length * 3);
  palette.forEach((table, channel) => {
    const values = readTable(table);
    const last = values.length - 1;
    if (last < 0) throw damaged();
    for (let i = 0; i < data.length; i++)
      out[3 * i + channel] = values[Math.max(0, Math.min(last, data[i]! - table.first))]!;
  });
  return { rows, columns, samples: 3, data: out, min: 0, max: 255, color: "rgb" };
}

/** The frame that the renderer takes. */
export function finish(spec: FrameSpec, raster: Raster): DecodedFrame {
  const [bits, shift] = significantBits(spec, raster);
  if (raster.samples === 3) return colourFrame(spec, raster, spec.bitsAllocated <= 8 ? 8 : bits);
  if (raster.samples !== 1)
    throw new FrameError("unsupported", `Images of ${raster.samples} colours are not supported.`);
  const data = maskValues(raster.data, bits, shift, spec.signed);
  if (spec.palette) return paletteFrame(raster, data, spec.palette);
  const [min, max] = range(data);
  const { rows, columns } = raster;
  return { rows, columns, samples: 1, data, min, max, color: "mono" };
}
