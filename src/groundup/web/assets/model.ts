// A model's page: text that streams in, each token with its probability and its rivals, and attention maps.
import { ask, find, h, Refusal, said } from "./dom";
import { color, draw } from "./plot";

interface Rival {
  text: string;
  p: number | null;
  drawn: number | null;
}
interface Token extends Rival {
  id: number;
  adds: string;
  top: Rival[];
}
interface Facts {
  layers: number;
  heads: number;
  context: number;
  seed: number;
  isolation: string;
  parts: string[];
}
type Word =
  | ({ kind: "ready" } & Facts)
  | { kind: "prompt"; cut: number; tokens: Token[] }
  | { kind: "token"; token: Token }
  | { kind: "done"; reason: string }
  | { kind: "failed"; message: string };
interface Attention {
  tokens: string[];
  weights: (number | null)[][];
  layer: number;
  head: number;
  left_out: number;
}

const TINTS: [number, string][] = [[0.5, "p5"], [0.25, "p4"], [0.1, "p3"], [0.03, "p2"], [0.01, "p1"]];
const REASONS: Record<string, string> = {
  length: "as long as asked",
  context: "the model’s context is full",
  end: "the model ended the text",
  stopped: "stopped",
};

const tint = (p: number | null): string => (p === null ? "none" : (TINTS.find(([least]) => p >= least)?.[1] ?? "p0"));
const percent = (p: number | null): string => (p === null ? "" : p >= 0.0995 ? `${(100 * p).toFixed(0)} %` : `${(100 * p).toPrecision(2)} %`);
/** A token's text where it stands alone: spaces and line ends can be seen. */
const visible = (text: string): string => text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥").replaceAll("\r", "␍") || "(nothing)";

/** A color between two that are written as #rrggbb. */
function between(from: string, to: string, share: number): string {
  const part = (one: string, at: number): number => parseInt(one.slice(1 + 2 * at, 3 + 2 * at), 16);
  const mixed = [0, 1, 2].map((at) => Math.round(part(from, at) * (1 - share) + part(to, at) * share));
  return `rgb(${mixed.join(", ")})`;
}

/** From the page's ground to its accent; small weights, which a long text is full of, can be told from none. */
function scale(): [number, string][] {
  const [from, to] = [color("--ground"), color("--accent")];
  return [[0, 0], [0.01, 0.1], [0.05, 0.25], [0.2, 0.5], [0.5, 0.8], [1, 1]].map(([at, share]) => [at ?? 0, between(from, to, share ?? 0)]);
}

/** Lines of JSON as they come. */
async function* words(answer: Response): AsyncGenerator<Word> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as Word;
  }
}

class Writing {
  private readonly model: string;
  private readonly form = find<HTMLFormElement>("#write");
  private readonly tokens = find("#tokens");
  private readonly box = find("#token");
  private readonly button = find<HTMLButtonElement>("button[value=write]");
  private readonly stop = find<HTMLButtonElement>("#stop");
  private readonly layer = find<HTMLSelectElement>("#layer");
  private readonly head = find<HTMLSelectElement>("#head");
  private shown: Token[] = [];
  private whose = "";
  private asking: AbortController | null = null;
  private looking: AbortController | null = null;
  private lastMap: Attention | null = null;

