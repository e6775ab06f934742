/** Graphics that the file lays over its image (groups 60xx, PS3.3 C.9.2). */
import { fromBase64 } from "../base/bytes.ts";
import type { OverlayFields } from "./types.ts";

/** Set the pixels of one overlay in an RGBA image of `rows` x `columns` words. */
export function drawOverlay(
  overlay: OverlayFields,
  frame: number,
  size: { readonly rows: number; readonly columns: number },
  target: Uint32Array,
  color: number,
): void {
  const first = (overlay.frame_origin ?? 1) - 1;
  const frames = overlay.frames ?? 1;
  const index = frames === 1 && overlay.frame_origin === undefined ? 0 : frame - first;
  if (index < 0 || index >= frames) return;
  const bits = fromBase64(overlay.data);
  const top = (overlay.origin?.[0] ?? 1) - 1;
  const left = (overlay.origin?.[1] ?? 1) - 1;
  let bit = index * overlay.rows * overlay.columns;
  for (let y = 0; y < overlay.rows; y++) {
    for (let x = 0; x < overlay.columns; x++, bit++) {
      // Bits are packed from the lowest upwards.
      if (((bits[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) continue;
      const row = top + y;
      const column = left + x;
      if (row < 0 || column < 0 || row >= size.rows || column >= size.columns) continue;
      target[row * size.columns + column] = color;
    }
  }
}
