/** What stands in place of an image: a gap, or why it cannot be shown. */
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

/** `failure` is the index's own word that an image cannot be shown, or what went wrong, which may be tried again. */
export function failureMessage(failure: unknown, retry: () => void): Content {
  const lasting = typeof failure === "string";
  const words = lasting ? failure : failure instanceof Error ? failure.message : String(failure);
  const again = el("button", { type: "button", class: "button", on: { click: retry } }, t("viewport.retry"));
  return [
    icon("broken"),
    el("strong", {}, t("viewport.cannot")),
    el("p", {}, words),
    ...(lasting ? [] : [again]),
  ];
}
