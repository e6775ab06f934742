/** Every text of the page to ask with; what it shares with the recipient's page is in `strings.ts`. */

export const words = {
  title: "Ask for medical images",
  lead: "You were invited to ask for medical images. To make sure that it is you, a code is mailed to the mailbox that the invitation was sent to.",
  nothing: "Nothing is used up by opening this page.",
  nomail: "No mail after some minutes? Ask whoever invited you: the link may have ended or been used.",
  to: "To {organisation}",
  formTitle: "Which images do you need?",
  formLead:
    "What you write here is encrypted in this browser for {organisation}. The exchange that passes it on cannot read it.",
  patient: "Whose images",
  family: "Family name",
  given: "Given names",
  born: "Date of birth",
  number: "Patient number, if known",
  exam: "Which examination",
  what: "In your words",
  whatHint: "For example: CT of the chest, all images of the left knee",
  from: "Made on, or from, if known",
  until: "until, if not one day",
  why: "Why",
  purpose: "Purpose",
  choose: "Please choose",
  reason: "What you need them for, if you like",
  asker: "Who asks",
  name: "Your name",
  organisation: "Practice or hospital, if any",
  telephone: "Telephone",
  telephoneHint: "You will be called before anything is sent.",
  email: "Mail",
  emailHint: "The images will be sent to this address and to no other.",
  proof: "Consent",
  consent: "Where the patient's consent can be found, if there is one",
  form: "Signed form, if you have one",
  formHint: "PDF, JPEG or PNG, 4 MB at most.",
  needed: "Please fill this in.",
  badForm: "This is no PDF, JPEG or PNG file.",
  bigForm: "This file is larger than 4 MB.",
  badDays: "This is before the first day.",
  missing: "Something is missing above.",
  submit: "Encrypt and send",
  sealing: "Encrypting and sending\u2026",
  doneTitle: "Your request was sent",
  doneLead: "{organisation} will look at it, call you, and mail you a link when the images are ready.",
  reference: "Reference: {id}",
  doneFoot: "You can close this page. The link in the invitation cannot be used again.",
  keys: "Who can open it: {n}",
  keysLead: "To make sure, compare these by telephone:",
  usedTitle: "This link was used already",
  usedLead: "A request was sent with it. To send another one, ask for another invitation.",
  old: "This browser is too old to encrypt the request. Use a current version of Firefox, Chrome, Edge or Safari.",
  badKey: "The keys that the exchange gave are damaged, so nothing was sent. Tell whoever invited you.",
  nobody: "Nobody can open requests there at the moment, so nothing was sent. Tell whoever invited you.",
} as const;

/** What a request may be for, as people say it. */
export const purposes = [
  ["patient-request", "I am the patient, or act for the patient"],
  ["treatment", "I treat the patient"],
  ["authorization", "The patient has authorised me"],
  ["payment", "Insurance or payment"],
  ["legal", "A court or an authority"],
  ["research", "Research"],
  ["public-health", "Public health"],
  ["operations", "Quality or administration of health care"],
] as const;

/** A text with its values. */
export function say(
  name: keyof typeof words,
  values: Readonly<Record<string, string | number>> = {},
): string {
  return words[name].replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole));
}
