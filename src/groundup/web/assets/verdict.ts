// A verdict as elements. templates/parts.html draws the same from the same data for pages without scripts.
import { h, icon } from "./dom";

interface Cell {
  text: string;
  wrong: boolean;
}
interface Value {
  role: string;
  label: string;
  facts: string;
  text: string;
  rows: Cell[][];
  cut: boolean;
}
interface Failure {
  title: string;
  named: string;
  hint: string | null;
  message: string;
  call: string | null;
  line: number | null;
  line_text: string | null;
  trace: string[];
  given: Value[];
  sides: Value[];
}
interface BuildResult {
  name: string;
  word: string;
  tone: string;
  counts: string;
  remarks: string[];
  failure: Failure | null;
}
export interface VerdictView {
  headline: string;
  tone: string;
  passed: boolean;
  message: string | null;
  builds: BuildResult[];
  printed: string;
  receipt: [string, string][];
}

/** Called with a line of the learner's file when they ask to see it. */
export type Goto = (line: number) => void;

const pre = (text: string): HTMLElement => h("pre", { tabindex: "0" }, text);
const label = (text: string, ...more: (Node | string)[]): HTMLElement => h("p", { class: "label" }, text, ...more);

function row(cells: Cell[]): HTMLElement {
  const tds = cells.map((cell) =>
    cell.wrong ? h("td", { class: "wrong" }, cell.text, h("span", { class: "unseen" }, " differs")) : h("td", {}, cell.text),
  );
  return h("tr", {}, ...tds);
}

function value(one: Value): HTMLElement {
  const table = (): HTMLElement =>
    h("div", { class: "cells", tabindex: "0", role: "region", "aria-label": one.label }, h("table", {}, h("tbody", {}, ...one.rows.map(row))));
  const facts = one.facts && h("span", { class: "facts" }, one.facts);
  return h(
    "div",
    { class: `value ${one.role}` },
    h("p", { class: "label" }, h("strong", {}, one.label), facts ? " " : null, facts || null),
    one.rows.length ? table() : pre(one.text),
    one.cut && h("p", { class: "small" }, "Only the beginning is shown."),
  );
}

const sides = (values: Value[]): HTMLElement => h("div", { class: "sides" }, ...values.map(value));

function named(one: Failure): HTMLElement {
  const name = one.named && label("This is what comes out of: ", h("strong", {}, one.named));
  return h("div", { class: "named" }, name || null, h("p", {}, one.hint ?? ""));
}

function where(one: Failure, line: number, goto: Goto): HTMLElement {
  const jump = h("button", { class: "link", type: "button", onclick: () => goto(line) }, `Your line ${line}`);
  return h("p", { class: "line" }, h("span", { class: "label" }, jump), " ", h("code", {}, one.line_text ?? ""));
}

function failure(one: Failure, goto: Goto): HTMLElement {
  const given = (): HTMLElement =>
    h("details", { class: "given", open: one.given.length <= 3 }, h("summary", {}, "What it was given"), sides(one.given));
  return h(
    "div",
    { class: "failure" },
    h("h4", {}, one.title),
    one.hint && named(one),
    h("p", { class: "message" }, one.message),
    one.line !== null && where(one, one.line, goto),
    one.trace.length > 0 && h("details", {}, h("summary", {}, "How it got there"), pre(one.trace.join("\n"))),
    one.call && h("p", { class: "call" }, h("span", { class: "label" }, "The call"), " ", h("code", {}, one.call)),
    one.sides.length > 0 && sides(one.sides),
    one.given.length > 0 && given(),
  );
}

function build(one: BuildResult, goto: Goto): HTMLElement {
  const counts = one.counts ? [" ", h("span", { class: "small" }, one.counts)] : [];
  return h(
    "li",
    { class: one.tone },
    h("p", { class: "result" }, icon(one.tone), h("code", {}, one.name), " ", h("span", { class: "word" }, one.word), ...counts),
    ...one.remarks.map((remark) => h("p", { class: "remark" }, remark)),
    one.failure && failure(one.failure, goto),
  );
}

function receipt(lines: [string, string][]): HTMLElement {
  const pairs = lines.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]);
  return h("details", { class: "receipt" }, h("summary", {}, "Receipt"), h("dl", {}, ...pairs));
}

export function verdictElement(view: VerdictView, goto: Goto, ...more: (Node | null)[]): HTMLElement {
  return h(
    "div",
    { class: `verdict ${view.tone}` },
    h("h3", {}, icon(view.tone), h("span", {}, view.headline)),
    view.message && h("p", { class: "message" }, view.message),
    h("ul", { class: "results" }, ...view.builds.map((one) => build(one, goto))),
    ...more,
    view.printed && h("div", { class: "printed" }, label("Your code printed"), pre(view.printed)),
    receipt(view.receipt),
  );
}
