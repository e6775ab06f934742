/** The package as the reader goes through it: display sets, documents, losses. */
import { Turns } from "../base/turns.ts";
import { type Inside, readInside } from "../documents/inside.ts";
import { readBlocks } from "../documents/outline.ts";
import type {
  DocumentEntry,
  Finding,
  Index,
  Instance,
  Manifest,
  Match,
  Patient,
  Series,
  SeriesLoss,
  Study,
} from "../package/types.ts";
import { displaySets, type Loss, type Place, placesOf, ranges } from "../render/stack.ts";
import { find, t } from "../strings.ts";
import { SeriesFindings } from "./findings.ts";
import { date } from "./format.ts";

/** What one thumbnail stands for. */
export interface DisplaySet {
  readonly id: string;
  readonly patient: Patient;
  readonly study: Study;
  readonly series: Series;
  readonly images: readonly Instance[];
  places: Place<Instance>[];
  /** Instances that are shown although bytes of them are missing. */
  partial: ReadonlySet<string>;
  /** Instances that are cut short or damaged on the disc. */
  readonly cut: ReadonlySet<string>;
  /** Images that the disc's directory names and that were not there; where in the stack is not known. */
  readonly missing: number;
}

export interface DocumentItem {
  readonly id: string;
  /** The title without the number that tells it from others of the same name. */
  readonly name: string;
  readonly title: string;
  readonly subtitle: string;
  readonly kind: "pdf" | "text" | "other";
  /** Whose it is; null where the package does not say. */
  readonly patient: Patient | null;
  /** Of a document that is an object of a study. */
  readonly study: Study | undefined;
  readonly series: Series | null;
  /** What is known of whose it is, for the banner. */
  readonly note: string;
  readonly source:
    | { readonly type: "entry"; readonly entry: DocumentEntry }
    | {
        readonly type: "inside";
        readonly entry: DocumentEntry;
        readonly inside: Inside;
        readonly number: number;
      }
    | { readonly type: "instance"; readonly instance: Instance };
  readonly warning: string;
  /** That a report was compared with the images and fits, in words. */
  readonly verdict: string;
}

export interface LossNote {
  readonly text: string;
  readonly set: DisplaySet | null;
}

export interface Model {
  readonly sets: readonly DisplaySet[];
  readonly documents: readonly DocumentItem[];
  readonly findings: readonly Finding[];
  readonly patients: readonly Patient[];
}

/** The model of an index, in the order of the package; losses come later, with the manifest. */
export async function buildModel(index: Index): Promise<Model> {
  const turns = new Turns();
  const sets: DisplaySet[] = [];
  const findings = new SeriesFindings(index.patients, index.findings ?? []);
  const only = index.patients.length === 1 ? (index.patients[0] ?? null) : null;
  const documents = (index.documents ?? []).flatMap((entry) => {
    const item = documentOfEntry(entry, only);
    return [item, ...readInside(entry.inside).flatMap((one, i) => documentInside(item, entry, one, i + 1))];
  });
  for (const [patient, study, series] of allSeries(index)) {
    sets.push(...setsOf({ patient, study, series }, findings, sets.length));
    const others = series.instances.filter((instance) => instance.kind !== "image");
    documents.push(...others.map((instance) => documentOfInstance(instance, { patient, study, series })));
    const rest = turns.rest();
    if (rest) await rest;
  }
  return { sets, documents: numbered(documents), findings: index.findings ?? [], patients: index.patients };
}

/** Documents of one patient that have the same title get a number each. */
function numbered(documents: readonly DocumentItem[]): DocumentItem[] {
  const counts = new Map<Patient | null, Map<string, number>>();
  const count = ({ patient, name }: DocumentItem): number => {
    const names = counts.get(patient) ?? new Map<string, number>();
    counts.set(patient, names.set(name, (names.get(name) ?? 0) + 1));
    return names.get(name) ?? 0;
  };
  const places = documents.map(count);
  return documents.map((item, i) => {
    const several = (counts.get(item.patient)?.get(item.name) ?? 0) > 1;
    const number = /\d$/.test(item.name) ? `(${places[i]})` : places[i];
    return several ? { ...item, title: `${item.name} ${number}` } : item;
  });
}

function* allSeries(index: Index): Generator<readonly [Patient, Study, Series]> {
  for (const patient of index.patients)
    for (const study of newestFirst(patient.studies))
      for (const series of study.series) yield [patient, study, series];
}

/** The study that was made last is what a reader wants first. */
function newestFirst(studies: readonly Study[]): Study[] {
  const when = (study: Study): string => `${study.date ?? ""}${study.time ?? ""}`;
  return [...studies].sort((a, b) => (when(a) < when(b) ? 1 : when(a) > when(b) ? -1 : 0));
}

