// The work area: editor and file, check, verdict, hints. Everything it decides, it decides about this page only.
import { ask, find, h, icon, Refusal, said } from "./dom";
import { Editor } from "./editor";
import { type Disk, SourceFile } from "./file";
import { type VerdictView, verdictElement } from "./verdict";

interface BuildLine {
  name: string;
  kind: string;
  note: string;
  word: string;
  tone: string;
}
interface Checked {
  view: VerdictView;
  verdict: { builds: { failure: { line: number | null } | null }[] };
  topic: { state: string; word: string; tone: string };
  builds: BuildLine[];
  sha256: string;
  next: { topic: string | null; title: string; why: string } | null;
}
interface HintGiven {
  build: string;
  stage: number;
  of: number;
  title: string;
  text: string;
}

const POLL_MS = 2000;
const KEYS = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘ Enter" : "Ctrl+Enter";

class Work {
  private readonly topic: string;
  private readonly form = find<HTMLFormElement>("#work");
  private readonly area = find<HTMLTextAreaElement>("#text");
  private readonly fileSaid = find("#file-said");
  private readonly conflictBar = find("#conflict");
  private readonly verdict = find("#verdict");
  private readonly file: SourceFile;
  private readonly editor: Editor;
  private busy = false;
  private conflicting = false;

  constructor(root: HTMLElement) {
    this.topic = root.dataset["topic"] ?? "";
    this.file = new SourceFile(this.topic, this.area.value, find<HTMLInputElement>("#sha256").value);
    const parent = find("#editor");
    this.editor = new Editor({
      parent,
      text: this.area.value,
      label: `Your code for ${root.dataset["title"] ?? this.topic}`,
      readOnly: this.area.readOnly,
      check: () => void this.check(),
      save: () => void this.save(),
      changed: () => this.showState(),
    });
    parent.hidden = false;
    this.area.hidden = true;
    this.area.disabled = true;
    this.listen();
    this.showState();
    this.linkLines();
    void this.awaitChecker();
  }

