/** What was wrong with the disc, as it concerns the images in hand: which are cut, and what a recipient must be told. */
import type { Finding, Instance, Patient, Series } from "../package/types.ts";
import { t } from "../strings.ts";

const MISSING = "D02";
const CUT = new Set(["S04", "S05", "S06", "S10"]);
const UNREAD = new Set(["M01", "F09"]);
/** Series that a notice names before it says that there are more. */
const NAMED = 6;

/** One place of a finding: `study 2 series 4: instances 41-44, 50` (docs/format/package-v1.md, section 5). */
export interface FindingPlace {
  /** Null for a series without number. */
  readonly series: string | null;
  /** Instance numbers; null where they are not all known. */
  readonly numbers: readonly number[] | null;
}

/** The places of `where` that name a series; other words are passed over. */
export function placesIn(where: string | undefined): FindingPlace[] {
  return (where ?? "").split("; ").flatMap((part) => {
    const match = /^(?:study \d+ )?series ([+-]?\d+|without number): (?:instances? )?(.+)$/.exec(part);
    if (match === null) return [];
    const [, series = "", numbers = ""] = match;
    return [{ series: series === "without number" ? null : series, numbers: numbersIn(numbers) }];
  });
}

function numbersIn(text: string): number[] | null {
  const numbers: number[] = [];
  for (const part of text.split(", ")) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part);
    if (match === null) return null;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (last < first || last - first > 100_000) return null;
    for (let n = first; n <= last; n++) numbers.push(n);
  }
  return numbers;
}

/** What findings say of a series; findings know numbers only, so a number that several series have says nothing. */
export class SeriesFindings {
  private readonly byNumber = new Map<string, Series | null>();

  constructor(
    patients: readonly Patient[],
    private readonly findings: readonly Finding[],
  ) {
    for (const series of patients.flatMap((p) => p.studies).flatMap((study) => study.series)) {
      const number = String(series.number ?? "");
      this.byNumber.set(number, this.byNumber.has(number) ? null : series);
    }
  }

  /** Instances that are cut short or damaged on the disc. */
  cut(series: Series): Set<string> {
    const numbers = new Set(this.placesOf(series, (code) => CUT.has(code)).flatMap((p) => p.numbers ?? []));
    const cut = series.instances.filter(
      (i) => endsEarly(i) || (i.number !== undefined && numbers.has(i.number)),
    );
    return new Set(cut.map((instance) => instance.uid));
  }

  /** How many images the disc's directory names beyond those that are there. */
  missing(series: Series): number {
    const [place, ...others] = this.placesOf(series, (code) => code === MISSING);
    // numbers that are present, or the same number twice: it is another series that is meant
    if (place?.numbers == null || others.length > 0) return 0;
    const present = new Set(series.instances.map((instance) => instance.number));
    return place.numbers.some((number) => present.has(number)) ? 0 : place.numbers.length;
  }

  private placesOf(series: Series, wanted: (code: string) => boolean): FindingPlace[] {
    const number = String(series.number ?? "");
    if (number === "" || this.byNumber.get(number) !== series) return [];
    const found = this.findings.filter((finding) => wanted(finding.code));
    return found.flatMap(({ where }) => placesIn(where)).filter((place) => place.series === number);
  }
}

/** Whether the pixel data reach beyond the end of the file. */
function endsEarly({ pixel, size, deflated_from }: Instance): boolean {
  if (pixel == null || pixel.length === null || size === undefined || deflated_from !== undefined)
    return false;
  return pixel.offset + pixel.length > size;
}

/** Whether a recipient must be told before trusting the images. */
export function isGrave(finding: Finding): boolean {
  return ["LOSS", "BLOCK"].includes(finding.severity.toUpperCase());
}

/** A grave finding in one line. */
export function findingText(finding: Finding): string {
  const n = finding.count ?? 1;
  const kind =
    finding.code === MISSING
      ? "missing"
      : CUT.has(finding.code)
        ? "cut"
        : UNREAD.has(finding.code)
          ? "unread"
          : null;
  if (kind === null) return finding.why || finding.code;
  return t(n === 1 ? `notes.${kind}.one` : `notes.${kind}.many`, { n, where: seriesIn(finding.where) });
}

function seriesIn(where: string | undefined): string {
  const places = placesIn(where);
  if (places.length === 0) return "";
  const numbers = [...new Set(places.map((place) => place.series ?? t("notes.nonumber")))];
  const more = numbers.length > NAMED ? ", \u2026" : "";
  return t("notes.inseries", { numbers: numbers.slice(0, NAMED).join(", ") + more });
}
