/** What stands in place of an image: a gap, or why it cannot be shown. */
import { DecodeError, PackageError } from "../package/types.ts";
import { t } from "../strings.ts";
import { el } from "./dom.ts";
import { icon } from "./icons.ts";

type Content = (Node | string)[];

export function gapMessage(number: number | null, reason: string): Content {
  return [
    icon("notes"),
    el("strong", {}, number === null ? t("viewport.gapunknown") : t("viewport.gap", { number })),
    el("p", {}, reason === "" ? t("viewport.gapplain") : t("viewport.gapwhy", { reason })),
  ];
}

/**
 * `failure` is the index's own word that an image cannot be shown, or what went wrong; only what lies in the way to the
 * bytes may be tried again. `cut`: the disc itself held no more of the image.
 */
export function failureMessage(failure: unknown, cut: boolean, retry: () => void): Content {
  const words = failure instanceof Error ? failure.message : String(failure);
  if (cut && !(failure instanceof PackageError)) {
    return [icon("broken"), el("strong", {}, t("viewport.cut")), el("p", {}, t("viewport.cutwhy"))];
  }
  const lasting =
    typeof failure === "string" || (failure instanceof DecodeError && failure.code !== "aborted");
  const again = el("button", { type: "button", class: "button", on: { click: retry } }, t("viewport.retry"));
  return [
    icon("broken"),
    el("strong", {}, t("viewport.cannot")),
    el("p", {}, words),
    ...(lasting ? [] : [again]),
  ];
}
