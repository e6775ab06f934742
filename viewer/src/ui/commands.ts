/** Every action once: its name, keys, icon and what it does. Toolbar, menus, keys and the help sheet come from here. */
import { find, type StringKey, t } from "../strings.ts";
import type { IconName } from "./icons.ts";

export interface Command {
  readonly id: string;
  readonly label: StringKey;
  readonly tip: StringKey;
  /** As in KeyboardEvent.key; "Shift+ArrowUp" with modifiers. */
  readonly keys: readonly string[];
  readonly icon?: IconName;
  /** Shown as pressed when true. */
  readonly pressed?: () => boolean;
  readonly available?: () => boolean;
  readonly run: () => void;
}

/** The name of a key event in the form of `Command.keys`. */
function keyName(event: KeyboardEvent): string {
  const shifted = event.shiftKey && event.key.length > 1;
  return `${shifted ? "Shift+" : ""}${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
}

/** A key as people write it. */
export function keyLabel(key: string): string {
  return key
    .split(/\+(?=.)/)
    .map((part) => find(`key.${part}`, part.toUpperCase()))
    .join(" ");
}

/** Tooltip: what it does, and its key. */
export function tipOf(command: Command): string {
  const key = command.keys[0];
  return key === undefined ? t(command.tip) : `${t(command.tip)} (${keyLabel(key)})`;
}

/** Form for aria-keyshortcuts. */
export function ariaKeys(command: Command): string {
  return command.keys.map((key) => (key === " " ? "Space" : key === "+" ? "Plus" : key)).join(" ");
}

/** Finds commands by key while nothing else wants the key. */
export class Keyboard {
  private readonly byKey = new Map<string, Command>();
  /** Single characters can be switched off for people who dictate or use speech input (WCAG 2.1.4). */
  singles = true;

  constructor(commands: readonly Command[]) {
    for (const command of commands) {
      for (const key of command.keys) {
        if (this.byKey.has(key)) throw new Error(`key ${key} has two commands`);
        this.byKey.set(key, command);
      }
    }
  }

  handle(event: KeyboardEvent): boolean {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return false;
    if (isTyping(event.target)) return false;
    const key = keyName(event);
    const command = this.byKey.get(key);
    if (command === undefined) return false;
    if (!this.singles && key.length === 1 && key !== "?") return false;
    if (command.available !== undefined && !command.available()) return false;
    event.preventDefault();
    command.run();
    return true;
  }
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== "checkbox";
  return target instanceof HTMLTextAreaElement || target.isContentEditable;
}
