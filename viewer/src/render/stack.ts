/** Puts the images of a series into viewing order and marks what is missing. */
import { placeAlongNormal } from "./geometry.ts";
import { geometryOf } from "./image.ts";
import type { ImageFields } from "./types.ts";

export interface Slice<T extends ImageFields> {
  readonly kind: "image";
  readonly image: T;
  readonly frame: number;
}

export interface Gap {
  readonly kind: "gap";
  readonly number: number | null;
  readonly reason: string;
}

export type Place<T extends ImageFields> = Slice<T> | Gap;

export interface Loss {
  readonly uid: string;
  readonly number: number | null;
  readonly reason: string;
}

/** Images of one display set: every multi-frame object its own set, all single frames of a series one. */
export function displaySets<T extends ImageFields>(images: readonly T[]): T[][] {
  const single: T[] = [];
  const sets: T[][] = [];
  for (const image of images) {
    if ((image.frames ?? 1) > 1) sets.push([image]);
    else single.push(image);
  }
  return single.length > 0 ? [orderImages(single), ...sets] : sets;
}

/** By place along the common normal where each image has its own, else by acquisition and number. */
export function orderImages<T extends ImageFields>(images: readonly T[]): T[] {
  const places = images.map((image) => placeAlongNormal(image.position, image.orientation));
  const byNumber = images
    .map((image, index) => ({ image, index }))
    .sort(
      (a, b) =>
        compare(a.image.acquisition, b.image.acquisition) ||
        compare(a.image.number, b.image.number) ||
        a.index - b.index,
    );
  if (!haveOwnPlaces(images, places)) return byNumber.map(({ image }) => image);
  const byPlace = images
    .map((image, index) => ({ image, place: places[index] ?? 0 }))
    .sort((a, b) => a.place - b.place)
    .map(({ image }) => image);
  return runsBackward(byPlace) ? byPlace.reverse() : byPlace;
}

function compare(a: number | undefined, b: number | undefined): number {
  return (a ?? Number.MAX_SAFE_INTEGER) - (b ?? Number.MAX_SAFE_INTEGER);
}

function haveOwnPlaces(images: readonly ImageFields[], places: readonly (number | null)[]): boolean {
  if (images.length < 2) return false;
  const first = images[0]?.orientation;
  const parallel = images.every(
    (image) =>
      image.orientation?.length === 6 &&
      image.orientation.every((value, axis) => Math.abs(value - (first?.[axis] ?? 9)) < 0.001),
  );
  if (!parallel) return false;
  const seen = new Set(places.map((place) => (place === null ? "none" : place.toFixed(3))));
  return !seen.has("none") && seen.size === images.length;
}

/** Whether instance numbers fall along the order: viewing starts where numbering starts. */
function runsBackward(images: readonly ImageFields[]): boolean {
  let up = 0;
  for (let i = 1; i < images.length; i++) {
    const a = images[i - 1]?.number;
    const b = images[i]?.number;
    if (a !== undefined && b !== undefined) up += Math.sign(b - a);
  }
  return up < 0;
}

/** The places of a display set: one for each frame, and a gap wherever the package lost an image. */
export function placesOf<T extends ImageFields>(images: readonly T[], losses: readonly Loss[]): Place<T>[] {
  const lost = new Map(losses.map((loss) => [loss.uid, loss]));
  const places: Place<T>[] = [];
  const placed = new Set<string>();
  for (const image of images) {
    const loss = image.uid === undefined ? undefined : lost.get(image.uid);
    if (loss !== undefined) {
      placed.add(loss.uid);
      places.push({ kind: "gap", number: image.number ?? loss.number, reason: loss.reason });
      continue;
    }
    for (let frame = 0; frame < Math.max(1, image.frames ?? 1); frame++)
      places.push({ kind: "image", image, frame });
  }
  for (const loss of losses) if (!placed.has(loss.uid)) insertGap(places, loss);
  return places;
}

function insertGap<T extends ImageFields>(places: Place<T>[], loss: Loss): void {
  const gap: Gap = { kind: "gap", number: loss.number, reason: loss.reason };
  const number = loss.number;
  if (number === null) {
    places.push(gap);
    return;
  }
  const numberAt = (place: Place<T>): number | null =>
    place.kind === "gap" ? place.number : (place.image.number ?? null);
  const ascending = isAscending(places.map(numberAt));
  const index = places.findIndex((place) => {
    const other = numberAt(place);
    return other !== null && (ascending ? other > number : other < number);
  });
  if (index < 0) places.push(gap);
  else places.splice(index, 0, gap);
}

function isAscending(numbers: readonly (number | null)[]): boolean {
  const known = numbers.filter((number) => number !== null);
  return (known[0] ?? 0) <= (known[known.length - 1] ?? 0);
}

/** Indices after which the distance to the next image is much larger than usual: something may be missing there. */
export function wideSteps(places: readonly Place<ImageFields>[]): number[] {
  const along = places.map((place) => {
    if (place.kind === "gap") return null;
    const { position, orientation } = geometryOf(place.image, place.frame);
    return placeAlongNormal(position, orientation);
  });
  const steps: { readonly index: number; readonly size: number }[] = [];
  for (let i = 0; i + 1 < along.length; i++) {
    const a = along[i];
    const b = along[i + 1];
    if (a !== null && a !== undefined && b !== null && b !== undefined) {
      steps.push({ index: i, size: Math.abs(b - a) });
    }
  }
  if (steps.length < 4) return [];
  const sizes = steps.map((step) => step.size).sort((a, b) => a - b);
  const usual = sizes[sizes.length >> 1] ?? 0;
  if (usual < 0.01) return [];
  return steps.filter((step) => step.size > usual * 1.6).map((step) => step.index);
}

/** Numbers as people write them: 41-44, 47. */
export function ranges(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let j = i;
    while (j + 1 < sorted.length && sorted[j + 1] === (sorted[j] ?? 0) + 1) j++;
    parts.push(i === j ? `${sorted[i]}` : `${sorted[i]}-${sorted[j]}`);
    i = j + 1;
  }
  return parts.join(", ");
}
