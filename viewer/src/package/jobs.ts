/** What the page asks of its workers, and what they answer. */
import type { Bytes } from "../base/bytes.ts";
import type { KdfParameters } from "../crypto/slots.ts";
import type { DecodedFrame, FrameSpec } from "../decode/spec.ts";
import type { Batches } from "./batches.ts";
import type { PackageErrorCode } from "./types.ts";

/** Bytes of the file that a worker opens. */
export interface SealedEntry {
  readonly kind: "entry";
  readonly name: string;
  /** From the local header on; may run on behind the entry. */
  readonly input: Blob | Bytes;
  /** Hexadecimal; undefined until the manifest is known. */
  readonly sha256: string | undefined;
}

/** Part of a stored entry. */
export interface SealedPart {
  readonly kind: "part";
  /** Salt and password check. */
  readonly lead: Blob | Bytes;
  readonly input: Blob | Bytes;
  /** Of `input` within the entry's content. */
  readonly offset: number;
  readonly sha256: string;
}

/** Content that has been opened and checked before. */
export interface PlainBytes {
  readonly kind: "plain";
  readonly input: Bytes;
}

export type Content = SealedEntry | SealedPart | PlainBytes;

export type Job =
  | { readonly type: "open"; readonly content: Content }
  /** Opens, parses and checks a document of the package. */
  | { readonly type: "index" | "manifest"; readonly content: Content }
  | {
      readonly type: "frame";
      readonly content: Content;
      readonly spec: FrameSpec;
      readonly frame: number;
      readonly alone: boolean;
    }
  | { readonly type: "argon2"; readonly secret: string; readonly kdf: KdfParameters };

export type JobResult<J extends Job> = J extends { type: "open" }
  ? { readonly bytes: Bytes; readonly sha256: string }
  : J extends { type: "index" | "manifest" }
    ? { readonly batches: Batches; readonly bytes: Bytes; readonly sha256: string }
    : J extends { type: "frame" }
      ? { readonly frame: DecodedFrame; readonly sha256: string }
      : { readonly derived: Bytes };

export type ToWorker =
  | { readonly id: number; readonly job: Job }
  | { readonly password: string }
  | { readonly codec: string; readonly text: string };

export type FailureKind =
  | { readonly package: PackageErrorCode }
  | { readonly decode: "unsupported" | "damaged" | "too_large" };

export type FromWorker =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: FailureKind; readonly message: string }
  | { readonly need: string };
