// The editor: CodeMirror in the page's colors. It knows text and lines, nothing of files, servers or verdicts.
import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { basicSetup } from "codemirror";

const failedLine = StateEffect.define<number | null>();

const failedLines = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, change) {
    // A line that was edited since is no longer known to be the one.
    let now = change.docChanged ? Decoration.none : marks;
    for (const effect of change.effects) {
      if (!effect.is(failedLine)) continue;
      const line = effect.value;
      const there = line !== null && line >= 1 && line <= change.state.doc.lines;
      now = there ? Decoration.set([Decoration.line({ class: "cm-failed" }).range(change.state.doc.line(line).from)]) : Decoration.none;
    }
    return now;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const look = EditorView.theme({
  "&": { maxHeight: "min(60vh, 44rem)", minHeight: "14rem", color: "var(--text)", backgroundColor: "var(--ground)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "0.875rem", lineHeight: "1.5", overflow: "auto" },
  ".cm-content": { caretColor: "var(--text)", padding: "0.5rem 0" },
  ".cm-gutters": { backgroundColor: "var(--raised)", color: "var(--soft)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 8%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-failed": { boxShadow: "inset 3px 0 var(--bad)", backgroundColor: "var(--bad-ground)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 28%, transparent)",
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-ground)", outline: "1px solid var(--accent)" },
  ".cm-panels, .cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-textfield": { backgroundColor: "var(--ground)", color: "var(--text)" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--ground)", color: "var(--text)" },
  ".cm-foldPlaceholder": { backgroundColor: "transparent", color: "var(--soft)", borderColor: "var(--line)" },
});

interface Wishes {
  parent: HTMLElement;
  text: string;
  label: string;
  readOnly: boolean;
  check: () => void;
  save: () => void;
  changed: () => void;
}

export class Editor {
  private readonly view: EditorView;

  constructor(wishes: Wishes) {
    const run = (what: () => void) => () => {
      what();
      return true;
    };
    const keys = [
      { key: "Mod-Enter", run: run(wishes.check) },
      { key: "Ctrl-Enter", run: run(wishes.check) },
      { key: "Mod-s", run: run(wishes.save) },
    ];
    this.view = new EditorView({
      parent: wishes.parent,
      doc: wishes.text,
      extensions: [
        Prec.highest(keymap.of(keys)),
        basicSetup,
        // Escape, then Tab, leaves the editor: the page stays usable by keyboard.
        keymap.of([indentWithTab]),
        python(),
        indentUnit.of("    "),
        syntaxHighlighting(classHighlighter),
        failedLines,
        look,
        EditorState.readOnly.of(wishes.readOnly),
        EditorView.cspNonce.of(document.documentElement.dataset["styleNonce"] ?? ""),
        EditorView.contentAttributes.of({ "aria-label": wishes.label, tabindex: "0", spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) wishes.changed();
        }),
      ],
    });
    this.view.scrollDOM.tabIndex = -1;
  }

  /** The text with plain line ends. */
  get text(): string {
    return this.view.state.doc.toString();
  }

  /** Another text in place of this one; undo brings this one back, and the cursor stays where it can. */
  replace(text: string): void {
    const { doc, selection } = this.view.state;
    const head = Math.min(selection.main.head, text.length);
    this.view.dispatch({ changes: { from: 0, to: doc.length, insert: text }, selection: { anchor: head } });
  }

  /** Mark the line that failed, or none. */
  mark(line: number | null): void {
    this.view.dispatch({ effects: failedLine.of(line) });
  }

  goto(line: number): void {
    const { doc } = this.view.state;
    const { from } = doc.line(Math.max(1, Math.min(line, doc.lines)));
    this.view.dispatch({ selection: { anchor: from }, effects: [EditorView.scrollIntoView(from, { y: "center" }), failedLine.of(line)] });
    this.view.focus();
  }

  focus(): void {
    this.view.focus();
  }
}
