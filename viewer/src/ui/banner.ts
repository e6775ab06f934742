/** Who is shown; always visible. */
import type { Index, Patient, Study } from "../package/types.ts";
import { find, t } from "../strings.ts";
import { el, fill, setText } from "./dom.ts";
import { age, date, personName } from "./format.ts";

/** Whose picture or document is on the screen; `patient` is null where the package does not say. */
export interface Shown {
  readonly patient: Patient | null;
  readonly study: Study | undefined;
  readonly note?: string;
}

export class Banner {
  readonly element: HTMLElement;
  private readonly content = el("div", { class: "banner-content" });
  /** Said at once: another patient must not be missed. */
  private readonly alert = el("p", { class: "sr-only", role: "alert" });
  private patient: Patient | null | undefined;

  constructor(private readonly index: Index) {
    this.element = el(
      "header",
      { class: "banner", "aria-label": t("banner.label") },
      this.content,
      this.alert,
    );
    const patient = index.patients[0];
    if (patient !== undefined) this.update({ patient, study: patient.studies[0] });
  }

  update(shown: Shown): void {
    const { patient, study } = shown;
    if (this.patient !== undefined && this.patient !== patient) this.changed(patient);
    this.patient = patient;
    fill(
      this.content,
      patient === null ? unnamed() : this.named(patient, study, shown.note ?? ""),
      study !== undefined && studyOf(study),
    );
  }

  private named(patient: Patient, study: Study | undefined, note: string): HTMLElement {
    const years = age(patient.birth_date, study?.date);
    const total = this.index.patients.length;
    const sex = find(`sex.${patient.sex ?? ""}`, patient.sex ?? "");
    return el(
      "div",
      { class: "banner-patient" },
      el("h1", { class: "banner-name" }, el("bdi", {}, nameOf(patient))),
      el(
        "p",
        { class: "banner-facts" },
        el("span", {}, birthOf(patient)),
        years !== "" && el("span", { class: "minor" }, t("banner.age", { age: years })),
        sex !== "" && el("span", {}, sex),
        el("span", { title: patient.issuer ?? "" }, idOf(patient)),
      ),
      total > 1 &&
        el(
          "p",
          { class: "badge warn" },
          t("banner.more", { n: this.index.patients.indexOf(patient) + 1, total }),
        ),
      note !== "" && el("p", { class: "badge warn banner-note" }, note),
      this.index.deidentification ? el("p", { class: "badge" }, t("banner.deidentified")) : null,
    );
  }

  /** The next image or document is of another patient: the banner lights up, and a screen reader says it. */
  private changed(patient: Patient | null): void {
    const words =
      patient === null ? t("live.unnamed") : t("live.patient", { name: nameOf(patient), id: idOf(patient) });
    setText(this.alert, words);
    this.element.classList.remove("changed");
    // the next frame, so that the animation starts anew
    requestAnimationFrame(() => this.element.classList.add("changed"));
  }
}

export function nameOf(patient: Patient): string {
  return personName(patient.name) || t("banner.noname");
}

export function birthOf(patient: Patient): string {
  return patient.birth_date ? t("banner.born", { date: date(patient.birth_date) }) : t("banner.nobirth");
}

export function idOf(patient: Patient): string {
  return patient.id ? t("banner.id", { id: patient.id }) : t("banner.noid");
}

function unnamed(): HTMLElement {
  return el(
    "div",
    { class: "banner-patient" },
    el("h1", { class: "banner-name unnamed" }, t("banner.unnamed")),
    el("p", { class: "badge warn banner-note" }, t("banner.readreport")),
  );
}

function studyOf(study: Study): HTMLElement {
  return el(
    "div",
    { class: "banner-study" },
    el(
      "p",
      { class: "banner-studyname" },
      el("bdi", {}, study.description || study.id || t("banner.nostudy")),
    ),
    el(
      "p",
      { class: "banner-facts" },
      el("span", {}, date(study.date)),
      study.institution ? el("span", { class: "minor" }, el("bdi", {}, study.institution)) : null,
    ),
  );
}
