// A lesson's figure: sliders, and a drawing that the server computes with the learner's code or with groundup's.
import { ask, debounced, find, h, Refusal, said } from "./dom";
import { draw as drawPlot } from "./plot";

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
    plot.hidden = false;
    const label = drawn.caption || "The figure; its numbers are linked below.";
    await drawPlot(plot, drawn.figure.data, drawn.figure.layout ?? {}, label);
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
