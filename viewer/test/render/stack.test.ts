import { describe, expect, it } from "vitest";
import { displaySets, orderImages, type Place, placesOf, ranges, wideSteps } from "../../src/render/stack.ts";
import type { ImageFields } from "../../src/render/types.ts";

const AXIAL = [1, 0, 0, 0, 1, 0];

function slice(number: number, z: number, more: Partial<ImageFields> = {}): ImageFields {
  return { uid: `u${number}`, number, position: [0, 0, z], orientation: AXIAL, ...more };
}

const numbers = (images: readonly ImageFields[]): (number | undefined)[] =>
  images.map((image) => image.number);

describe("viewing order", () => {
  it("goes along the normal, from the end where numbering starts", () => {
    expect(numbers(orderImages([slice(3, 20), slice(1, 0), slice(2, 10)]))).toEqual([1, 2, 3]);
    expect(numbers(orderImages([slice(3, 0), slice(1, 20), slice(2, 10)]))).toEqual([1, 2, 3]);
  });

  it("trusts places more than numbers", () => {
    const mixed = [slice(1, 0), slice(3, 10), slice(2, 20), slice(4, 30)];
    expect(numbers(orderImages(mixed))).toEqual([1, 3, 2, 4]);
  });

  it("goes by acquisition and number where places repeat or differ in orientation", () => {
    const phases = [
      slice(4, 10, { acquisition: 2 }),
      slice(1, 0, { acquisition: 1 }),
      slice(3, 0, { acquisition: 2 }),
      slice(2, 10, { acquisition: 1 }),
    ];
    expect(numbers(orderImages(phases))).toEqual([1, 2, 3, 4]);
    const scouts = [slice(2, 0), slice(1, 0, { orientation: [0, 1, 0, 0, 0, -1] })];
    expect(numbers(orderImages(scouts))).toEqual([1, 2]);
  });

  it("keeps the order of the package where nothing is said", () => {
    expect(orderImages([{ uid: "b" }, { uid: "a" }]).map((image) => image.uid)).toEqual(["b", "a"]);
  });

  it("gives every multi-frame object a set of its own", () => {
    const sets = displaySets([slice(1, 0), { uid: "m", frames: 30 }, slice(2, 1), { uid: "n", frames: 2 }]);
    expect(sets.map((set) => set.length)).toEqual([2, 1, 1]);
    expect(placesOf(sets[1] ?? [], [])).toHaveLength(30);
  });
});

describe("what is missing", () => {
  const kinds = (places: readonly Place<ImageFields>[]): string =>
    places.map((place) => (place.kind === "gap" ? "-" : place.image.number)).join("");

  it("leaves a gap in place of a lost image", () => {
    const images = [slice(1, 0), slice(2, 1), slice(3, 2)];
    const places = placesOf(images, [{ uid: "u2", number: 2, reason: "unreadable" }]);
    expect(kinds(places)).toBe("1-3");
    expect(places[1]).toMatchObject({ kind: "gap", number: 2, reason: "unreadable" });
  });

  it("puts gaps of images the scan never saw where their number belongs", () => {
    const lost = (uid: string, number: number | null) => ({ uid, number, reason: "" });
    expect(kinds(placesOf([slice(1, 0), slice(3, 2)], [lost("x", 2), lost("y", 9)]))).toBe("1-3-");
    expect(kinds(placesOf([slice(9, 0), slice(3, 2)], [lost("z", 5)]))).toBe("9-3");
    expect(kinds(placesOf([slice(1, 0)], [lost("z", null)]))).toBe("1-");
  });

  it("notices a step much wider than the others", () => {
    const images = [0, 5, 10, 25, 30, 35].map((z, i) => slice(i + 1, z));
    expect(wideSteps(placesOf(images, []))).toEqual([2]);
    expect(wideSteps(placesOf(images.slice(0, 3), []))).toEqual([]);
  });

  it("writes numbers as ranges", () => {
    expect(ranges([44, 41, 42, 43, 47, 47])).toBe("41-44, 47");
    expect(ranges([])).toBe("");
  });
});
