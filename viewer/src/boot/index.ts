/**
 * How the viewer finds the package that it stands in (DESIGN 3.1), and how the recipient page opens one
 * on the exchange.
 */
import { type CodeSlot, type Locked, type OpenPackage, PackageError } from "../package/types.ts";

/**
 * Calls `onLocked` as soon as an access code can be tried. Where the page cannot read itself,
 * `onNeedFile` asks for this same file by drop or choice: call `accept` with it, as often as needed (a wrong
 * file is reported to `onError` with code package.other).
 */
export function boot(
  _onLocked: (locked: Locked) => void,
  _onNeedFile: (accept: (file: File) => void) => void,
  onError: (error: PackageError) => void,
): void {
  onError(new PackageError("package.other", "This page stands in no package."));
}

export interface RangeRequest {
  /** Of the whole package file. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  readonly slot: CodeSlot;
  readonly packageId: string;
  /** From `deriveCode`, so that Argon2id runs once for the proof and the key. */
  readonly secret: CodeSecret;
  readonly signal?: AbortSignal;
}

/** What an access code gives: the proof for the exchange and the key that unwraps the slot. */
export interface CodeSecret {
  /** base64url of `auth`. */
  readonly proof: string;
  readonly wrapKey: Uint8Array;
}

/** Argon2id off the main thread. Rejects with PackageError code.invalid on a mistyped code. */
export async function deriveCode(_code: string, _kdf: CodeSlot["kdf"]): Promise<CodeSecret> {
  throw new PackageError("code.invalid", "not yet");
}

/** Opens a package by Range requests. */
export async function openRange(_request: RangeRequest): Promise<OpenPackage> {
  throw new PackageError("source.unreachable", "not yet");
}
