/** The form: whose images, which, why, and who asks; its values become the sealed document. */
import type { Bytes } from "../base/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import { formType } from "../crypto/sealed-request.ts";
import { el, fill } from "../ui/dom.ts";
import type { Admitted } from "./api.ts";
import { type AskField, choiceField, dayField, fileField, group, longField, textField } from "./fields.ts";
import { purposes, say } from "./strings.ts";

const TAG = 16;

export interface Filled {
  readonly purpose: string;
  readonly document: unknown;
  readonly form: Bytes;
}

/** A caret would divide the components of a name (PS3.5 section 6.2). */
const namePart = (text: string): string => text.replace(/[\^=\\]/g, " ").trim();

export class AskForm {
  readonly element: HTMLFormElement;
  readonly status = el("div", { class: "gate-progress", role: "status" });
  private readonly button = el("button", { type: "submit", class: "button primary" }, say("submit"));
  private readonly family = textField(say("family"), { needed: true });
  private readonly given = textField(say("given"), { needed: true });
  private readonly born = dayField(say("born"), { needed: true });
  private readonly number = textField(say("number"));
  private readonly what = textField(say("what"), { needed: true, hint: say("whatHint") });
  private readonly from = dayField(say("from"));
  private readonly until = dayField(say("until"));
  private readonly purpose = choiceField(say("purpose"), say("choose"), purposes, { needed: true });
  private readonly reason = longField(say("reason"));
  private readonly name = textField(say("name"), { needed: true, attributes: { autocomplete: "name" } });
  private readonly organisation = textField(say("organisation"), {
    attributes: { autocomplete: "organization" },
  });
  private readonly telephone = textField(say("telephone"), {
    needed: true,
    hint: say("telephoneHint"),
    attributes: { type: "tel", autocomplete: "tel" },
  });
  private readonly email: AskField<HTMLInputElement>;
  private readonly consent = textField(say("consent"));
  private readonly form = fileField(say("form"), ".pdf,.jpg,.jpeg,.png", { hint: say("formHint") });

  constructor(
    private readonly admitted: Admitted,
    onSubmit: (form: AskForm) => Promise<void>,
  ) {
    this.email = textField(say("email"), { hint: say("emailHint"), attributes: { readonly: true } });
    this.email.control.value = admitted.email;
    const submit = (event: Event): void => {
      event.preventDefault();
      if (!this.button.disabled) void onSubmit(this);
    };
    this.element = el(
      "form",
      { novalidate: true, class: "ask", on: { submit } },
      group(say("patient"), [this.family, this.given], [this.born, this.number]),
      group(say("exam"), this.what, [this.from, this.until]),
      group(say("why"), this.purpose, this.reason),
      group(say("asker"), [this.name, this.organisation], [this.telephone, this.email]),
      group(say("proof"), this.consent, this.form),
      this.button,
      this.status,
    );
  }

  focus(): void {
    this.family.control.focus();
  }

  lock(locked: boolean): void {
    this.button.disabled = locked;
    for (const set of this.element.querySelectorAll("fieldset")) set.disabled = locked;
  }

  /** What was filled in; undefined where something is missing, which is then said. */
  async read(): Promise<Filled | undefined> {
    const fields = [this.family, this.given, this.born, this.what, this.purpose, this.name, this.telephone];
    const wrong: AskField[] = fields.filter((field) => !field.check());
    if (this.until.value !== "" && this.from.value > this.until.value) {
      this.until.tell(say("badDays"));
      wrong.push(this.until);
    }
    const form = await this.readForm();
    if (form === undefined) wrong.push(this.form);
    fill(
      this.status,
      wrong.length > 0 && el("p", { class: "field-state bad", role: "alert" }, say("missing")),
    );
    wrong[0]?.control.focus();
    return form === undefined || wrong.length > 0 ? undefined : this.filled(form);
  }

  private async readForm(): Promise<Bytes | undefined> {
    const file = this.form.control.files?.[0];
    if (file === undefined) return new Uint8Array(0);
    if (file.size > this.admitted.max_form - TAG) {
      this.form.tell(say("bigForm"));
      return undefined;
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (formType(bytes) !== undefined) return bytes;
    this.form.tell(say("badForm"));
    return undefined;
  }

  private async filled(form: Bytes): Promise<Filled> {
    const purpose = this.purpose.value;
    const number = this.number.value;
    const document = {
      v: 1,
      organisation: this.admitted.organisation,
      purpose,
      patient: {
        name: `${namePart(this.family.value)}^${namePart(this.given.value)}`,
        birth_date: this.born.value,
        sex: "",
        ids: number === "" ? [] : [{ value: number, authority: "" }],
      },
      exam: {
        description: this.what.value,
        first_day: this.from.value,
        last_day: this.until.value,
        modality: "",
        accession: "",
        study_uid: "",
      },
      requester: {
        name: this.name.value,
        organisation: this.organisation.value,
        email: this.admitted.email,
        telephone: this.telephone.value,
      },
      reason: this.reason.value,
      consent: this.consent.value,
      form: form.length === 0 ? null : { type: formType(form), sha256: await sha256(form) },
      made: `${new Date().toISOString().slice(0, 19)}Z`,
    };
    return { purpose, document, form };
  }
}
