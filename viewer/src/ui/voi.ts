/** Which window an image is shown with, and how a drag changes it. */
import type { Instance } from "../package/types.ts";
import { fullWindow } from "../render/grading.ts";
import { fileVois, gradingOf } from "../render/image.ts";
import { fullColorWindow } from "../render/paint.ts";
import { presetsOf } from "../render/presets.ts";
import type { Slice } from "../render/stack.ts";
import type { Pixels, Voi } from "../render/types.ts";
import { find, t } from "../strings.ts";

/** The file's own VOI; else all values of the first image seen, kept so that a series does not flicker. */
export function defaultVoi(slice: Slice<Instance>, pixels: Pixels, kept: { fallback: Voi | null }): Voi {
  if (pixels.color === "rgb") return { kind: "window", ...fullColorWindow(pixels) };
  const own = fileVois(slice.image, slice.frame)[0];
  if (own !== undefined) return own.voi;
  kept.fallback ??= fullWindow(pixels, gradingOf(slice.image, slice.frame));
  return kept.fallback;
}

/** Right widens, down raises the level (darker), in proportion to the width in force. */
export function draggedVoi(voi: Voi, pixels: Pixels | null, dx: number, dy: number): Voi {
  const { center, width } = voi.kind === "window" ? voi : windowOfTable(voi, pixels);
  const speed = Math.max(width, 1e-6) / 300;
  const least = pixels !== null && pixels.max - pixels.min < 4 ? 1e-4 : 1;
  return { kind: "window", center: center + dy * speed, width: Math.max(least, width + dx * speed) };
}

function windowOfTable(
  voi: Extract<Voi, { kind: "lut" }>,
  pixels: Pixels | null,
): { center: number; width: number } {
  const width = Math.max(2, voi.lut.data.length || (pixels === null ? 256 : pixels.max - pixels.min));
  return { center: voi.lut.first + width / 2, width };
}

export interface Choice {
  readonly name: string;
  readonly voi: Voi | null;
  readonly detail: string;
}

/** What the preset menu offers, in the order of the keys 1 to 9. */
export function choicesOf(
  slice: Slice<Instance>,
  modality: string | undefined,
  pixels: Pixels | null,
): Choice[] {
  if (pixels?.color === "rgb") return [{ name: t("preset.default"), voi: null, detail: "" }];
  const choices: Choice[] = [{ name: t("preset.default"), voi: null, detail: "" }];
  const own = fileVois(slice.image, slice.frame);
  for (const [i, { voi, name }] of own.entries()) {
    if (i === 0) {
      choices[0] = { name: t("preset.default"), voi: null, detail: name || detailOf(voi) };
      continue;
    }
    const plain = voi.kind === "lut" ? t("preset.table") : t("preset.file", { n: i + 1 });
    choices.push({ name: name || plain, voi, detail: detailOf(voi) });
  }
  for (const preset of presetsOf(modality, slice.image.rescale_type)) {
    const voi: Voi = { kind: "window", center: preset.center, width: preset.width };
    choices.push({ name: find(`preset.${preset.name}`, preset.name), voi, detail: detailOf(voi) });
  }
  if (pixels !== null && own.length > 0) {
    choices.push({
      name: t("preset.full"),
      voi: fullWindow(pixels, gradingOf(slice.image, slice.frame)),
      detail: "",
    });
  }
  return choices;
}

function detailOf(voi: Voi): string {
  if (voi.kind === "lut") return voi.lut.explanation;
  return t("preset.values", { width: Math.round(voi.width), center: Math.round(voi.center) });
}