interface Home {
  readonly patient: Patient;
  readonly study: Study;
  readonly series: Series;
}

function setsOf(home: Home, findings: SeriesFindings, first: number): DisplaySet[] {
  const images = home.series.instances.filter((instance) => instance.kind === "image");
  const cut = findings.cut(home.series);
  const missing = findings.missing(home.series);
  return displaySets(images).map((group, i) => ({
    id: `set-${first + i}`,
    ...home,
    images: group,
    places: placesOf(group, []),
    partial: new Set<string>(),
    cut: new Set(group.map(({ uid }) => uid).filter((uid) => cut.has(uid))),
    missing: i === 0 ? missing : 0,
  }));
}

function documentOfEntry(entry: DocumentEntry, patient: Patient | null): DocumentItem {
  const kind =
    entry.text !== undefined
      ? "text"
      : entry.kind === "pdf"
        ? "pdf"
        : entry.kind === "text" || readBlocks(entry.blocks).length > 0
          ? "text"
          : "other";
  const name = entry.title || t("documents.report");
  return {
    id: `doc-${entry.entry}`,
    name,
    title: name,
    subtitle: [kindName(kind, entry.kind), date(entry.date)].filter(Boolean).join(" \u00b7 "),
    kind,
    patient,
    study: undefined,
    series: null,
    note: patient === null ? "" : matchNote(entry.match),
    source: { type: "entry", entry },
    ...comparison(entry.match),
  };
}

/** A document inside a report stands by itself, behind it; what is elsewhere is never fetched. */
function documentInside(
  parent: DocumentItem,
  entry: DocumentEntry,
  inside: Inside,
  number: number,
): DocumentItem[] {
  if (inside.sha256 === "") return [];
  const kind = inside.kind === "pdf" ? "pdf" : inside.blocks.length > 0 ? "text" : "other";
  const name = inside.title || t("documents.attached");
  return [
    {
      ...parent,
      id: `${parent.id}-${number}`,
      name,
      title: name,
      subtitle: [kindName(kind, inside.kind), t("documents.in", { title: parent.name })].join(" \u00b7 "),
      kind,
      source: { type: "inside", entry, inside, number },
      warning: held(parent.warning),
      verdict: held(parent.verdict),
    },
  ];
}

const held = (said: string): string => (said === "" ? "" : t("documents.held", { said }));

/** What the sender's comparison with the images said, in words. */
function comparison(match: Match | undefined): Pick<DocumentItem, "warning" | "verdict"> {
  const reason = match?.reason ?? "";
  if (match?.verdict === "match") return { warning: "", verdict: t("documents.match", { reason }) };
  if (match?.verdict !== "warn") return { warning: "", verdict: "" };
  const accepted = match.accepted ?? "";
  const warning =
    accepted === "" ? t("documents.warn", { reason }) : t("documents.accepted", { reason, accepted });
  return { warning, verdict: "" };
}

/** The rules of reports that do not say whom they are about. */
const SAYS_TOO_LITTLE = new Set(["R10", "R11"]);

/** Words for the banner over a report that came beside the images. */
function matchNote(match: Match | undefined): string {
  if (match?.verdict === "match") return "";
  const little = SAYS_TOO_LITTLE.has(match?.rule ?? "") && !match?.accepted;
  const compared = match?.verdict === "warn" && !little;
  return t(compared ? "documents.other-patient" : "documents.not-compared");
}

function documentOfInstance(instance: Instance, home: Home): DocumentItem {
  const { series } = home;
  const pdf = instance.kind === "document" && instance.document?.mime === "application/pdf";
  const lines = (instance.text?.length ?? 0) > 0 || readBlocks(instance.document?.blocks).length > 0;
  const text = !pdf && lines;
  const kind = pdf ? "pdf" : text ? "text" : "other";
  const name = instance.document?.title || series.description || t("documents.untitled");
  return {
    id: `doc-${instance.entry}`,
    name,
    title: name,
    subtitle: [kindName(kind, ""), series.modality, date(instance.date ?? series.date)]
      .filter(Boolean)
      .join(" \u00b7 "),
    kind,
    ...home,
    note: "",
    source: { type: "instance", instance },
    ...comparison(instance.document?.match),
  };
}

function kindName(kind: DocumentItem["kind"], raw: string): string {
  if (kind === "pdf") return t("documents.pdf");
  const known = find(`documents.kind.${raw}`, "");
  if (known !== "") return known;
  if (kind === "text") return t("documents.text");
  return raw === "" ? t("documents.other") : raw.toUpperCase();
}

