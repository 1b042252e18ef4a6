// A lesson's figure: sliders, and a drawing that the server computes with the learner's code or with groundup's.
import { ask, debounced, find, h, Refusal, said } from "./dom";

interface Slider {
  name: string;
  label: string;
  low: number;
  high: number;
  step: number;
  choices: string[];
  value: number | string;
}
interface Drawn {
  figure: { data: unknown[]; layout?: Record<string, unknown> };
  drawn_by: string;
  caption: string;
  sliders: Slider[];
  milliseconds: number;
  note: string | null;
}
type Values = Record<string, number | string>;

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The drawing in the page's own colors: Plotly's default theme knows neither dark nor light. */
function dressed(layout: Record<string, unknown>): Record<string, unknown> {
  const text = color("--text");
  const line = color("--line");
  const axis = { gridcolor: line, zerolinecolor: color("--edge"), linecolor: color("--edge"), automargin: true };
  const colorway = ["#3b82b8", "#d9822b", "#4f9d69", "#b0527a", "#8a6fc2", "#7f8a93"];
  const template = {
    layout: {
      font: { color: text, family: "system-ui, sans-serif", size: 13 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      colorway,
      xaxis: axis,
      yaxis: axis,
      margin: { l: 48, r: 16, t: 40, b: 44 },
      hoverlabel: { bgcolor: color("--raised"), font: { color: text } },
    },
  };
  const { width: _width, ...rest } = layout;
  return { ...rest, template, autosize: true, dragmode: false };
}

/** The rules that Plotly writes at run time go into elements that carry the page's nonce. */
function styleElement(id: string): void {
  if (document.getElementById(id)) return;
  const style = document.createElement("style");
  style.id = id;
  style.nonce = document.documentElement.dataset["styleNonce"] ?? "";
  document.head.append(style);
}

/**
 * Plotly writes some styles as attributes, which the page's policy forbids, and which scripts may do through the style
 * object. The same words go that way; the policy stays strict.
 */
function stylesByObject(): void {
  const set = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name: string, value: string): void {
    if (name === "style" && (this instanceof HTMLElement || this instanceof SVGElement)) this.style.cssText = value;
    else set.call(this, name, value);
  };
}

let library: Promise<typeof import("plotly.js-cartesian-dist-min")> | null = null;

function plotly(): Promise<typeof import("plotly.js-cartesian-dist-min")> {
  if (!library) {
    styleElement("plotly.js-style-global");
    stylesByObject();
    library = import("plotly.js-cartesian-dist-min");
  }
  return library;
}

function control(slider: Slider, change: () => void): HTMLElement {
  const id = `slider-${slider.name}`;
  const label = h("label", { for: id }, slider.label);
  if (slider.choices.length) {
    const options = slider.choices.map((choice) => h("option", { selected: choice === slider.value }, choice));
    return h("div", { class: "slider" }, label, h("select", { id, name: slider.name, onchange: change }, ...options));
  }
  const output = h("output", { for: id }, String(slider.value));
  const range = h("input", {
    id,
    type: "range",
    name: slider.name,
    min: String(slider.low),
    max: String(slider.high),
    step: String(slider.step),
  });
  range.value = String(slider.value);
  range.addEventListener("input", () => {
    output.textContent = range.value;
    change();
  });
  return h("div", { class: "slider" }, label, output, range);
}

export async function start(root: HTMLElement): Promise<void> {
  const topic = root.dataset["topic"] ?? "";
  const sliders = find("#figure .sliders");
  const plot = find("#figure .plot");
  const status = find("#figure-said");
  let values: Values = {};
  let last: Drawn | null = null;
  let asking: AbortController | null = null;

  const read = (): void => {
    values = {};
    for (const field of sliders.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")) {
      values[field.name] = field instanceof HTMLInputElement ? Number(field.value) : field.value;
    }
  };
  const soon = debounced(30, () => {
    read();
    void draw();
  });

  async function show(drawn: Drawn): Promise<void> {
    const { default: drawing } = await plotly();
    plot.hidden = false;
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", drawn.caption || "The figure; its numbers are linked below.");
    const config = { displayModeBar: false, responsive: true };
    await drawing.react(plot, drawn.figure.data, dressed(drawn.figure.layout ?? {}), config);
  }

  async function draw(): Promise<void> {
    // Only the newest position is drawn; an answer to an older one is dropped.
    asking?.abort();
    const mine = (asking = new AbortController());
    try {
      const drawn = await ask<Drawn>("POST", `/api/figure/${topic}`, { sliders: values }, mine.signal);
      if (mine.signal.aborted) return;
      if (sliders.hidden) {
        sliders.append(...drawn.sliders.map((slider) => control(slider, soon)));
        sliders.hidden = drawn.sliders.length === 0;
        read();
      }
      last = drawn;
      await show(drawn);
      find("#figure-caption").textContent = drawn.caption;
      status.textContent = `Drawn by ${drawn.drawn_by}.${drawn.note ? ` (${drawn.note})` : ""}`;
      root.dataset["drawnBy"] = drawn.drawn_by;
      root.dataset["draws"] = String(Number(root.dataset["draws"] ?? 0) + 1);
    } catch (error) {
      if (mine.signal.aborted) return;
      status.textContent = error instanceof Refusal ? `The figure could not be drawn: ${error.detail}` : said(error);
    }
  }

  document.addEventListener("groundup:theme", () => {
    if (last) void show(last);
  });
  // Code that passes from now on draws the figure.
  document.addEventListener("groundup:checked", () => void draw());
  await draw();
}
