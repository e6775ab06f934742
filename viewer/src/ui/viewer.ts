/** The viewer of an opened package: banner, tools, series, image, documents. */
import type { OpenPackage } from "../package/types.ts";
import type { FrameLoader } from "../render/loader.ts";
import { t } from "../strings.ts";
import { type Actions, type CommandTable, makeCommands, presetCommands } from "./actions.ts";
import { Banner } from "./banner.ts";
import { Keyboard } from "./commands.ts";
import { openAbout, openHelp, openNotes, senderName, signatureWords } from "./dialogs.ts";
import { DocumentPane } from "./document-pane.ts";
import { el, fill } from "./dom.ts";
import { detailsOf } from "./errors.ts";
import { findingText, isGrave } from "./findings.ts";
import { icon } from "./icons.ts";
import { Live } from "./live.ts";
import { PresetMenu } from "./menu.ts";
import {
  applyManifest,
  type DisplaySet,
  type DocumentItem,
  type LossNote,
  type Model,
  setCount,
  setTitle,
} from "./model.ts";
import { NoticeBar } from "./notice.ts";
import type { ViewerOptions } from "./open.ts";
import { SidePanel } from "./side.ts";
import { Thumbnails } from "./thumbnail.ts";
import { RateControl, Toolbar } from "./toolbar.ts";
import { type ImageSlice, Viewport } from "./viewport.ts";
import { type Choice, choicesOf } from "./voi.ts";