/** Title of a display set as the list shows it. */
export function setTitle(set: DisplaySet): string {
  const { series } = set;
  const own = series.description || series.protocol || series.body_part;
  if (own) return own;
  return series.number === undefined ? t("series.plain") : t("series.untitled", { number: series.number });
}

/** Whether images of a set are missing or damaged. */
export function isIncomplete(set: DisplaySet): boolean {
  const gaps = set.places.some((place) => place.kind === "gap");
  return gaps || set.missing > 0 || set.partial.size > 0 || set.cut.size > 0;
}

/** Number of images or frames, and of the missing and damaged ones. */
export function setCount(set: DisplaySet): string {
  const shown = set.places.filter((place) => place.kind === "image").length;
  const lost = set.places.length - shown + set.missing;
  const frames = (set.images[0]?.frames ?? 1) > 1;
  const count = shown === 1 ? t("series.image") : t(frames ? "series.frames" : "series.images", { n: shown });
  const parts = [
    count,
    lost > 0 && t("series.lost", { n: lost }),
    set.cut.size > 0 && t("series.cut", { n: set.cut.size }),
  ];
  return parts.filter(Boolean).join(", ");
}

/** Take the manifest's losses into the display sets and say them in words. */
export async function applyManifest(model: Model, manifest: Manifest): Promise<LossNote[]> {
  const turns = new Turns();
  const changes: (() => void)[] = [];
  const present = new Set(manifest.entries.map((entry) => entry.name));
  const notes: LossNote[] = [];
  const seen = new Set<string>();
  const reported = new Map((manifest.losses ?? []).map((loss) => [loss.series_uid, loss]));
  for (const set of model.sets) {
    const loss = reported.get(set.series.uid);
    const { gaps, partial } = lossesOf(set, loss, present, seen);
    const places = gaps.length > 0 ? placesOf(set.images, gaps) : null;
    changes.push(() => {
      set.partial = partial;
      set.places = places ?? set.places;
    });
    const numbers = [
      ...gaps.map((gap) => gap.number),
      ...set.images.filter((i) => partial.has(i.uid)).map(numberOf),
    ];
    if (numbers.length > 0) notes.push({ text: lossText(numbers, set.series), set });
    seen.add(set.series.uid);
    const rest = turns.rest();
    if (rest) await rest;
  }
  for (const [uid, loss] of reported) {
    if (seen.has(uid)) continue;
    const numbers = loss.instances.map((instance) => instance.instance_number ?? null);
    notes.push({ text: lossText(numbers, null), set: null });
  }
  // all at once, so that nobody scrolls through half of it
  for (const change of changes) change();
  return notes;
}

const numberOf = (instance: Instance): number | null => instance.number ?? null;

function lossesOf(
  set: DisplaySet,
  loss: SeriesLoss | undefined,
  present: ReadonlySet<string>,
  seen: ReadonlySet<string>,
): { gaps: Loss[]; partial: Set<string> } {
  const own = new Set(set.images.map((image) => image.uid));
  const elsewhere = new Set(set.series.instances.map((instance) => instance.uid));
  const gaps = new Map<string, Loss>();
  const partial = new Set<string>();
  for (const [i, lost] of (loss?.instances ?? []).entries()) {
    const uid = lost.sop_instance_uid ?? `unknown-${i}`;
    // Several sets share a series: each takes its own images, the first one what belongs to none.
    if (!own.has(uid) && (elsewhere.has(uid) || seen.has(set.series.uid))) continue;
    if (own.has(uid) && lost.entry !== undefined && present.has(lost.entry)) partial.add(uid);
    else gaps.set(uid, { uid, number: lost.instance_number ?? null, reason: reasonText(lost.reason) });
  }
  for (const image of set.images) {
    if (!present.has(image.entry) && !gaps.has(image.uid)) {
      gaps.set(image.uid, { uid: image.uid, number: image.number ?? null, reason: "" });
    }
  }
  return { gaps: [...gaps.values()], partial };
}

/** A reason of the manifest: one of the known words, else as it stands. */
function reasonText(reason: string | undefined): string {
  return find(`reason.${reason ?? ""}`, reason ?? "");
}

function lossText(numbers: readonly (number | null)[], series: Series | null): string {
  const known = numbers.filter((number) => number !== null);
  const images =
    known.length === numbers.length && known.length > 0
      ? t(known.length === 1 ? "notes.slice" : "notes.slices", { numbers: ranges(known) })
      : numbers.length === 1
        ? t("notes.one")
        : t("notes.count", { n: numbers.length });
  const name = series?.number ?? series?.description ?? series?.modality ?? "?";
  return t("notes.lost", { images, series: name });
}
