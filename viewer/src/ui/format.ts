/** DICOM values as people read them. Tolerant: what cannot be read is shown as it stands. */
import { LANGUAGE } from "../strings.ts";

/** A person name: FAMILY, Given Middle, with prefix and suffix; other scripts in brackets (PS3.5 section 6.2). */
export function personName(value: string | undefined): string {
  const groups = (value ?? "")
    .split("=")
    .map(nameGroup)
    .filter((name) => name !== "");
  const [first, ...others] = [...new Set(groups)];
  if (first === undefined) return "";
  return others.length === 0 ? first : `${first} (${others.join(", ")})`;
}

function nameGroup(group: string): string {
  const [family = "", given = "", middle = "", prefix = "", suffix = ""] = group
    .split("^")
    .map((part) => part.replace(/\s+/g, " ").trim());
  const fore = [prefix, given, middle].filter(Boolean).join(" ");
  const name = [family, fore].filter(Boolean).join(", ");
  return [name, suffix].filter(Boolean).join(" ");
}

interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** YYYYMMDD (also the old YYYY.MM.DD and ISO) as numbers, or null. */
function parseDate(value: string | undefined): Day | null {
  const match = /^\s*(\d{4})[.-]?(\d{2})[.-]?(\d{2})/.exec(value ?? "");
  if (match === null) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? { year, month, day } : null;
}

const dateFormats = new Map<string, Intl.DateTimeFormat>();

function dateFormat(): Intl.DateTimeFormat {
  const language = LANGUAGE;
  let format = dateFormats.get(language);
  if (format === undefined) {
    // English with the day first and the month as a word: read the same on both sides of the ocean.
    format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
      day: "numeric",
      month: "short",
      year: "numeric",
      timeZone: "UTC",
    });
    dateFormats.set(language, format);
  }
  return format;
}

/** Makes ready what takes a browser ten milliseconds, while nobody waits. */
export const warmDates = (): void => void dateFormat();

/** A date with the month as a word, or the value itself where it is no date. */
export function date(value: string | undefined): string {
  const parsed = parseDate(value);
  if (parsed === null) return (value ?? "").trim();
  return dateFormat().format(new Date(Date.UTC(parsed.year, parsed.month - 1, parsed.day)));
}

/** HHMMSS as HH:MM. */
export function time(value: string | undefined): string {
  const match = /^\s*(\d{2}):?(\d{2})/.exec(value ?? "");
  return match === null ? "" : `${match[1]}:${match[2]}`;
}

/** Age on a day: years, or months and days for small children. */
export function age(birth: string | undefined, on: string | undefined): string {
  const born = parseDate(birth);
  const then = parseDate(on);
  if (born === null || then === null) return "";
  let months = (then.year - born.year) * 12 + then.month - born.month;
  if (then.day < born.day) months -= 1;
  if (months < 0) return "";
  if (months >= 24) return `${Math.floor(months / 12)} y`;
  if (months >= 1) return `${months} mo`;
  const days =
    (Date.UTC(then.year, then.month - 1, then.day) - Date.UTC(born.year, born.month - 1, born.day)) / 864e5;
  return `${days} d`;
}

/** At most `digits` decimals, no trailing zeros. */
export function number(value: number, digits = 1): string {
  const rounded = Number(value.toFixed(digits));
  return String(Object.is(rounded, -0) ? 0 : rounded);
}

/** Window values: whole numbers where the range is wide, three digits of precision where it is narrow. */
export function windowValue(value: number, width: number): string {
  if (width >= 20) return number(value, 0);
  if (width >= 2) return number(value, 1);
  return Number(value.toPrecision(3)).toString();
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let size = value;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size >= 100 || unit === 0 ? Math.round(size) : number(size, 1)} ${units[unit]}`;
}

/** A length for the scale bar. */
export function length(millimetres: number): string {
  return millimetres >= 10 ? `${number(millimetres / 10)} cm` : `${number(millimetres, 3)} mm`;
}

/** An instant such as 2026-01-31T12:00:00Z as a local date and time. */
export function moment(value: string | undefined): string {
  const instant = new Date(value ?? "");
  if (Number.isNaN(instant.getTime())) return "";
  const language = LANGUAGE === "en" ? "en-GB" : LANGUAGE;
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(instant);
}
