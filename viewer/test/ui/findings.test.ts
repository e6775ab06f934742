/** What findings say of a series, from their words alone. */
import { describe, expect, it } from "vitest";
import type { Finding, Instance, Patient, Series } from "../../src/package/types.ts";
import { findingText, placesIn, SeriesFindings } from "../../src/ui/findings.ts";

const image = (number: number, more: Partial<Instance> = {}): Instance => ({
  entry: `E${number}`,
  uid: `2.25.${number}`,
  transfer_syntax: "1.2.840.10008.1.2.1",
  kind: "image",
  number,
  ...more,
});
const series = (number: number, ...instances: Instance[]): Series => ({
  uid: `1.${number}`,
  number,
  instances,
});
const patient = (...all: Series[]): Patient => ({ studies: [{ uid: "1", series: all }] });
const finding = (code: string, where: string, count = 1): Finding => ({
  code,
  severity: "LOSS",
  count,
  where,
  why: "why",
});

describe("places", () => {
  it("reads series and instances", () => {
    expect(placesIn("study 2 series 4: instance 7")).toEqual([{ series: "4", numbers: [7] }]);
    expect(placesIn("series 4: instances 41-43, 50; series without number: instance 7; and 3 more")).toEqual([
      { series: "4", numbers: [41, 42, 43, 50] },
      { series: null, numbers: [7] },
    ]);
  });

  it.each([
    "series 4: 3 files",
    "series 4: 2 instances without number",
    "series 4: instances 1-3, \u2026",
    "series 4: instances 9-1",
    "series 4: instances 1-999999999",
  ])("knows no numbers of %s", (where) => {
    expect(placesIn(where)).toEqual([{ series: "4", numbers: null }]);
  });

  it.each(["", undefined, "a file", "series x: instance 1"])("passes over %s", (where) => {
    expect(placesIn(where)).toEqual([]);
  });
});

describe("a series", () => {
  it("misses what the disc's directory names beyond it", () => {
    const one = series(4, image(1), image(2));
    const found = [finding("D02", "series 4: instances 3-6; series 9: instances 1-2", 6)];
    expect(new SeriesFindings([patient(one)], found).missing(one)).toBe(4);
  });

  it("says nothing where another series may be meant", () => {
    const [one, same] = [series(4, image(1)), series(4, image(1))];
    const found = [finding("D02", "series 4: instances 3-6", 4)];
    expect(new SeriesFindings([patient(one, same)], found).missing(one)).toBe(0);
    const present = [finding("D02", "series 4: instances 1-6", 6)];
    expect(new SeriesFindings([patient(one)], present).missing(one)).toBe(0);
  });

  it("has cut images by the finding's numbers and by the length of its files", () => {
    const long = { offset: 100, length: 50, type: "integer" } as const;
    const one = series(
      4,
      image(1, { pixel: long, size: 149 }),
      image(2, { pixel: long, size: 150 }),
      image(3, { pixel: { ...long, length: null }, size: 120 }),
      image(4, { pixel: long, size: 120, deflated_from: 90 }),
    );
    const found = [finding("S06", "series 4: instance 3")];
    expect([...new SeriesFindings([patient(one)], found).cut(one)]).toEqual(["2.25.1", "2.25.3"]);
  });
});

it.each([
  [finding("D02", "series 4: instance 3"), "1 image file is missing on the disc: series 4"],
  [finding("S04", "", 3), "3 image files are cut short or damaged on the disc"],
  [
    finding("D02", [1, 2, 3, 4, 5, 6, 7].map((n) => `series ${n}: instance 1`).join("; "), 7),
    "7 image files are missing on the disc: series 1, 2, 3, 4, 5, 6, \u2026",
  ],
  [finding("F07", "series 4: instance 3"), "why"],
])("tells a recipient in one line", (found, words) => {
  expect(findingText(found)).toBe(words);
});
