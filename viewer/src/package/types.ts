/**
 * What a package is made of, as the viewer sees it: the index and manifest documents of
 * docs/format/package-v1.md, and the seam between the reading side (source, crypto, package, pool,
 * decode) and the showing side (render, documents, ui, recipient).
 */

/** `index.format` of the versions that this viewer reads. */
export const FORMAT = "emix/1";

// ---------------------------------------------------------------- EMIX/INDEX.JSN

export interface Index {
  readonly format: string;
  readonly package_id: string;
  readonly created: string;
  readonly generator?: string;
  readonly sender?: Sender;
  readonly patients: readonly Patient[];
  readonly documents?: readonly DocumentEntry[];
  readonly findings?: readonly Finding[];
  readonly deidentification?: Readonly<Record<string, unknown>> | null;
}

export interface Sender {
  readonly name?: string;
  readonly organisation?: string;
  /** Ed25519 public key, base64url. */
  readonly key?: string;
  readonly fingerprint?: string;
}

export interface Patient {
  /** DICOM person name: components divided by ^, representations by =. */
  readonly name?: string;
  readonly id?: string;
  readonly issuer?: string;
  /** YYYYMMDD. */
  readonly birth_date?: string;
  readonly sex?: string;
  readonly studies: readonly Study[];
}

export interface Study {
  readonly uid: string;
  readonly id?: string;
  readonly date?: string;
  readonly time?: string;
  readonly description?: string;
  readonly accession?: string;
  readonly referring?: string;
  readonly institution?: string;
  readonly series: readonly Series[];
}

export interface Series {
  readonly uid: string;
  readonly number?: number;
  readonly modality?: string;
  readonly description?: string;
  readonly body_part?: string;
  readonly laterality?: string;
  readonly date?: string;
  readonly time?: string;
  readonly protocol?: string;
  readonly frame_of_reference?: string;
  readonly manufacturer?: string;
  /** Each instance already carries the fields that the file's `common` object holds. */
  readonly instances: readonly Instance[];
}

export type Triple = readonly [number, number, number];
/** Window centre, width and explanation. */
export type Window = readonly [number, number, string?];

/** Where the pixel data lies in the entry's plaintext. */
export interface PixelData {
  readonly offset: number;
  /** Bytes of native pixel data; null when encapsulated. */
  readonly length: number | null;
  readonly type: "integer" | "float32" | "float64";
}

/** A lookup table: little-endian uint16 values in base64. */
export interface Lut {
  readonly first: number;
  readonly bits: number;
  readonly data: string;
  readonly explanation?: string;
}

export interface Overlay {
  readonly rows: number;
  readonly columns: number;
  readonly origin?: readonly [number, number];
  /** Packed bits, base64, first pixel in the lowest bit. */
  readonly data: string;
  readonly frame_origin?: number;
  readonly frames?: number;
}

export interface FrameInfo {
  readonly position?: Triple;
  readonly orientation?: readonly number[];
  readonly spacing?: readonly [number, number];
  readonly windows?: readonly Window[];
  readonly slope?: number;
  readonly intercept?: number;
}

export interface TextLine {
  readonly level: number;
  readonly label: string;
  readonly value: string;
}

export interface EncapsulatedDocument {
  readonly mime: string;
  readonly offset: number;
  readonly length: number;
  readonly title?: string;
  /** Whether its words are of the object's patient; not there where they say too little. */
  readonly match?: Match;
  /** The readable form; checked where it is drawn. */
  readonly blocks?: unknown;
}

export interface Instance {
  readonly entry: string;
  readonly uid: string;
  readonly sop_class?: string;
  readonly transfer_syntax: string;
  readonly number?: number;
  readonly acquisition?: number;
  readonly date?: string;
  readonly time?: string;
  readonly size?: number;
  readonly kind: "image" | "document" | "text" | "other";
  readonly rows?: number;
  readonly columns?: number;
  readonly samples?: number;
  readonly planar?: number;
  readonly photometric?: string;
  readonly bits_allocated?: number;
  readonly bits_stored?: number;
  readonly high_bit?: number;
  readonly signed?: boolean;
  readonly frames?: number;
  readonly pixel?: PixelData;
  /** Offset of the deflated data set; `pixel.offset` then counts in (meta + inflated bytes). */
  readonly deflated_from?: number;
  readonly padding?: number;
  readonly windows?: readonly Window[];
  readonly voi_function?: string;
  readonly slope?: number;
  readonly intercept?: number;
  readonly rescale_type?: string;
  readonly presentation?: string;
  readonly luts?: {
    readonly palette?: { readonly red: Lut; readonly green: Lut; readonly blue: Lut };
    readonly modality?: Lut;
    readonly voi?: readonly Lut[];
  };
  readonly position?: Triple;
  readonly orientation?: readonly number[];
  /** Millimetres between rows, between columns. */
  readonly spacing?: readonly [number, number];
  readonly spacing_kind?: "patient" | "detector";
  /** Pixel aspect ratio: vertical, horizontal. */
  readonly aspect?: readonly [number, number];
  readonly thickness?: number;
  readonly location?: number;
  readonly patient_orientation?: readonly [string, string];
  readonly laterality?: string;
  readonly view?: string;
  readonly frame_time_ms?: number;
  readonly frame_info?: readonly FrameInfo[];
  readonly overlays?: readonly Overlay[];
  /** Compression ratio, true when lossy but unknown, absent or null when not lossy. */
  readonly lossy?: number | boolean | null;
  readonly document?: EncapsulatedDocument;
  readonly text?: readonly TextLine[];
  /** Why it cannot be shown. */
  readonly problem?: string;
}

