/** Who the images show; always visible. */
import type { Index } from "../package/types.ts";
import { find, t } from "../strings.ts";
import { el, fill } from "./dom.ts";
import { age, date, personName } from "./format.ts";
import type { DisplaySet } from "./model.ts";

export class Banner {
  readonly element = el("header", { class: "banner", "aria-label": t("banner.label") });

  constructor(private readonly index: Index) {
    const patient = index.patients[0];
    if (patient !== undefined) this.update({ patient, study: patient.studies[0] });
  }

  update(shown: Pick<DisplaySet, "patient"> & { readonly study: DisplaySet["study"] | undefined }): void {
    const { patient, study } = shown;
    const name = personName(patient.name);
    const years = age(patient.birth_date, study?.date);
    const several = this.index.patients.length > 1;
    const place = this.index.patients.indexOf(patient) + 1;
    const born = patient.birth_date
      ? t("banner.born", { date: date(patient.birth_date) })
      : t("banner.nobirth");
    const id = patient.id ? t("banner.id", { id: patient.id }) : t("banner.noid");
    const sex = find(`sex.${patient.sex ?? ""}`, patient.sex ?? "");
    fill(
      this.element,
      el(
        "div",
        { class: "banner-patient" },
        el("h1", { class: "banner-name" }, el("bdi", {}, name || t("banner.noname"))),
        el(
          "p",
          { class: "banner-facts" },
          el("span", {}, born),
          years !== "" && el("span", { class: "minor" }, t("banner.age", { age: years })),
          sex !== "" && el("span", {}, sex),
          el("span", { title: patient.issuer ?? "" }, id),
        ),
        several &&
          el("p", { class: "badge warn" }, t("banner.more", { n: place, total: this.index.patients.length })),
        this.index.deidentification ? el("p", { class: "badge" }, t("banner.deidentified")) : null,
      ),
      el(
        "div",
        { class: "banner-study" },
        el(
          "p",
          { class: "banner-studyname" },
          el("bdi", {}, study?.description || study?.id || t("banner.nostudy")),
        ),
        el(
          "p",
          { class: "banner-facts" },
          el("span", {}, date(study?.date)),
          study?.institution ? el("span", { class: "minor" }, el("bdi", {}, study.institution)) : null,
        ),
      ),
    );
  }
}