  private listen(): void {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const action = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "check";
      if (action === "save") void this.save();
      else if (action === "hint") void this.hint();
      else void this.check();
    });
    find("#solution-link").addEventListener("click", (event) => {
      event.preventDefault();
      this.askForSolution();
    });
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || !(event.ctrlKey || event.metaKey)) return;
      if (event.key === "Enter") void this.check();
      else if (event.key === "s") void this.save();
      else return;
      event.preventDefault();
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.unsaved) event.preventDefault();
    });
    window.setInterval(() => void this.lookAtDisk(), POLL_MS);
    document.addEventListener("visibilitychange", () => void this.lookAtDisk());
  }

  /** The line numbers of a verdict that came with the page lead into the editor, as those of later ones do. */
  private linkLines(): void {
    for (const place of this.verdict.querySelectorAll<HTMLElement>("[data-line]")) {
      const line = Number(place.dataset["line"]);
      place.replaceChildren(h("button", { class: "link", type: "button", onclick: () => this.editor.goto(line) }, `Your line ${line}`));
    }
  }

  private get unsaved(): boolean {
    return this.file.unsaved(this.editor.text);
  }

  private showState(note = ""): void {
    this.fileSaid.classList.toggle("unsaved", this.unsaved);
    this.fileSaid.textContent = this.unsaved ? "● not saved" : note;
  }

  private trouble(error: unknown): void {
    if (error instanceof Refusal && error.status === 409 && error.body["error"] === "conflict") {
      this.showConflict(error.body["current"] as Disk | null);
      return;
    }
    this.verdict.replaceChildren(h("p", { class: "notice", role: "alert" }, said(error)));
  }

  // ── the file ──

  private async save(): Promise<boolean> {
    if (!this.unsaved) {
      this.showState("saved");
      return true;
    }
    try {
      await this.file.save(this.editor.text);
      this.closeConflict();
      this.showState("saved");
      return true;
    } catch (error) {
      this.trouble(error);
      return false;
    }
  }

  private async lookAtDisk(): Promise<void> {
    if (document.visibilityState !== "visible" || this.busy || this.conflicting) return;
    try {
      const before = this.file.sha256;
      const disk = await this.file.changed();
      // A save that ended meanwhile has newer news than this answer.
      if (!disk || this.busy || this.conflicting || this.file.sha256 !== before) return;
      if (this.unsaved) this.showConflict(disk);
      else this.load(disk, "loaded from disk");
    } catch {
      // The next look, or the next save, will tell.
    }
  }

  private load(disk: Disk, note: string): void {
    this.editor.replace(this.file.learned(disk));
    this.closeConflict();
    this.showState(note);
  }

  private closeConflict(): void {
    this.conflicting = false;
    this.conflictBar.hidden = true;
    this.conflictBar.replaceChildren();
  }

  private showConflict(disk: Disk | null): void {
    this.conflicting = true;
    const both = h("div", { class: "both", hidden: true });
    const keep = async (): Promise<void> => {
      const mine = this.editor.text;
      if (disk) this.file.sha256 = disk.sha256;
      this.conflicting = false;
      try {
        await this.file.save(mine);
        this.closeConflict();
        this.showState("saved");
      } catch (error) {
        this.trouble(error);
      }
      this.editor.focus();
    };
    const show = (event: Event): void => {
      const side = (title: string, text: string): HTMLElement => h("div", {}, h("p", { class: "label" }, title), h("pre", { tabindex: "0" }, text));
      both.replaceChildren(side("Theirs, on disk", disk?.text ?? ""), side("Mine, in this page", this.editor.text));
      both.hidden = !both.hidden;
      (event.currentTarget as HTMLElement).setAttribute("aria-expanded", String(!both.hidden));
    };
    const load = (): void => {
      if (disk) this.load(disk, "loaded from disk");
      this.editor.focus();
    };
    const what = disk ? "The file was changed on disk, and this page has changes that are not saved." : "The file is gone from the disk.";
    this.conflictBar.replaceChildren(
      h("div", { class: "conflict", role: "alert" },
        h("p", {}, h("strong", {}, "Changed on disk. "), what),
        h("div", { class: "actions" },
          disk && h("button", { class: "quiet", type: "button", onclick: load }, "Load theirs"),
          disk && h("button", { class: "quiet", type: "button", onclick: () => void keep() }, "Keep mine"),
          disk && h("button", { class: "quiet", type: "button", "aria-expanded": "false", onclick: show }, "Show both")),
        both),
    );
    this.conflictBar.hidden = false;
    this.showState();
  }

  // ── checking ──

  private async awaitChecker(): Promise<void> {
    const ready = find("#ready");
    for (;;) {
      try {
        const answer = await ask<{ ready: boolean; error: string | null }>("GET", "/api/ready");
        ready.textContent = answer.ready ? `checker ready (${KEYS})` : answer.error ? `checker: ${answer.error}` : "starting the checker …";
        if (answer.ready || answer.error) return;
      } catch (error) {
        ready.textContent = said(error);
      }
      await new Promise((wake) => setTimeout(wake, 600));
    }
  }

  private async check(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    const button = find<HTMLButtonElement>("button[value=check]");
    button.setAttribute("aria-busy", "true");
    const sent = this.editor.text;
    const body = this.unsaved ? { text: sent, expected_sha256: this.file.sha256 } : {};
    try {
      const checked = await ask<Checked>("POST", `/api/check/${this.topic}`, body);
      if ("text" in body) {
        this.file.learned({ path: "", sha256: checked.sha256, text: sent, problem: null });
        this.closeConflict();
      }
      this.show(checked);
    } catch (error) {
      this.trouble(error);
    } finally {
      this.busy = false;
      button.removeAttribute("aria-busy");
    }
    void this.lookAtDisk();
  }

  private show(checked: Checked): void {
    this.showState("saved");
    const onward = checked.next?.topic && checked.next.topic !== this.topic
      ? h("p", { class: "onward" }, "Next: ", h("a", { href: `/topic/${checked.next.topic}` }, checked.next.title))
      : null;
    this.verdict.replaceChildren(verdictElement(checked.view, (line) => this.editor.goto(line), onward));
    this.editor.mark(checked.verdict.builds.map((one) => one.failure?.line).find((line) => line != null) ?? null);
    const lines = [...document.querySelectorAll<HTMLElement>("#builds > li")];
    checked.builds.forEach((one, index) => {
      const line = lines[index];
      if (!line) return;
      line.className = one.tone;
      line.querySelector(".icon")?.replaceWith(icon(one.tone));
      const word = line.querySelector(".word");
      if (word) word.textContent = one.word + (one.note ? ` ${one.note}` : "");
    });
    find("#topic-state").replaceChildren(h("span", { class: `state ${checked.topic.tone}` }, icon(checked.topic.tone), h("span", {}, checked.topic.word)));
    document.dispatchEvent(new CustomEvent("groundup:checked"));
    this.reveal(this.verdict);
  }

  /** Bring an answer into view where it is not. */
  private reveal(element: HTMLElement): void {
    const { top } = element.getBoundingClientRect();
    if (top < 60 || top > window.innerHeight - 140) element.scrollIntoView({ block: "center" });
  }

  // ── hints ──

  private async hint(): Promise<void> {
    const hints = find("#hints");
    try {
      const given = await ask<HintGiven>("POST", "/api/hint", { topic: this.topic });
      const head = h("p", { class: "label" }, `Hint ${given.stage} of ${given.of} for `, h("code", {}, given.build), ": ", h("strong", {}, given.title));
      const id = `hint-${given.build}-${given.stage}`;
      document.getElementById(id)?.remove();
      const shown = h("div", { class: "hint", id }, head, h("p", {}, given.text));
      hints.append(shown);
      this.reveal(shown);
    } catch (error) {
      hints.append(h("p", { class: "notice" }, said(error)));
    }
  }

  private askForSolution(): void {
    const place = find("#solution");
    const close = (): void => {
      place.hidden = true;
      place.replaceChildren();
      find("#solution-link").focus();
    };
    const show = async (): Promise<void> => {
      try {
        const answer = await ask<{ text: string }>("POST", "/api/solution", { topic: this.topic });
        place.replaceChildren(h("p", { class: "label" }, "The solution"), h("pre", { class: "code", tabindex: "0" }, answer.text));
      } catch (error) {
        place.replaceChildren(h("p", { class: "notice", role: "alert" }, said(error)));
      }
    };
    const yes = h("button", { class: "quiet", type: "button", onclick: () => void show() }, "Show it");
    place.replaceChildren(
      h("div", { class: "ask", role: "group", "aria-label": "Show the solution?" },
        h("p", {}, "Show working code for everything asked here? That you looked is recorded, for you alone."),
        h("div", { class: "actions" }, yes, h("button", { class: "quiet", type: "button", onclick: close }, "Not yet"))),
    );
    place.hidden = false;
    yes.focus();
    this.reveal(place);
  }
}

export function start(root: HTMLElement): void {
  new Work(root);
}
