/** Directions, distances and the transformation from image to screen. */
import type { Vector3 } from "./types.ts";

export type Edge = "right" | "bottom" | "left" | "top";

export interface Orientation {
  readonly right: string;
  readonly bottom: string;
  readonly left: string;
  readonly top: string;
}

/** How an image is turned: flips first (in image axes), then quarter turns clockwise. */
export interface Turn {
  readonly quarters: 0 | 1 | 2 | 3;
  readonly flipX: boolean;
  readonly flipY: boolean;
}

export const UPRIGHT: Turn = { quarters: 0, flipX: false, flipY: false };

// Components below sine of about 10 degrees name no direction of their own.
const LEAST_COMPONENT = 0.18;

/** Letters of a direction in patient coordinates (x to the left, y to the back, z to the head; PS3.3 C.7.6.2.1.1). */
export function directionLetters(vector: Vector3): string {
  const names: readonly (readonly [string, string])[] = [
    ["L", "R"],
    ["P", "A"],
    ["H", "F"],
  ];
  return vector
    .map((value, axis) => ({ size: Math.abs(value), letter: names[axis]?.[value > 0 ? 0 : 1] ?? "" }))
    .filter((component) => component.size > LEAST_COMPONENT)
    .sort((a, b) => b.size - a.size)
    .map((component) => component.letter)
    .join("");
}

const OPPOSITE: Readonly<Record<string, string>> = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };

/** The opposite of a direction such as "PL" or "F". */
export function oppositeLetters(letters: string): string {
  return [...letters].map((letter) => OPPOSITE[letter] ?? letter).join("");
}

/** The letters at the edges of the unturned image, or null where the file says nothing. */
export function orientationOf(
  cosines: readonly number[] | undefined,
  patientOrientation: readonly string[] | undefined,
): Orientation | null {
  let right = "";
  let bottom = "";
  if (cosines?.length === 6 && cosines.every(Number.isFinite)) {
    right = directionLetters([cosines[0] ?? 0, cosines[1] ?? 0, cosines[2] ?? 0]);
    bottom = directionLetters([cosines[3] ?? 0, cosines[4] ?? 0, cosines[5] ?? 0]);
  } else if (patientOrientation !== undefined) {
    right = (patientOrientation[0] ?? "").toUpperCase();
    bottom = (patientOrientation[1] ?? "").toUpperCase();
  }
  if (right === "" && bottom === "") return null;
  return { right, bottom, left: oppositeLetters(right), top: oppositeLetters(bottom) };
}

const CLOCKWISE: readonly Edge[] = ["top", "right", "bottom", "left"];

/** The letters as they stand on the screen after flips and turns. */
export function turnedOrientation(orientation: Orientation, turn: Turn): Orientation {
  const flipped: Orientation = {
    right: turn.flipX ? orientation.left : orientation.right,
    left: turn.flipX ? orientation.right : orientation.left,
    bottom: turn.flipY ? orientation.top : orientation.bottom,
    top: turn.flipY ? orientation.bottom : orientation.top,
  };
  const at = (edge: Edge): string => {
    const source = CLOCKWISE[(CLOCKWISE.indexOf(edge) - turn.quarters + 4) % 4] ?? "top";
    return flipped[source];
  };
  return { right: at("right"), bottom: at("bottom"), left: at("left"), top: at("top") };
}

/** A mirror of the screen, expressed as a turn: left-right on screen is up-down in a quarter-turned image. */
export function flipOnScreen(turn: Turn, axis: "x" | "y"): Turn {
  const odd = turn.quarters % 2 === 1;
  const imageX = (axis === "x") !== odd;
  return imageX ? { ...turn, flipX: !turn.flipX } : { ...turn, flipY: !turn.flipY };
}

export function rotated(turn: Turn, quarters: 1 | -1): Turn {
  return { ...turn, quarters: ((turn.quarters + quarters + 4) % 4) as Turn["quarters"] };
}

/** Size of one image pixel relative to the smaller side, [x, y]: pixel spacing, else aspect ratio (PS3.3 C.7.6.3.1.7). */
export function pixelShape(
  spacing: readonly number[] | undefined,
  aspect: readonly number[] | undefined,
): readonly [number, number] {
  const [vertical, horizontal] = spacing?.length === 2 ? spacing : (aspect ?? [1, 1]);
  if (!(vertical !== undefined && horizontal !== undefined && vertical > 0 && horizontal > 0)) return [1, 1];
  const least = Math.min(vertical, horizontal);
  return [horizontal / least, vertical / least];
}

export interface ScaleBar {
  readonly millimetres: number;
  readonly pixels: number;
}

/** A round length that fits into `longest` screen pixels. */
export function scaleBar(millimetresPerPixel: number, longest: number): ScaleBar | null {
  if (!(millimetresPerPixel > 0) || !(longest > 0)) return null;
  const fits = millimetresPerPixel * longest;
  const power = 10 ** Math.floor(Math.log10(fits));
  const step = [5, 2, 1].find((factor) => factor * power <= fits) ?? 1;
  const millimetres = step * power;
  return { millimetres, pixels: millimetres / millimetresPerPixel };
}

function cross(a: Vector3, b: Vector3): Vector3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function dot(a: Vector3, b: Vector3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** Place of a slice along the normal of its plane in mm, or null where the file does not say. */
export function placeAlongNormal(
  position: readonly number[] | undefined,
  cosines: readonly number[] | undefined,
): number | null {
  if (position?.length !== 3 || cosines?.length !== 6) return null;
  const row: Vector3 = [cosines[0] ?? 0, cosines[1] ?? 0, cosines[2] ?? 0];
  const column: Vector3 = [cosines[3] ?? 0, cosines[4] ?? 0, cosines[5] ?? 0];
  const place = dot([position[0] ?? 0, position[1] ?? 0, position[2] ?? 0], cross(row, column));
  return Number.isFinite(place) ? place : null;
}
