/** A package before its access code is known. */
import type { Bytes } from "../base/bytes.ts";
import { findCode, normalisePassphrase } from "../crypto/code.ts";
import { type KdfParameters, SlotError, unwrap, wrapKey } from "../crypto/slots.ts";
import type { JobRunner } from "./pool.ts";
import { failure } from "./reader.ts";
import { type Locked, type OpenPackage, PackageError, type Slot } from "./types.ts";

/** Slots that are tried at most: each costs a third of a second. */
const MOST = 8;

interface SecretSlot {
  readonly kind: string;
  readonly kdf: KdfParameters;
  readonly nonce: string;
  readonly wrapped: string;
}

/** What to hash for each slot that the typed text may open. */
function candidates(slots: readonly Slot[], text: string): (readonly [SecretSlot, string])[] {
  const usable = slots.filter((slot) => slot["v" as keyof Slot] === (1 as never)) as unknown as SecretSlot[];
  const byCode = usable.filter(({ kind }) => kind === "code");
  const byPhrase = usable.filter(({ kind }) => kind === "passphrase");
  if (byCode.length + byPhrase.length === 0) throw failure("slot.none");
  const code = findCode(text);
  if (code === undefined && byPhrase.length === 0) throw failure("code.invalid");
  const tries: (readonly [SecretSlot, string])[] = [];
  if (code !== undefined) for (const slot of byCode) tries.push([slot, code]);
  for (const slot of byPhrase) tries.push([slot, normalisePassphrase(text)]);
  return tries.slice(0, MOST);
}

/** The package key. Throws PackageError. */
export async function findKey(
  pool: JobRunner,
  slots: readonly Slot[],
  text: string,
  packageId: string,
): Promise<Bytes> {
  let broken: unknown;
  for (const [slot, secret] of candidates(slots, text)) {
    try {
      const start = performance.now();
      const { derived } = await pool.run({ type: "argon2", secret, kdf: slot.kdf } as const, -3);
      performance.measure("emix-key", { start });
      const key = await unwrap(slot, await wrapKey(derived), packageId);
      if (key) return key;
    } catch (error) {
      if (!(error instanceof SlotError || error instanceof PackageError)) throw error;
      broken = error;
    }
  }
  throw broken ? failure("package.damaged") : failure("code.wrong");
}

export class LockedPackage implements Locked {
  readonly slots: readonly Slot[];
  readonly packageId: string;
  readonly #pool: JobRunner;
  readonly #open: (key: Bytes) => Promise<OpenPackage>;

  constructor(
    slots: readonly Slot[],
    packageId: string,
    pool: JobRunner,
    open: (key: Bytes) => Promise<OpenPackage>,
  ) {
    this.slots = slots;
    this.packageId = packageId;
    this.#pool = pool;
    this.#open = open;
  }

  async unlock(code: string): Promise<OpenPackage> {
    return await this.#open(await findKey(this.#pool, this.slots, code, this.packageId));
  }
}