export class Viewer {
  private readonly viewport: Viewport;
  private readonly banner: Banner;
  private readonly side: SidePanel;
  private readonly toolbar: Toolbar;
  private readonly rate: RateControl;
  private readonly notice: NoticeBar;
  private readonly documents: DocumentPane;
  private readonly menu: PresetMenu;
  private readonly live = new Live();
  private readonly keyboard: Keyboard;
  private readonly commands: CommandTable;
  private readonly signature = el("span", { class: "signature" });
  private losses: LossNote[] = [];
  private panel = true;
  private traceTimer = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly pkg: OpenPackage,
    private readonly model: Model,
    private readonly loader: FrameLoader<ImageSlice>,
    options: ViewerOptions,
  ) {
    this.viewport = new Viewport({
      loader: this.loader,
      onChange: () => this.refresh(),
      onSlice: (index, total, gap) => {
        this.live.say(t(gap ? "live.gap" : "live.slice", { n: index + 1, total }));
      },
    });
    this.banner = new Banner(pkg.index);
    this.side = new SidePanel({
      model: this.model,
      thumbnails: new Thumbnails(this.loader),
      onSet: (set) => this.showSet(set),
      onDocument: (item) => this.showDocument(item),
    });
    this.documents = new DocumentPane(pkg, () => this.closeDocument());
    this.menu = new PresetMenu((choice) => this.choose(choice));
    this.notice = new NoticeBar(() => this.openNotes());
    const actions = this.actions(options);
    this.commands = makeCommands(actions);
    this.keyboard = new Keyboard([...Object.values(this.commands), ...presetCommands(actions)]);
    this.rate = new RateControl((value) => {
      this.viewport.cine.rate = value;
    });
    this.toolbar = this.makeToolbar();
  }

  /** Replaces what the page shows. */
  show(): void {
    this.build();
    this.start();
  }

  private build(): void {
    this.root.className = "viewer";
    const main = el(
      "main",
      { class: "stage", id: "stage" },
      this.notice.element,
      el("div", { class: "grid" }, this.viewport.element),
      this.documents.element,
    );
    this.side.element.append(
      el(
        "footer",
        { class: "sender" },
        el("p", {}, `${t("sender.from")} `, el("bdi", {}, senderName(this.pkg.index))),
        el("p", {}, this.signature),
      ),
    );
    fill(
      this.root,
      this.banner.element,
      this.toolbar.element,
      this.side.element,
      main,
      this.menu.element,
      this.live.element,
    );
    document.addEventListener("keydown", (event) => {
      // An open sheet or menu has the keys to itself.
      if (document.querySelector("dialog[open]") === null && !this.menu.open) this.keyboard.handle(event);
    });
    this.loader.onChange(() => this.traceSoon());
  }

  private start(): void {
    const first = this.model.sets[0];
    const document = this.model.documents[0];
    if (first !== undefined) {
      this.showSet(first);
      this.viewport.element.focus();
      this.viewport.render();
    } else if (document !== undefined) {
      this.showDocument(document);
    }
    this.pkg.onDamage((error) =>
      this.notice.add("damage", t("notes.damage", { reason: error.message }), "error"),
    );
    const applied = this.pkg.manifest.then((manifest) => applyManifest(this.model, manifest));
    applied.then(
      (losses) => {
        this.losses = losses;
        this.side.refreshCounts();
        for (const [i, note] of this.losses.entries()) this.notice.add(`loss-${i}`, note.text, "warning");
        if (this.losses.length > 0) this.viewport.placesChanged();
      },
      (error: unknown) =>
        this.notice.add("manifest", t("notes.manifest", { reason: detailsOf(error) }), "error"),
    );
    for (const finding of this.model.findings.filter(isGrave))
      this.notice.add(`finding-${finding.code}`, findingText(finding), "warning");
    this.signature.textContent = t("sender.checking");
    this.pkg.signature.then(
      (state) => {
        this.signature.textContent = signatureWords(state);
        this.signature.className = `signature ${state}`;
        if (state === "invalid") this.notice.add("signature", t("notes.altered"), "error");
      },
      () => {
        // The manifest's own failure says why; there is nothing more to say about the signature.
        this.signature.textContent = "";
      },
    );
    this.refresh();
  }

  private makeToolbar(): Toolbar {
    const pick = (...ids: string[]) =>
      ids.map((id) => this.commands[id]).filter((command) => command !== undefined);
    return new Toolbar([
      pick("panel"),
      pick("scroll", "window", "presets", "zoom", "pan"),
      [...pick("cine"), this.rate.element],
      pick("fit", "actual", "rotate", "fliph", "flipv", "invert", "reset"),
      pick("texts", "graphics"),
      pick("notes", "help", "about", "copy"),
    ]);
  }

  private actions(options: ViewerOptions): Actions {
    return {
      viewport: () => this.viewport,
      chooseTool: (tool) => {
        this.viewport.tool = tool;
        this.viewport.element.dataset.tool = tool;
        this.live.say(t("live.tool", { tool: t(`tool.${tool}`) }), 50);
        this.refresh();
      },
      openPresets: () => this.openPresets(),
      choosePreset: (i) => {
        const choice = this.choices()[i];
        if (choice !== undefined) this.choose(choice);
      },
      stepSeries: (n) => {
        const { sets } = this.model;
        const at = this.viewport.set === null ? 0 : sets.indexOf(this.viewport.set);
        const set = sets[at + n];
        if (set !== undefined) this.showSet(set);
      },
      togglePanel: () => {
        this.panel = !this.panel;
        this.root.classList.toggle("no-side", !this.panel);
        this.refresh();
      },
      panelShown: () => this.panel,
      openNotes: () => this.openNotes(),
      openHelp: () => openHelp(Object.values(this.commands), this.keyboard),
      openAbout: () =>
        openAbout(this.pkg, this.model, document.getElementById("emix-notice")?.textContent ?? ""),
      saveCopy: options.copy,
      closeDocument: () => this.closeDocument(),
      documentOpen: () => this.documents.open,
    };
  }

  private showSet(set: DisplaySet): void {
    this.documents.close();
    this.viewport.show(set);
    this.banner.update(set);
    this.side.select(set.id);
    this.live.say(t("live.series", { title: setTitle(set), count: setCount(set) }));
    this.traceSoon();
    this.refresh();
  }

  private showDocument(item: DocumentItem): void {
    this.viewport.cine.stop();
    this.banner.update(item);
    this.side.select(item.id);
    void this.documents.show(item);
  }

  private closeDocument(): void {
    this.documents.close();
    const set = this.viewport.set;
    if (set !== null) {
      this.banner.update(set);
      this.side.select(set.id);
    }
    this.viewport.element.focus();
  }

  private choices(): Choice[] {
    const slice = this.viewport.image;
    if (slice === null) return [];
    return choicesOf(slice, this.viewport.set?.series.modality, this.viewport.shownPixels);
  }

  private choose(choice: Choice): void {
    this.viewport.adjust.setVoi(choice.voi);
    this.live.say(t("live.preset", { name: choice.name }), 50);
  }

  private openPresets(): void {
    const choices = this.choices();
    const own = this.viewport.state?.voi ?? null;
    const current = choices.findIndex((choice) => sameVoi(choice.voi, own));
    const anchor = this.root.querySelector<HTMLElement>("[data-command=presets]");
    this.menu.toggle(anchor, choices, current);
  }

  private openNotes(): void {
    openNotes(this.losses, this.model.findings, (note) => {
      if (note.set === null) return;
      this.showSet(note.set);
      const gap = note.set.places.findIndex((place) => place.kind === "gap");
      if (gap >= 0) this.viewport.goTo(gap);
    });
  }

  /** Progress marks are repainted at most ten times a second. */
  private traceSoon(): void {
    if (this.traceTimer !== 0) return;
    this.traceTimer = window.setTimeout(() => {
      this.traceTimer = 0;
      this.viewport.paintTrace();
    }, 100);
  }

  private refresh(): void {
    this.toolbar.refresh();
    const { cine } = this.viewport;
    this.rate.update(cine.rate, this.viewport.length > 1);
    const button = this.root.querySelector("[data-command=cine]");
    const name = cine.playing ? "pause" : "play";
    if (button instanceof HTMLElement && button.dataset.icon !== name) {
      button.dataset.icon = name;
      button.querySelector("svg")?.replaceWith(icon(name));
    }
    const marks = this.root.querySelector<HTMLElement>("[data-command=notes]");
    const found =
      this.losses.length +
      this.model.findings.filter((finding) => finding.severity.toUpperCase() !== "NOTE").length;
    marks?.classList.toggle("warn", found > 0);
  }
}

function sameVoi(a: Choice["voi"], b: Choice["voi"]): boolean {
  if (a === null || b === null) return a === b;
  if (a.kind === "window" && b.kind === "window") return a.center === b.center && a.width === b.width;
  return a.kind === "lut" && b.kind === "lut" && a.lut === b.lut;
}
