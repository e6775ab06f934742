/** Windows that readers expect for computed tomography, in Hounsfield units. */

export interface Preset {
  /** Key of the string table, or the explanation of the file itself. */
  readonly name: string;
  readonly fromFile: boolean;
  readonly center: number;
  readonly width: number;
}

const CT: readonly (readonly [string, number, number])[] = [
  ["abdomen", 50, 400],
  ["lung", -600, 1500],
  ["bone", 400, 1800],
  ["brain", 40, 80],
  ["stroke", 35, 40],
  ["mediastinum", 50, 350],
  ["liver", 80, 150],
  ["angio", 300, 600],
];

/** Presets of a modality; only CT has units that mean the same everywhere. */
export function presetsOf(modality: string | undefined, rescaleType: string | undefined): Preset[] {
  const hounsfield = modality === "CT" && (rescaleType === undefined || rescaleType === "HU");
  if (!hounsfield) return [];
  return CT.map(([name, center, width]) => ({ name, fromFile: false, center, width }));
}
