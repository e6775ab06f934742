/** Index and manifest from their JSON; only what the viewer relies on is checked here. */
import { type Batches, pack, unpack } from "./batches.ts";
import { FORMAT, type Index, type Manifest, PackageError } from "./types.ts";
import { packageMessage } from "./words.ts";

type Json = Record<string, unknown>;
type Lists = readonly (readonly [Json, string])[];

const damaged = (): PackageError => new PackageError("package.damaged", packageMessage("package.damaged"));

/** Throws package.version for a later format, package.damaged for none. */
export function checkFormat(format: unknown): void {
  if (format === FORMAT) return;
  const later = typeof format === "string" && format.startsWith("emix/");
  const code = later ? "package.version" : "package.damaged";
  throw new PackageError(code, packageMessage(code));
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parse(text: string): Json {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw damaged();
  }
  if (!isObject(document)) throw damaged();
  checkFormat(document["format"]);
  return document;
}

function list(value: unknown): Json[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every(isObject)) throw damaged();
  return value;
}

/** Every series, with its list of instances. */
function seriesOf(index: Json): Lists {
  const studies = list(index["patients"]).flatMap((patient) => list(patient["studies"]));
  return studies.flatMap((study) => list(study["series"])).map((series) => [series, "instances"] as const);
}

/** Checks an index, for `openIndex`. Throws PackageError. */
export function packIndex(text: string): Batches {
  const index = parse(text);
  list(index["documents"]);
  const lists = seriesOf(index);
  for (const [series] of lists) {
    const common = isObject(series["common"]) ? series["common"] : {};
    const named = ({ entry }: Json): boolean => typeof (entry ?? common["entry"]) === "string";
    if (!list(series["instances"]).every(named)) throw damaged();
  }
  return pack(index, lists);
}

/** The index with what a series' instances have in common laid into each. */
export async function openIndex(batches: Batches): Promise<Index> {
  const index = await unpack(batches, seriesOf, ({ common }, instance) =>
    isObject(common) ? { ...common, ...instance } : instance,
  );
  index["patients"] ??= [];
  index["documents"] ??= [];
  for (const patient of list(index["patients"])) {
    patient["studies"] ??= [];
    for (const study of list(patient["studies"])) {
      study["series"] ??= [];
      for (const series of list(study["series"])) delete series["common"];
    }
  }
  return index as unknown as Index;
}

const entriesOf = (manifest: Json): Lists => [[manifest, "entries"]];

/** Checks a manifest, for `openManifest`. Throws PackageError. */
export function packManifest(text: string): Batches {
  const manifest = parse(text);
  const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  for (const entry of list(manifest["entries"])) {
    const numbers = [entry["offset"], entry["data_offset"], entry["data_length"], entry["size"]];
    if (!numbers.every(whole) || typeof entry["name"] !== "string" || typeof entry["sha256"] !== "string")
      throw damaged();
  }
  return pack(manifest, entriesOf(manifest));
}

export const openManifest = async (batches: Batches): Promise<Manifest> =>
  (await unpack(batches, entriesOf)) as unknown as Manifest;
