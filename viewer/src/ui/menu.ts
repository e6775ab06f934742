/** The menu of window presets. */
import { el } from "./dom.ts";
import type { Choice } from "./voi.ts";

export class PresetMenu {
  readonly element = el("div", { class: "menu", role: "menu", hidden: true });
  private anchor: HTMLElement | null = null;

  constructor(private readonly onChoose: (choice: Choice) => void) {
    this.element.addEventListener("keydown", (event) => this.keydown(event));
    document.addEventListener("pointerdown", (event) => {
      const target = event.target as Node;
      if (this.open && !this.element.contains(target) && !this.anchor?.contains(target)) this.close(false);
    });
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  toggle(anchor: HTMLElement | null, choices: readonly Choice[], current: number): void {
    if (this.open) {
      this.close(true);
      return;
    }
    this.anchor = anchor;
    this.element.replaceChildren(
      ...choices.map((choice, i) =>
        el(
          "button",
          {
            type: "button",
            role: "menuitemradio",
            "aria-checked": i === current ? "true" : "false",
            tabindex: "-1",
            on: {
              click: () => {
                this.close(true);
                this.onChoose(choice);
              },
            },
          },
          el("span", { class: "menu-name" }, choice.name),
          el("span", { class: "menu-detail" }, choice.detail),
          i < 9 ? el("kbd", {}, String(i + 1)) : el("span", {}),
        ),
      ),
    );
    this.element.hidden = false;
    this.place();
    (this.items()[Math.max(0, current)] ?? this.items()[0])?.focus();
  }

  close(focus: boolean): void {
    this.element.hidden = true;
    if (focus) this.anchor?.focus();
  }

  /** Below the button where there is room, else above it. */
  private place(): void {
    const box = this.anchor?.getBoundingClientRect();
    if (box === undefined) return;
    const { style } = this.element;
    const size = this.element.getBoundingClientRect();
    style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - size.width - 8))}px`;
    const below = box.bottom + 4 + size.height < window.innerHeight;
    style.top = below ? `${box.bottom + 4}px` : `${Math.max(8, box.top - size.height - 4)}px`;
  }

  private items(): HTMLButtonElement[] {
    return [...this.element.querySelectorAll("button")];
  }

  private keydown(event: KeyboardEvent): void {
    const items = this.items();
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    const move: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1 + items.length,
      Home: 0,
      End: items.length - 1,
    };
    const next = move[event.key];
    if (next !== undefined) {
      event.preventDefault();
      items[next % items.length]?.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      this.close(true);
    }
  }
}
