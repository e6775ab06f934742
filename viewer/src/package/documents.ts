/** Index and manifest from their JSON; only what the viewer relies on is checked here. */
import { FORMAT, type Index, type Instance, type Manifest, PackageError, type Patient } from "./types.ts";
import { packageMessage } from "./words.ts";

type Json = Readonly<Record<string, unknown>>;

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

/** The index with what a series' instances have in common laid into each. */
export function readIndex(text: string): Index {
  const document = parse(text);
  const patients = list(document["patients"]).map((patient) => ({
    ...patient,
    studies: list(patient["studies"]).map((study) => ({
      ...study,
      series: list(study["series"]).map(readSeries),
    })),
  }));
  return {
    ...document,
    patients: patients as unknown as Patient[],
    documents: list(document["documents"]),
  } as unknown as Index;
}

function readSeries({ common, instances, ...series }: Json): Json {
  const shared = isObject(common) ? common : {};
  const merged = list(instances).map((instance) => ({ ...shared, ...instance }) as unknown as Instance);
  if (!merged.every(({ entry }) => typeof entry === "string")) throw damaged();
  return { ...series, instances: merged };
}

export function readManifest(text: string): Manifest {
  const document = parse(text);
  const entries = list(document["entries"]);
  const whole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  for (const entry of entries) {
    const numbers = [entry["offset"], entry["data_offset"], entry["data_length"], entry["size"]];
    if (!numbers.every(whole) || typeof entry["name"] !== "string" || typeof entry["sha256"] !== "string")
      throw damaged();
  }
  return document as unknown as Manifest;
}