/** What the sender's comparison of a report with the images said. */
export interface Match {
  readonly verdict: "match" | "warn" | "unknown";
  readonly rule?: string;
  readonly reason?: string;
  /** Why the sender let a report pass that did not fit. */
  readonly accepted?: string;
}

export interface DocumentEntry {
  readonly entry: string;
  readonly kind: "pdf" | "text" | "rtf" | "hl7v2" | "cda" | "ccr" | string;
  readonly title?: string;
  readonly date?: string;
  readonly mime?: string;
  readonly size?: number;
  readonly match?: Match;
  readonly text?: readonly TextLine[];
  /** The readable form; checked where it is drawn. */
  readonly blocks?: unknown;
  /** Documents inside it; checked where they are read. */
  readonly inside?: unknown;
}

export interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly count?: number;
  readonly where?: string;
  readonly why?: string;
  readonly next?: string;
}

// ------------------------------------------------------------- EMIX/MANIFEST.JSN

export interface Manifest {
  readonly format: string;
  readonly package_id: string;
  readonly index_sha256: string;
  readonly page?: { readonly length: number; readonly sha256: string };
  readonly entries: readonly ManifestEntry[];
  readonly losses?: readonly SeriesLoss[];
  readonly counts?: { readonly instances?: number; readonly documents?: number; readonly lost?: number };
}

export interface ManifestEntry {
  readonly name: string;
  /** Of the local header. */
  readonly offset: number;
  /** Of the salt. */
  readonly data_offset: number;
  /** Salt, password check, ciphertext and HMAC. */
  readonly data_length: number;
  readonly size: number;
  readonly sha256: string;
  readonly method: "stored" | "deflated";
  /** Offset and length in the plaintext, SHA-256; multi-frame objects only. */
  readonly frames?: readonly (readonly [number, number, string])[];
}

export interface SeriesLoss {
  readonly series_uid: string;
  readonly instances: readonly {
    readonly sop_instance_uid?: string;
    readonly instance_number?: number;
    readonly entry?: string;
    readonly bytes_lost?: number;
    readonly reason?: string;
  }[];
}

// -------------------------------------------------------------------------- slots

export interface CodeSlot {
  readonly kind: "code";
  readonly v: 1;
  readonly kdf: {
    readonly name: "argon2id";
    readonly salt: string;
    readonly m: number;
    readonly t: number;
    readonly p: number;
  };
  readonly nonce: string;
  readonly wrapped: string;
}

/** A slot of another kind is kept and ignored. */
export type Slot = CodeSlot | { readonly kind: string; readonly [field: string]: unknown };

// --------------------------------------------------------------------------- seam

export type PackageErrorCode =
  | "code.invalid" // not an access code: a letter is missing or mistyped (check character)
  | "code.wrong" // well-formed, but does not open this package
  | "slot.none" // no access code can open this package
  | "package.damaged" // an entry's bytes are not what was written
  | "package.swapped" // an entry is not the one the manifest names
  | "package.truncated" // the file ends too early
  | "package.version" // made by a newer emix
  | "package.other" // the file chosen is another package or no package at all
  | "entry.missing" // the package has no such entry
  | "source.unreachable" // network or file could not be read
  | "source.forbidden" // the exchange refuses (revoked, expired, session over)
  | "aborted";

/** Something a reader can be told in words; `message` is plain English for the screen. */
export class PackageError extends Error {
  constructor(
    readonly code: PackageErrorCode,
    message: string,
  ) {
    super(message);
    this.name = "PackageError";
  }
}

/** Why one image cannot be shown, in plain words. */
export class DecodeError extends Error {
  constructor(
    readonly code: "unsupported" | "damaged" | "too_large" | "aborted",
    message: string,
  ) {
    super(message);
    this.name = "DecodeError";
  }
}

export type SignatureState = "valid" | "invalid" | "absent" | "unsupported";

export interface OpenPackage {
  readonly index: Index;
  /** Rejects with PackageError when the package does not hold what it says. */
  readonly manifest: Promise<Manifest>;
  /** The ZIP password. */
  readonly password: string;
  readonly signature: Promise<SignatureState>;
  /** Bytes of the package read so far, for a progress bar. */
  readonly progress: { readonly loaded: number; readonly total: number };
  /** The whole entry: decrypted, inflated, checked. Lower priority numbers are served first; 0 by default. */
  entry(name: string, priority?: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Part of a stored entry; checked by the frame's hash where it is one, else by the whole entry's. */
  bytes(name: string, offset: number, length: number, priority?: number): Promise<Uint8Array>;
  /** Called for damage found after an entry was delivered (the manifest of a parsed page comes last). */
  onDamage(listener: (error: PackageError) => void): void;
}

export interface Locked {
  readonly slots: readonly Slot[];
  readonly packageId: string;
  /** Rejects with PackageError code.invalid, code.wrong, slot.none, … */
  unlock(code: string): Promise<OpenPackage>;
}

export type Samples =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** Stored values after unpacking; palette and YBR already RGB. Modality and VOI are the renderer's. */
export interface Frame {
  readonly rows: number;
  readonly columns: number;
  readonly samples: 1 | 3;
  /** Row by row; RGB interleaved. */
  readonly data: Samples;
  readonly min: number;
  readonly max: number;
  readonly color: "mono" | "rgb";
}
