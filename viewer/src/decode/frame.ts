/** One frame, in a worker: find it, run its codec, finish its colours. */
import { type Bytes, concat } from "../base/bytes.ts";
import { inflatePadded } from "../base/inflate.ts";
import type { Codec, CodecName, CodecResult } from "./codecs/emscripten.ts";
import { finish } from "./colour.ts";
import { findFrame, joinItems } from "./encapsulated.ts";
import { readJpeg } from "./jpeg.ts";
import { isYcc, type JpegHeader, readJpegHeader, withAdobe } from "./jpeg-markers.ts";
import { interleave, readNative } from "./native.ts";
import { readRle } from "./rle.ts";
import {
  type DecodedFrame,
  damaged,
  FrameError,
  type FrameSpec,
  frameBits,
  MAX_SAMPLES,
  nativeRange,
  type Raster,
  type Samples,
  UID,
} from "./spec.ts";

/** Gives a codec, loading it on first use. */
export type CodecSource = (name: CodecName) => Promise<Codec>;

/** The most bytes that a deflated data set may hold: it is known only from the object itself. */
const MAX_INFLATED = 1 << 30;

/**
 * @param bytes the whole entry, or with `alone` just the bytes of this frame (its range in the manifest)
 * @throws FrameError
 */
export async function decode(
  spec: FrameSpec,
  bytes: Bytes,
  frame: number,
  alone: boolean,
  codecs: CodecSource,
): Promise<DecodedFrame> {
  check(spec, frame);
  try {
    if (spec.pixelLength === null) {
      const stream = alone ? joinItems(bytes) : findFrame(bytes, spec.pixelOffset, spec.frames, frame);
      return finish(spec, await decodeStream(spec, stream, codecs));
    }
    const whole = spec.deflatedFrom === null ? bytes : await inflateDataSet(bytes, spec.deflatedFrom);
    return finish(spec, nativeFrame(spec, whole, frame, alone));
  } catch (error) {
    if (error instanceof FrameError) throw error;
    // codecs in WebAssembly throw numbers, typed arrays RangeError
    throw damaged();
  }
}

function check(spec: FrameSpec, frame: number): void {
  const { rows, columns, samples } = spec;
  if (!(rows > 0 && columns > 0 && frame >= 0 && frame < spec.frames)) throw damaged();
  if (rows * columns * samples > MAX_SAMPLES)
    throw new FrameError("too_large", "The image is too large to show.");
  if (samples !== 1 && samples !== 3)
    throw new FrameError("unsupported", `Images with ${samples} samples per pixel are not supported.`);
}

async function inflateDataSet(bytes: Bytes, from: number): Promise<Bytes> {
  return concat([bytes.subarray(0, from), await inflatePadded(bytes.slice(from), MAX_INFLATED)]);
}

/**
 * Whether the pixel data element was written as words, so that on a big-endian object bytes come in
 * swapped pairs (PS3.5 section 8.1.1 and annex A.3). Its header precedes the value.
 */
function isWords(bytes: Bytes, offset: number): boolean {
  return bytes[offset - 8] === 0x4f && bytes[offset - 7] === 0x57;
}

function nativeFrame(spec: FrameSpec, bytes: Bytes, frame: number, alone: boolean): Raster {
  const [start, length] = nativeRange(spec, frame);
  const big = spec.transferSyntax === UID.bigEndian;
  const firstBit = (frame * frameBits(spec)) % 8;
  if (alone) return readNative(spec, bytes, firstBit, big);
  if (big && spec.bitsAllocated <= 8 && isWords(bytes, spec.pixelOffset)) {
    const whole = bytes.slice(
      spec.pixelOffset,
      spec.pixelOffset + 2 * Math.ceil((spec.pixelLength ?? 0) / 2),
    );
    for (let i = 0; i + 1 < whole.length; i += 2) [whole[i], whole[i + 1]] = [whole[i + 1]!, whole[i]!];
    const at = start - spec.pixelOffset;
    return readNative(spec, whole.subarray(at, at + length), firstBit, big);
  }
  return readNative(spec, bytes.subarray(start, start + length), firstBit, big);
}

async function decodeStream(spec: FrameSpec, stream: Bytes, codecs: CodecSource): Promise<Raster> {
  switch (spec.transferSyntax) {
    case UID.rle:
      return readRle(spec, stream);
    case UID.encapsulatedUncompressed:
      return readNative(spec, stream, 0, false);
    case UID.deflatedFrame:
      return readNative(spec, await inflatePadded(stream, nativeSize(spec) + 1), 0, false);
    default:
      return await decodeBySignature(spec, stream, codecs);
  }
}

