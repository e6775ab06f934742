import { expect, test } from "vitest";
import { openIndex, openManifest, packIndex, packManifest } from "../src/package/documents.ts";
import { PackageError } from "../src/package/types.ts";

const instances = (n: number) => Array.from({ length: n }, (_, i) => ({ entry: `DICOM/I${i}`, number: i }));
const index = (series: object[], more = {}) =>
  JSON.stringify({ format: "emix/1", patients: [{ studies: [{ series }] }], ...more });

test("an index of any size comes out as it went in, with what instances share laid into each", async () => {
  const series = [
    { uid: "1", common: { rows: 512, number: 7 }, instances: instances(1000) },
    { uid: "2", instances: instances(1) },
    { uid: "3", instances: [] },
  ];
  const opened = await openIndex(packIndex(index(series, { generator: "emix" })));
  const [first, second, third] = opened.patients[0]!.studies[0]!.series;
  expect(first!.instances).toHaveLength(1000);
  expect(first!.instances[999]).toEqual({ entry: "DICOM/I999", number: 999, rows: 512 });
  expect(first).not.toHaveProperty("common");
  expect(second!.instances).toEqual(instances(1));
  expect(third!.instances).toEqual([]);
  expect(opened.documents).toEqual([]);
});

test.each([
  ["no JSON", "{", "package.damaged"],
  ["a list", "[]", "package.damaged"],
  ["a later format", '{"format":"emix/2"}', "package.version"],
  ["instances that are no list", index([{ instances: 5 }]), "package.damaged"],
  ["an instance without entry", index([{ instances: [{ number: 1 }] }]), "package.damaged"],
  ["an instance that is null", index([{ instances: [null] }]), "package.damaged"],
])("an index that is damaged: %s", (_, text, code) => {
  expect(() => packIndex(text)).toThrow(expect.objectContaining({ code }) as PackageError);
});

test("a manifest of any size comes out as it went in", async () => {
  const entry = { offset: 1, data_offset: 2, data_length: 3, size: 4, sha256: "00", method: "stored" };
  const entries = Array.from({ length: 700 }, (_, i) => ({ ...entry, name: `DICOM/I${i}` }));
  const manifest = { format: "emix/1", package_id: "x", index_sha256: "y", entries };
  expect(await openManifest(packManifest(JSON.stringify(manifest)))).toEqual(manifest);
  const broken = { ...manifest, entries: [{ ...entry, name: "A", size: -1 }] };
  expect(() => packManifest(JSON.stringify(broken))).toThrow(PackageError);
});
