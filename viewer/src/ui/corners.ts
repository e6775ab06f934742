/** The texts on the image: who, when, where in the stack, how it is shown. */
import type { Instance } from "../package/types.ts";
import {
  type Orientation,
  orientationOf,
  scaleBar,
  type Turn,
  turnedOrientation,
} from "../render/geometry.ts";
import { geometryOf } from "../render/image.ts";
import type { Voi } from "../render/types.ts";
import { t } from "../strings.ts";
import { el, setHidden, setText } from "./dom.ts";
import { date, length, number, personName, time, windowValue } from "./format.ts";
import type { DisplaySet } from "./model.ts";

export interface CornerState {
  readonly set: DisplaySet;
  readonly index: number;
  readonly voi: Voi | null;
  readonly zoom: number;
  readonly turn: Turn;
  /** Millimetres of a device pixel; null where the file gives no spacing. */
  readonly mmPerPixel: number | null;
  /** Of the viewport, in device pixels. */
  readonly width: number;
  /** Device pixels of one CSS pixel. */
  readonly ratio: number;
  readonly partial: boolean;
  readonly wide: boolean;
}

type Corner = "tl" | "tr" | "bl" | "br";
const CORNERS: readonly Corner[] = ["tl", "tr", "bl", "br"];
const EDGES = ["top", "right", "bottom", "left"] as const;

/** A line; `minor` lines go first when there is little room. */
interface Line {
  readonly text: string;
  readonly minor?: boolean;
  readonly mark?: boolean;
}

export class Corners {
  readonly element = el("div", { class: "corners", "aria-hidden": "true" });
  private readonly boxes: Readonly<Record<Corner, HTMLElement>>;
  private readonly letters = new Map(
    EDGES.map((edge) => [edge, el("div", { class: `letter letter-${edge}`, "data-edge": edge })]),
  );
  private readonly scale = el("div", { class: "scale" });
  private readonly bar = el("div", { class: "scale-bar" });
  private readonly scaleText = el("div", { class: "scale-text" });

  constructor() {
    const box = (corner: Corner): HTMLElement =>
      el("div", { class: `corner corner-${corner}`, "data-corner": corner });
    this.boxes = { tl: box("tl"), tr: box("tr"), bl: box("bl"), br: box("br") };
    this.scale.append(this.bar, this.scaleText);
    this.element.append(...CORNERS.map((corner) => this.boxes[corner]), ...this.letters.values(), this.scale);
  }

  update(state: CornerState): void {
    const image = imageAt(state);
    const { set, index } = state;
    this.lines("tl", identityLines(set));
    this.lines("tr", studyLines(set, image));
    this.lines("bl", placeLines(set, index, image, state));
    this.lines("br", viewLines(state, image));
    const letters = lettersOf(state);
    for (const [edge, element] of this.letters) setText(element, letters?.[edge] ?? "");
    this.writeScale(state, image);
  }

  private writeScale(state: CornerState, image: Instance | null): void {
    const { mmPerPixel, width, ratio } = state;
    const scale = mmPerPixel === null ? null : scaleBar(mmPerPixel, Math.min(width / 3, 260 * ratio));
    setHidden(this.scale, scale === null);
    if (scale === null) return;
    const long = `${(scale.pixels / ratio).toFixed(1)}px`;
    if (this.bar.style.width !== long) this.bar.style.width = long;
    const plane = image?.spacing_kind === "detector" ? ` ${t("text.detector")}` : "";
    setText(this.scaleText, `${length(scale.millimetres)}${plane}`);
  }

  private lines(corner: Corner, lines: readonly Line[]): void {
    const box = this.boxes[corner];
    const shown = lines.filter((line) => line.text !== "");
    while (box.childElementCount > shown.length) box.lastElementChild?.remove();
    for (const [i, line] of shown.entries()) {
      const element = box.children[i] ?? box.appendChild(el("div"));
      setText(element, line.text);
      const name = `line${line.minor ? " minor" : ""}${line.mark ? " mark" : ""}`;
      if (element.className !== name) element.className = name;
    }
  }
}