const nativeSize = (spec: FrameSpec): number => Math.ceil(frameBits({ ...spec, pixelLength: 0 }) / 8);

/** By what the stream is: transfer syntaxes are sometimes wrong, streams say what they are. */
async function decodeBySignature(spec: FrameSpec, stream: Bytes, codecs: CodecSource): Promise<Raster> {
  if (stream[0] === 0xff && stream[1] === 0x4f) return decodeJpeg2000(spec, stream, codecs);
  if (stream[0] === 0 && stream[1] === 0 && stream[4] === 0x6a && stream[5] === 0x50)
    return decodeJpeg2000(spec, stream, codecs); // a JP2 file, against PS3.5 section A.4.4
  if (stream[0] === 0xff && stream[1] === 0xd8) return decodeJpegFamily(spec, stream, codecs);
  throw /^1\.2\.840\.10008\.1\.2\.4\.(5|7|8[01]|9|20)/.test(spec.transferSyntax)
    ? damaged()
    : new FrameError("unsupported", "This kind of compression is not supported.");
}

async function decodeJpegFamily(spec: FrameSpec, stream: Bytes, codecs: CodecSource): Promise<Raster> {
  const header = readJpegHeader(stream);
  checkSize(header.rows * header.columns * header.components.length);
  if (header.process === 0xf7) return decodeJpegLs(header, stream, await codecs("charls"));
  const ycc = isYcc(header, spec.photometric);
  if (header.process === 3 || header.precision > 8) {
    const raster = readJpeg(stream);
    // lossless code streams hold the samples as the object names them, whatever markers say
    const convert = header.process === 3 ? spec.photometric.startsWith("YBR_FULL") : ycc;
    return convert ? { ...raster, rgb: false } : { ...raster, rgb: raster.samples === 3 };
  }
  const colour = header.components.length === 3;
  const codec = await codecs("turbo");
  return { ...toRaster(codec(colour ? withAdobe(stream, ycc ? 1 : 0) : stream)), rgb: colour };
}

function checkSize(samples: number): void {
  if (samples > MAX_SAMPLES) throw new FrameError("too_large", "The image is too large to show.");
  if (samples === 0) throw damaged();
}

/** CharLS leaves planes as they are (interleave mode 0), and with them the order of the samples. */
function decodeJpegLs(header: JpegHeader, stream: Bytes, codec: Codec): Raster {
  const raster = toRaster(codec(stream));
  if (raster.samples > 1 && header.interleave === 0)
    return { ...raster, data: interleave(raster.data, raster.samples) };
  return raster;
}

async function decodeJpeg2000(spec: FrameSpec, stream: Bytes, codecs: CodecSource): Promise<Raster> {
  const size = readSiz(stream);
  checkSize(size.samples);
  const result = (await codecs(size.highThroughput ? "openjph" : "openjpeg"))(stream);
  // the codec undoes the component transform; YBR_FULL is converted by us
  return { ...toRaster(result), rgb: !spec.photometric.startsWith("YBR_FULL") };
}

/** SIZ of ITU-T T.800 section A.5.1; bit 14 of Rsiz tells HTJ2K (T.814 section A.2). */
function readSiz(stream: Bytes): { readonly samples: number; readonly highThroughput: boolean } {
  let at = 0;
  while (
    at + 40 < stream.length &&
    !(stream[at] === 0xff && stream[at + 1] === 0x4f && stream[at + 3] === 0x51)
  )
    at++;
  if (at + 42 > stream.length) throw damaged();
  const view = new DataView(stream.buffer, stream.byteOffset + at, stream.length - at);
  const width = view.getUint32(8) - view.getUint32(16);
  const height = view.getUint32(12) - view.getUint32(20);
  return {
    samples: Math.max(0, width) * Math.max(0, height) * view.getUint16(40),
    highThroughput: (view.getUint16(6) & 0x4000) !== 0,
  };
}

function toRaster(result: CodecResult): Raster {
  const { rows, columns, samples, bits, signed, bytes } = result;
  const n = rows * columns * samples;
  let data: Samples;
  if (bits <= 8) data = signed ? new Int8Array(bytes.buffer, 0, n) : bytes.subarray(0, n);
  else if (bits <= 16)
    data = signed ? new Int16Array(bytes.buffer, 0, n) : new Uint16Array(bytes.buffer, 0, n);
  else data = signed ? new Int32Array(bytes.buffer, 0, n) : new Uint32Array(bytes.buffer, 0, n);
  return { rows, columns, samples, bits, signed, data, rgb: false };
}
