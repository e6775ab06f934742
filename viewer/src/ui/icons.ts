/** Icons in the manner of IHE Basic Image Review, as strokes on a 24 x 24 grid. */

const SVG = "http://www.w3.org/2000/svg";

/** Each icon: stroked paths; a leading "*" fills the path instead. */
const PATHS = {
  scroll: [
    "M7 8h13v11H7z",
    "M4 16V5h13",
    "M13.5 10.5v6",
    "M11.7 12l1.8-1.8 1.8 1.8",
    "M11.7 15l1.8 1.8 1.8-1.8",
  ],
  window: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z", "*M12 3.5a8.5 8.5 0 0 1 0 17z"],
  presets: [
    "M4 7h10",
    "M18 7h2",
    "M16 5v4",
    "M4 12h3",
    "M11 12h9",
    "M9 10v4",
    "M4 17h8",
    "M16 17h4",
    "M14 15v4",
  ],
  zoom: [
    "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z",
    "M15.3 15.3L20.5 20.5",
    "M10.5 7.8v5.4",
    "M7.8 10.5h5.4",
  ],
  pan: [
    "M12 3.5v17",
    "M3.5 12h17",
    "M9.8 5.7L12 3.5l2.2 2.2",
    "M9.8 18.3l2.2 2.2 2.2-2.2",
    "M5.7 9.8L3.5 12l2.2 2.2",
    "M18.3 9.8l2.2 2.2-2.2 2.2",
  ],
  fit: ["M4 9V4h5", "M15 4h5v5", "M20 15v5h-5", "M9 20H4v-5", "M9 9h6v6H9z"],
  actual: ["M5.5 8.5L8 7v10", "M15.5 8.5L18 7v10", "*M11.2 9.2h1.6v1.6h-1.6z", "*M11.2 13.8h1.6v1.6h-1.6z"],
  rotate: ["M19 12a7 7 0 1 1-2.2-5.1", "M19.5 3.5v4.2h-4.2"],
  rotateback: ["M5 12a7 7 0 1 0 2.2-5.1", "M4.5 3.5v4.2h4.2"],
  fliph: [
    "M12 3v2.5",
    "M12 8v2.5",
    "M12 13.5V16",
    "M12 18.5V21",
    "M9 6.5v11L3.5 17.5z",
    "*M15 6.5v11l5.5 0z",
  ],
  flipv: [
    "M3 12h2.5",
    "M8 12h2.5",
    "M13.5 12H16",
    "M18.5 12H21",
    "M6.5 9h11L17.5 3.5z",
    "*M6.5 15h11l0 5.5z",
  ],
  invert: ["M4 4h16v16H4z", "*M4 20L20 4v16z", "M7.5 9h4", "M9.5 7v4"],
  reset: ["M5 12a7 7 0 1 0 2.2-5.1L5 9", "M5 4.5V9h4.5"],
  play: ["M4 5h16v14H4z", "*M10 9l5.2 3-5.2 3z", "M7 5v14", "M17 5v14"],
  pause: ["M4 5h16v14H4z", "M10.4 9.2v5.6", "M13.6 9.2v5.6", "M7 5v14", "M17 5v14"],
  texts: ["M4 5h16v14H4z", "M7 8.5h4.5", "M7 11h3", "M14 15.5h3", "M12.5 13h4.5"],
  graphics: ["M4 19L9 8l4 7 3-4 4 8z", "M16 7.5a1.5 1.5 0 1 0 0-.01z"],
  panel: ["M4 5h16v14H4z", "M10 5v14", "M6 8.5h2", "M6 12h2", "M6 15.5h2"],
  notes: ["M12 4L21 19.5H3z", "M12 10v4.5", "M12 17v.4"],
  help: [
    "M3 7h18v10H3z",
    "M6 10h.4",
    "M9.5 10h.4",
    "M13 10h.4",
    "M16.5 10h.4",
    "M6 14h.4",
    "M17.5 14h.4",
    "M9 14h6",
  ],
  about: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z", "M12 11v5.5", "M12 7.6v.4"],
  copy: ["M12 4v11", "M7.5 11L12 15.5 16.5 11", "M4.5 19.5h15"],
  document: ["M6 3.5h8.5L19 8v12.5H6z", "M14 3.5V8.5h5", "M9 12.5h6.5", "M9 16h6.5"],
  broken: ["M4 5h16v14H4z", "M4 16l5-5 3 3", "M14 8l-2 4 4 1-3 6"],
  lock: ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3", "M12 14.5v2"],
  mail: ["M4 6h16v12H4z", "M4 7l8 6.5L20 7"],
  back: ["M11 5l-7 7 7 7", "M4 12h16"],
  eye: [
    "M3 12c3-5 6-7 9-7s6 2 9 7c-3 5-6 7-9 7s-6-2-9-7z",
    "M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z",
  ],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  next: ["M9 5l7 7-7 7"],
} as const;

export type IconName = keyof typeof PATHS;

/** A decorative icon: hidden from screen readers, the control beside it has the name. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  for (const definition of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    const filled = definition.startsWith("*");
    path.setAttribute("d", filled ? definition.slice(1) : definition);
    if (filled) path.setAttribute("class", "solid");
    svg.append(path);
  }
  return svg;
}
