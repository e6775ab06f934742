/** Pixels of an instance, decoded in workers. */
import { DecodeError, type Frame, type Instance, type Lut, type OpenPackage } from "../package/types.ts";
import type { DecodedFrame, FrameSpec, PaletteTable } from "./spec.ts";

/** What the package's own reader can do besides the seam. */
interface FrameReader {
  frame(
    name: string,
    spec: FrameSpec,
    frame: number,
    priority: number,
    signal?: AbortSignal,
  ): Promise<DecodedFrame>;
}

/**
 * One frame as stored values (mono) or RGB.
 *
 * @param frame from 0
 * @param priority lower numbers are served first
 */
export async function decodeFrame(
  pkg: OpenPackage,
  instance: Instance,
  frame: number,
  priority = 0,
  signal?: AbortSignal,
): Promise<Frame> {
  return await (pkg as unknown as FrameReader).frame(
    instance.entry,
    specOf(instance),
    frame,
    priority,
    signal,
  );
}

const table = ({ first, bits, data }: Lut): PaletteTable => ({ first, bits, data });

/** The index's description of an image. Throws DecodeError where there is none. */
function specOf(instance: Instance): FrameSpec {
  const { pixel, rows, columns } = instance;
  if (instance.problem) throw new DecodeError("unsupported", instance.problem);
  if (!pixel || !rows || !columns) throw new DecodeError("unsupported", "This object holds no image.");
  const bitsAllocated = instance.bits_allocated ?? 8;
  const bitsStored = instance.bits_stored ?? bitsAllocated;
  const palette = instance.photometric === "PALETTE COLOR" ? instance.luts?.palette : undefined;
  return {
    transferSyntax: instance.transfer_syntax,
    rows,
    columns,
    samples: instance.samples ?? 1,
    planar: instance.planar ?? 0,
    photometric: instance.photometric ?? "",
    bitsAllocated,
    bitsStored,
    highBit: instance.high_bit ?? bitsStored - 1,
    signed: instance.signed ?? false,
    frames: instance.frames ?? 1,
    pixelOffset: pixel.offset,
    pixelLength: pixel.length,
    pixelType: pixel.type,
    deflatedFrom: instance.deflated_from ?? null,
    palette: palette ? [table(palette.red), table(palette.green), table(palette.blue)] : null,
  };
}
