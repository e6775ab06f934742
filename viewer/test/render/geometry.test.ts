import { describe, expect, it } from "vitest";
import {
  directionLetters,
  flipOnScreen,
  oppositeLetters,
  orientationOf,
  pixelShape,
  placeAlongNormal,
  rotated,
  scaleBar,
  type Turn,
  turnedOrientation,
  UPRIGHT,
} from "../../src/render/geometry.ts";

const AXIAL = [1, 0, 0, 0, 1, 0];
const SAGITTAL = [0, 1, 0, 0, 0, -1];
const CORONAL = [1, 0, 0, 0, 0, -1];

describe("orientation letters", () => {
  it("names main planes", () => {
    expect(orientationOf(AXIAL, undefined)).toEqual({ right: "L", left: "R", bottom: "P", top: "A" });
    expect(orientationOf(SAGITTAL, undefined)).toEqual({ right: "P", left: "A", bottom: "F", top: "H" });
    expect(orientationOf(CORONAL, undefined)).toEqual({ right: "L", left: "R", bottom: "F", top: "H" });
  });

  it("names oblique directions by size, without noise", () => {
    expect(directionLetters([0.8, 0.6, 0])).toBe("LP");
    expect(directionLetters([0.6, -0.8, 0.05])).toBe("AL");
    expect(directionLetters([0.99, 0.1, 0.1])).toBe("L");
    expect(directionLetters([-0.57, -0.58, 0.582])).toBe("HAR");
  });

  it("takes Patient Orientation where there is no geometry", () => {
    expect(orientationOf(undefined, ["PL", "F"])).toEqual({ right: "PL", left: "AR", bottom: "F", top: "H" });
    expect(orientationOf(undefined, undefined)).toBeNull();
    expect(orientationOf([1, 0, 0], ["", ""])).toBeNull();
    expect(oppositeLetters("FRA")).toBe("HLP");
  });

  it("turns and flips with the view", () => {
    const axial = orientationOf(AXIAL, undefined);
    if (axial === null) throw new Error("no letters");
    const at = (turn: Turn): string => {
      const { top, right, bottom, left } = turnedOrientation(axial, turn);
      return [top, right, bottom, left].join("");
    };
    expect(at(UPRIGHT)).toBe("ALPR");
    expect(at(rotated(UPRIGHT, 1))).toBe("RALP");
    expect(at(rotated(UPRIGHT, -1))).toBe("LPRA");
    expect(at(flipOnScreen(UPRIGHT, "x"))).toBe("ARPL");
    expect(at(flipOnScreen(UPRIGHT, "y"))).toBe("PLAR");
    // A mirror is a mirror of the screen, also when the image lies on its side.
    expect(at(flipOnScreen(rotated(UPRIGHT, 1), "x"))).toBe("RPLA");
    let turn: Turn = UPRIGHT;
    for (let i = 0; i < 4; i++) turn = rotated(turn, 1);
    expect(turn).toEqual(UPRIGHT);
  });
});

describe("distances", () => {
  it("shapes pixels by spacing, else by aspect", () => {
    expect(pixelShape([0.5, 0.5], undefined)).toEqual([1, 1]);
    expect(pixelShape([1, 0.5], undefined)).toEqual([1, 2]);
    expect(pixelShape([0.5, 1], undefined)).toEqual([2, 1]);
    expect(pixelShape(undefined, [4, 3])).toEqual([1, 4 / 3]);
    expect(pixelShape([0, 1], undefined)).toEqual([1, 1]);
    expect(pixelShape(undefined, undefined)).toEqual([1, 1]);
  });

  it("chooses round lengths for the scale", () => {
    expect(scaleBar(0.7, 200)).toEqual({ millimetres: 100, pixels: 100 / 0.7 });
    expect(scaleBar(0.3, 200)?.millimetres).toBe(50);
    expect(scaleBar(0.012, 200)?.millimetres).toBe(2);
    expect(scaleBar(0, 200)).toBeNull();
  });

  it("places slices along their normal", () => {
    expect(placeAlongNormal([1, 2, -30], AXIAL)).toBe(-30);
    expect(placeAlongNormal([7, 0, 0], SAGITTAL)).toBe(-7);
    expect(placeAlongNormal(undefined, AXIAL)).toBeNull();
    expect(placeAlongNormal([1, 2, 3], [1, 0])).toBeNull();
  });
});