/** The directions at the edges of the screen. */
function lettersOf({ set, index, turn }: CornerState): Orientation | null {
  const place = set.places[index];
  if (place?.kind !== "image") return null;
  const { orientation } = geometryOf(place.image, place.frame);
  const letters = orientationOf(orientation, place.image.patient_orientation);
  return letters === null ? null : turnedOrientation(letters, turn);
}

function imageAt(state: CornerState): Instance | null {
  const place = state.set.places[state.index];
  return place?.kind === "image" ? place.image : null;
}

function identityLines(set: DisplaySet): Line[] {
  const { patient } = set;
  return [
    { text: personName(patient.name) || t("banner.noname") },
    { text: [patient.id, patient.sex].filter(Boolean).join("  "), minor: true },
    { text: date(patient.birth_date), minor: true },
  ];
}

function studyLines(set: DisplaySet, image: Instance | null): Line[] {
  const { study, series } = set;
  const when = image?.date ?? series.date ?? study.date;
  const clock = image?.time ?? series.time ?? study.time;
  return [
    { text: study.institution ?? "", minor: true },
    { text: [date(when), time(clock)].filter(Boolean).join("  ") },
    { text: study.accession ? t("text.accession", { number: study.accession }) : "", minor: true },
    { text: study.description ?? "", minor: true },
  ];
}

function placeLines(set: DisplaySet, index: number, image: Instance | null, state: CornerState): Line[] {
  const { series, places } = set;
  const place = places[index];
  const frames = (image?.frames ?? 1) > 1;
  const count = t(frames ? "text.frame" : "text.image", { n: index + 1, total: places.length });
  const numbered = !frames && image?.number !== undefined && image.number !== index + 1;
  const position = place?.kind === "image" ? geometryOf(place.image, place.frame).position : undefined;
  const slice = image?.location ?? alongAxis(position, image?.orientation);
  return [
    { text: state.wide ? t("viewport.wide") : "", mark: true },
    { text: state.partial ? t("viewport.partial") : "", mark: true },
    {
      text: [series.number === undefined ? "" : t("text.series", { number: series.number }), series.modality]
        .filter(Boolean)
        .join("  "),
    },
    { text: series.description ?? "", minor: true },
    { text: [image?.laterality ?? series.laterality, image?.view].filter(Boolean).join("  ") },
    { text: numbered ? `${count}  ${t("text.number", { number: image?.number ?? "" })}` : count },
    {
      text: [
        slice === null ? "" : t("text.place", { mm: number(slice) }),
        image?.thickness === undefined ? "" : t("text.thickness", { mm: number(image.thickness, 2) }),
      ]
        .filter(Boolean)
        .join("  "),
    },
  ];
}

/** Position along the patient axis that the slice stands most upright to. */
function alongAxis(
  position: readonly number[] | undefined,
  cosines: readonly number[] | undefined,
): number | null {
  if (position?.length !== 3 || cosines?.length !== 6) return null;
  const [rx = 0, ry = 0, rz = 0, cx = 0, cy = 0, cz = 0] = cosines;
  const normal = [ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx].map(Math.abs);
  return position[normal.indexOf(Math.max(...normal))] ?? null;
}

function viewLines(state: CornerState, image: Instance | null): Line[] {
  const { voi, zoom } = state;
  const lossy = image?.lossy;
  return [
    {
      text:
        typeof lossy === "number"
          ? t("text.lossyratio", { ratio: number(lossy) })
          : lossy === true
            ? t("text.lossy")
            : "",
      mark: true,
    },
    {
      text: t("text.zoom", { zoom: zoom >= 10 ? `${number(zoom, 0)}x` : `${number(zoom, 2)}x` }),
      minor: true,
    },
    { text: voi === null ? "" : voiText(voi) },
  ];
}

function voiText(voi: Voi): string {
  if (voi.kind === "lut") return voi.lut.explanation || t("text.table");
  return t("text.window", {
    width: windowValue(voi.width, voi.width),
    center: windowValue(voi.center, voi.width),
  });
}
