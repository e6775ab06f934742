/** The commands of the viewer, with their keys. */
import type { Command } from "./commands.ts";
import type { DragTool } from "./gestures.ts";
import type { Viewport } from "./viewport.ts";

/** What commands need of the viewer beyond its viewport. */
export interface Actions {
  readonly viewport: () => Viewport;
  readonly chooseTool: (tool: DragTool) => void;
  readonly openPresets: () => void;
  readonly choosePreset: (index: number) => void;
  readonly stepSeries: (n: number) => void;
  readonly togglePanel: () => void;
  readonly panelShown: () => boolean;
  readonly openNotes: () => void;
  readonly openHelp: () => void;
  readonly openAbout: () => void;
  readonly saveCopy: (() => void) | null;
  readonly closeDocument: () => void;
  readonly documentOpen: () => boolean;
}

export type CommandTable = Readonly<Record<string, Command>>;

export function makeCommands(actions: Actions): CommandTable {
  const list = [
    ...toolCommands(actions),
    ...moveCommands(actions),
    ...viewCommands(actions),
    ...pageCommands(actions),
  ];
  return Object.fromEntries(list.map((command) => [command.id, command]));
}

/** The nine preset keys: kept apart, since help shows them as one line. */
export function presetCommands(actions: Actions): Command[] {
  return Array.from({ length: 9 }, (_, i) => ({
    id: `preset-${i + 1}`,
    label: "tool.presets",
    tip: "tool.presets.tip",
    keys: [String(i + 1)],
    run: () => actions.choosePreset(i),
  }));
}

function toolCommands(actions: Actions): Command[] {
  const tool = (id: DragTool, key: string): Command => ({
    id,
    label: `tool.${id}`,
    tip: `tool.${id}.tip`,
    keys: [key],
    icon: id,
    pressed: () => actions.viewport().tool === id,
    run: () => actions.chooseTool(id),
  });
  return [
    tool("scroll", "s"),
    tool("window", "w"),
    {
      id: "presets",
      label: "tool.presets",
      tip: "tool.presets.tip",
      keys: ["m"],
      icon: "presets",
      run: actions.openPresets,
    },
    tool("zoom", "z"),
    tool("pan", "p"),
  ];
}

function moveCommands(actions: Actions): Command[] {
  const viewport = actions.viewport;
  const move = (id: "next" | "previous" | "forward" | "backward", keys: string[], n: number): Command => ({
    id,
    label: `tool.${id}`,
    tip: `tool.${id}`,
    keys,
    run: () => {
      viewport().cine.stop();
      viewport().step(n);
    },
  });
  return [
    move("next", ["ArrowDown", "ArrowRight"], 1),
    move("previous", ["ArrowUp", "ArrowLeft"], -1),
    move("forward", ["Shift+ArrowDown", "Shift+ArrowRight"], 10),
    move("backward", ["Shift+ArrowUp", "Shift+ArrowLeft"], -10),
    { id: "first", label: "tool.first", tip: "tool.first", keys: ["Home"], run: () => viewport().goTo(0) },
    {
      id: "last",
      label: "tool.last",
      tip: "tool.last",
      keys: ["End"],
      run: () => viewport().goTo(viewport().length - 1),
    },
    {
      id: "nextseries",
      label: "tool.nextseries",
      tip: "tool.nextseries",
      keys: ["PageDown"],
      run: () => actions.stepSeries(1),
    },
    {
      id: "previousseries",
      label: "tool.previousseries",
      tip: "tool.previousseries",
      keys: ["PageUp"],
      run: () => actions.stepSeries(-1),
    },
    {
      id: "cine",
      label: "tool.cine",
      tip: "tool.cine.tip",
      keys: ["c"],
      icon: "play",
      pressed: () => viewport().cine.playing,
      available: () => viewport().length > 1,
      run: () => viewport().cine.toggle(),
    },
    {
      id: "faster",
      label: "tool.faster",
      tip: "tool.faster",
      keys: ["."],
      run: () => changeRate(viewport(), 1),
    },
    {
      id: "slower",
      label: "tool.slower",
      tip: "tool.slower",
      keys: [","],
      run: () => changeRate(viewport(), -1),
    },
  ];
}

