// Curves of runs as small plots, one a metric, over the band of reference runs where there is one.
import { h } from "./dom";
import { color, draw } from "./plot";

export interface Band {
  steps: number[];
  low: number[];
  high: number[];
}
export interface Curve {
  steps: number[];
  values: (number | null)[];
}

const HEIGHT = 230;
const INK = ["#3b82b8", "#d9822b"];

export const words = (name: string): string => name.replaceAll("_", " ");

const shown = (value: number | null | undefined): string => (value == null ? "no number" : String(Number(value.toPrecision(4))));

function bandTraces(band: Band): unknown[] {
  const edge = { mode: "lines", line: { width: 0 }, hoverinfo: "skip", x: band.steps };
  return [
    { ...edge, y: band.low, showlegend: false },
    { ...edge, y: band.high, fill: "tonexty", fillcolor: "rgba(127, 138, 147, 0.28)", name: "reference runs" },
  ];
}

/** The plots of one page; each is made when its metric first comes. */
export class Plots {
  private readonly places = new Map<string, HTMLElement>();

  constructor(
    private readonly root: HTMLElement,
    private readonly bands: Record<string, Band>,
  ) {}

  private place(metric: string): HTMLElement {
    let plot = this.places.get(metric);
    if (!plot) {
      plot = h("div", { class: "plot" });
      this.places.set(metric, plot);
      this.root.append(h("figure", { class: "curve", "data-metric": metric }, h("figcaption", {}, words(metric)), plot));
    }
    return plot;
  }

  /** One metric: a curve of each run, by the run's name. */
  async show(metric: string, curves: [string, Curve][]): Promise<void> {
    const plot = this.place(metric);
    const band = this.bands[metric];
    const several = curves.length > 1;
    const traces = curves.map(([name, curve], index) => ({
      x: curve.steps,
      y: curve.values,
      name,
      mode: curve.steps.length > 40 ? "lines" : "lines+markers",
      marker: { size: 5 },
      line: { color: INK[index], width: 1.75, dash: index ? "dot" : "solid" },
      connectgaps: false,
    }));
    const said = curves.map(([name, curve]) => {
      const last = curve.steps.length - 1;
      const where = last < 0 ? "no step yet" : `${shown(curve.values[last])} at step ${curve.steps[last]}`;
      return several ? `${name}: ${where}` : where;
    });
    const label = `${words(metric)} by step; ${said.join("; ")}${band ? "; over the band of reference runs" : ""}`;
    const layout = {
      height: HEIGHT,
      margin: { l: 52, r: 10, t: 8, b: 34 },
      showlegend: several || band !== undefined,
      legend: { orientation: "h", x: 1, xanchor: "right", y: 1.02, yanchor: "bottom", font: { size: 11, color: color("--soft") } },
      xaxis: { rangemode: "tozero", tickformat: "~s" },
      yaxis: { tickformat: ".4~r", nticks: 6 },
    };
    await draw(plot, [...(band ? bandTraces(band) : []), ...traces], layout, label);
  }
}