  constructor(root: HTMLElement) {
    this.model = root.dataset["model"] ?? "";
    document.querySelector(".plain-tokens")?.remove();
    for (const range of this.form.querySelectorAll<HTMLInputElement>("input[type=range]")) {
      const output = this.form.querySelector(`output[for="${range.id}"]`);
      range.addEventListener("input", () => {
        if (output) output.textContent = range.value;
      });
    }
    this.form.addEventListener("submit", (event) => {
      if ((event.submitter as HTMLButtonElement | null)?.value === "remove") return;
      event.preventDefault();
      void this.write();
    });
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        void this.write();
      }
    });
    this.stop.addEventListener("click", () => this.asking?.abort());
    this.tokens.addEventListener("click", (event) => this.choose(event.target));
    this.tokens.addEventListener("focusin", (event) => this.choose(event.target));
    this.tokens.addEventListener("keydown", (event) => this.walk(event));
    for (const select of [this.layer, this.head]) select.addEventListener("change", () => void this.look());
    document.addEventListener("groundup:theme", () => {
      if (this.lastMap) void this.drawMap(this.lastMap);
    });
  }

  // ── writing ──

  private settings(): Record<string, unknown> {
    const fields = new FormData(this.form);
    const found: Record<string, unknown> = { prompt: String(fields.get("prompt") ?? ""), whose: String(fields.get("whose") ?? "trained") };
    for (const range of this.form.querySelectorAll<HTMLInputElement>("input[type=range]")) found[range.name] = Number(range.value);
    const seed = String(fields.get("seed") ?? "").trim();
    if (seed) found["seed"] = Number(seed);
    return found;
  }

  private async write(): Promise<void> {
    if (this.asking) return;
    const mine = (this.asking = new AbortController());
    const status = find("#said");
    this.button.setAttribute("aria-busy", "true");
    this.stop.hidden = false;
    status.textContent = "Starting the model …";
    const body = this.settings();
    this.whose = String(body["whose"]);
    try {
      const answer = await fetch(`/api/shelf/${this.model}/generate`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        credentials: "same-origin",
        signal: mine.signal,
      });
      if (!answer.ok) throw new Refusal(answer.status, String(((await answer.json()) as Record<string, unknown>)["detail"]), {});
      let facts: Facts | null = null;
      for await (const word of words(answer)) {
        if (word.kind === "ready") facts = word;
        this.hear(word, facts);
      }
    } catch (error) {
      status.textContent = mine.signal.aborted ? "Stopped." : said(error);
    } finally {
      this.asking = null;
      this.button.removeAttribute("aria-busy");
      this.stop.hidden = true;
    }
    if (this.shown.length) await this.look();
  }

  private hear(word: Word, facts: Facts | null): void {
    const status = find("#said");
    if (word.kind === "ready") {
      this.offerHeads(word);
      status.textContent = "Writing …";
    } else if (word.kind === "prompt") {
      this.shown = [];
      this.tokens.replaceChildren();
      this.box.hidden = true;
      find("#written").hidden = false;
      if (word.cut) status.textContent = `The prompt is longer than the model’s context: its first ${word.cut} tokens are left out.`;
      for (const token of word.tokens) this.add(token, true);
    } else if (word.kind === "token") this.add(word.token, false);
    else if (word.kind === "failed") status.textContent = word.message;
    else {
      const parts = facts?.parts.length ? `, ${facts.parts.length} of your parts at work` : "";
      status.textContent = `Done: ${REASONS[word.reason] ?? word.reason} (seed ${facts?.seed ?? ""}${parts}).`;
      this.tokens.dataset["writes"] = String(Number(this.tokens.dataset["writes"] ?? 0) + 1);
    }
  }

  private add(token: Token, given: boolean): void {
    const at = this.shown.push(token) - 1;
    // A line end alone would have nothing to click on.
    const text = /^[\r\n]+$/.test(token.adds) ? `⏎${token.adds}` : token.adds || "…";
    const label = `${visible(token.text)}${token.p === null ? "" : `, ${percent(token.p)}`}`;
    const classes = `token ${tint(token.p)}${given ? " given" : ""}`;
    this.tokens.append(h("span", { class: classes, role: "button", tabindex: at ? "-1" : "0", "aria-label": label, "data-at": String(at) }, text));
  }

  // ── one token ──

  private choose(target: EventTarget | null): void {
    const chosen = target instanceof HTMLElement ? target.closest<HTMLElement>("[data-at]") : null;
    const token = chosen ? this.shown[Number(chosen.dataset["at"])] : undefined;
    if (!chosen || !token) return;
    for (const one of this.tokens.querySelectorAll("[aria-pressed], [tabindex='0']")) {
      one.removeAttribute("aria-pressed");
      one.setAttribute("tabindex", "-1");
    }
    chosen.setAttribute("aria-pressed", "true");
    chosen.setAttribute("tabindex", "0");
    this.showToken(token);
  }

  private showToken(token: Token): void {
    const drawn = token.drawn !== null;
    const line = (one: Rival, here: boolean): HTMLElement =>
      h("tr", here ? { class: "here" } : {},
        h("th", { scope: "row", class: "words" }, visible(one.text)),
        h("td", {}, percent(one.p)),
        drawn ? h("td", {}, one.drawn === 0 ? "never" : percent(one.drawn)) : null);
    const among = token.top.some((one) => one.text === token.text);
    const rows = token.top.map((one) => line(one, one.text === token.text));
    if (!among && token.p !== null) rows.push(line(token, true));
    const head = h("tr", {},
      h("th", { scope: "col", class: "words" }, "token"),
      h("th", { scope: "col" }, "the model"),
      drawn ? h("th", { scope: "col" }, "your settings") : null);
    const what = token.p === null ? "Nothing stands before it, so it has no probability." : `What could have stood here instead of ${visible(token.text)}`;
    this.box.replaceChildren(
      h("p", { class: "label" }, what),
      ...(rows.length ? [h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows))] : []));
    this.box.hidden = false;
  }

  private walk(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    const here = document.activeElement instanceof HTMLElement ? Number(document.activeElement.dataset["at"]) : NaN;
    if (step === undefined || Number.isNaN(here)) return;
    const to = Math.min(this.shown.length - 1, Math.max(0, here + step));
    this.tokens.querySelector<HTMLElement>(`[data-at="${to}"]`)?.focus();
    event.preventDefault();
  }

  // ── attention ──

  private offerHeads(facts: Facts): void {
    for (const [select, count] of [[this.layer, facts.layers], [this.head, facts.heads]] as const) {
      if (select.options.length === count) continue;
      select.replaceChildren(...Array.from({ length: count }, (_, at) => h("option", { value: String(at) }, String(at + 1))));
    }
  }

  private async look(): Promise<void> {
    this.looking?.abort();
    const mine = (this.looking = new AbortController());
    find("#attention").hidden = false;
    const status = find("#attention-said");
    try {
      const body = { ids: this.shown.map((one) => one.id), layer: Number(this.layer.value), head: Number(this.head.value), whose: this.whose };
      const found = await ask<Attention>("POST", `/api/shelf/${this.model}/attention`, body, mine.signal);
      this.lastMap = found;
      await this.drawMap(found);
      status.textContent = found.left_out ? `The last ${found.tokens.length} tokens.` : "";
    } catch (error) {
      if (!mine.signal.aborted) status.textContent = said(error);
    }
  }

  private async drawMap(found: Attention): Promise<void> {
    const map = find("#map");
    const numbers = found.tokens.map((_, at) => at);
    const labels = found.tokens.map((text) => visible(text).slice(0, 12));
    const ticks = { tickmode: "array", tickvals: numbers, ticktext: labels, tickfont: { size: 10 }, showgrid: false, zeroline: false };
    const few = numbers.length * 11 <= map.clientWidth - 90;
    const size = Math.min(760, 130 + 15 * Math.max(14, numbers.length), map.clientWidth + 40);
    const heat = {
      type: "heatmap",
      z: found.weights,
      x: numbers,
      y: numbers,
      zmin: 0,
      zmax: 1,
      colorscale: scale(),
      customdata: found.tokens.map((row) => found.tokens.map((column) => `${visible(row)} looks at ${visible(column)}`)),
      hovertemplate: "%{customdata}: %{z:.3f}<extra></extra>",
      colorbar: { thickness: 10, outlinewidth: 0, len: 0.8 },
    };
    const layout = {
      height: size,
      margin: { l: 70, r: 10, t: 10, b: 70 },
      xaxis: { ...ticks, ticks: "", showticklabels: few, tickangle: -90, title: few ? "" : "looked at" },
      yaxis: { ...ticks, ticks: "", showticklabels: few, autorange: "reversed", title: few ? "" : "looks" },
    };
    await draw(map, [heat], layout, `Attention of head ${found.head + 1} in layer ${found.layer + 1} over ${found.tokens.length} tokens`);
    map.dataset["drawn"] = `${found.layer} ${found.head} ${found.tokens.length}`;
  }
}

new Writing(find("#model"));