function changeRate(viewport: Viewport, direction: 1 | -1): void {
  const { cine } = viewport;
  cine.rate += direction * (cine.rate >= 20 ? 5 : cine.rate >= 10 ? 2 : 1);
}

function viewCommands(actions: Actions): Command[] {
  const viewport = actions.viewport;
  return [
    {
      id: "fit",
      label: "tool.fit",
      tip: "tool.fit.tip",
      keys: ["f"],
      icon: "fit",
      pressed: () => viewport().adjust.fitted,
      run: () => viewport().adjust.fit(),
    },
    {
      id: "actual",
      label: "tool.actual",
      tip: "tool.actual.tip",
      keys: ["a"],
      icon: "actual",
      run: () => viewport().adjust.actual(),
    },
    {
      id: "zoomin",
      label: "tool.zoomin",
      tip: "tool.zoomin",
      keys: ["+", "="],
      run: () => viewport().adjust.zoomBy(1.25),
    },
    {
      id: "zoomout",
      label: "tool.zoomout",
      tip: "tool.zoomout",
      keys: ["-"],
      run: () => viewport().adjust.zoomBy(0.8),
    },
    {
      id: "rotate",
      label: "tool.rotate",
      tip: "tool.rotate.tip",
      keys: ["r"],
      icon: "rotate",
      run: () => viewport().adjust.rotate(1),
    },
    {
      id: "rotateback",
      label: "tool.rotateback",
      tip: "tool.rotateback.tip",
      keys: ["l"],
      icon: "rotateback",
      run: () => viewport().adjust.rotate(-1),
    },
    {
      id: "fliph",
      label: "tool.fliph",
      tip: "tool.fliph.tip",
      keys: ["h"],
      icon: "fliph",
      run: () => viewport().adjust.flip("x"),
    },
    {
      id: "flipv",
      label: "tool.flipv",
      tip: "tool.flipv.tip",
      keys: ["v"],
      icon: "flipv",
      run: () => viewport().adjust.flip("y"),
    },
    {
      id: "invert",
      label: "tool.invert",
      tip: "tool.invert.tip",
      keys: ["i"],
      icon: "invert",
      pressed: () => viewport().adjust.inverted,
      run: () => viewport().adjust.invert(),
    },
    {
      id: "reset",
      label: "tool.reset",
      tip: "tool.reset.tip",
      keys: ["0"],
      icon: "reset",
      run: () => viewport().adjust.reset(),
    },
    {
      id: "texts",
      label: "tool.texts",
      tip: "tool.texts.tip",
      keys: ["t"],
      icon: "texts",
      pressed: () => viewport().texts,
      run: () => viewport().toggleTexts(),
    },
    {
      id: "graphics",
      label: "tool.graphics",
      tip: "tool.graphics.tip",
      keys: ["g"],
      icon: "graphics",
      pressed: () => viewport().graphics,
      available: () => viewport().hasGraphics,
      run: () => viewport().toggleGraphics(),
    },
  ];
}

function pageCommands(actions: Actions): Command[] {
  const copy = actions.saveCopy;
  return [
    {
      id: "panel",
      label: "tool.panel",
      tip: "tool.panel.tip",
      keys: ["b"],
      icon: "panel",
      pressed: actions.panelShown,
      run: actions.togglePanel,
    },
    {
      id: "notes",
      label: "tool.notes",
      tip: "tool.notes.tip",
      keys: ["n"],
      icon: "notes",
      run: actions.openNotes,
    },
    {
      id: "help",
      label: "tool.help",
      tip: "tool.help.tip",
      keys: ["?"],
      icon: "help",
      run: actions.openHelp,
    },
    {
      id: "about",
      label: "tool.about",
      tip: "tool.about.tip",
      keys: ["o"],
      icon: "about",
      run: actions.openAbout,
    },
    ...(copy === null
      ? []
      : [
          {
            id: "copy",
            label: "tool.copy",
            tip: "tool.copy.tip",
            keys: ["k"],
            icon: "copy",
            run: copy,
          } satisfies Command,
        ]),
    {
      id: "close",
      label: "documents.close",
      tip: "documents.close",
      keys: ["Escape"],
      available: actions.documentOpen,
      run: actions.closeDocument,
    },
  ];
}
