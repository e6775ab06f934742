/** Pixels of an instance, decoded in workers. */
import { DecodeError, type Frame, type Instance, type OpenPackage } from "../package/types.ts";

/**
 * One frame as stored values (mono) or RGB.
 *
 * @param frame from 0
 * @param priority lower numbers are served first
 */
export async function decodeFrame(
  _pkg: OpenPackage,
  _instance: Instance,
  _frame: number,
  _priority = 0,
  _signal?: AbortSignal,
): Promise<Frame> {
  throw new DecodeError("unsupported", "not yet");
}
