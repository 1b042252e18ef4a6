// A run's page, live: the server says what happens, the page follows, and loses nothing when either is interrupted.
import { ask, find, said } from "./dom";
import { type Band, type Curve, Plots } from "./curves";

interface Progress {
  label: string;
  done: number;
  total: number | null;
  left: number | null;
  from: number;
}
interface Story {
  run: string;
  state: string;
  at: number;
  progress: Progress | null;
  curves: Record<string, Curve>;
  bands: Record<string, Band>;
}
interface Compared {
  runs: string[];
  curves: Record<string, Curve[]>;
  bands: Record<string, Band>;
}

const REDRAW_MS = 400;
const REFRESH_MS = 500;
const MOST_POINTS = 4000;

/** A metric's points by step: what a resumed run computes again takes the place of what it repeats. */
class Points {
  private readonly values = new Map<number, number | null>();
  private sorted = true;
  private last = -Infinity;

  constructor(curve?: Curve) {
    curve?.steps.forEach((step, at) => this.add(step, curve.values[at] ?? null));
  }

  add(step: number, value: number | null): void {
    if (step < this.last && !this.values.has(step)) this.sorted = false;
    this.last = Math.max(this.last, step);
    this.values.set(step, value);
  }

  curve(): Curve {
    let steps = [...this.values.keys()];
    if (!this.sorted) steps.sort((one, other) => one - other);
    const every = Math.ceil(steps.length / MOST_POINTS);
    if (every > 1) steps = steps.filter((_, at) => at % every === 0 || at === steps.length - 1);
    return { steps, values: steps.map((step) => this.values.get(step) ?? null) };
  }
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Calls at once, then at most once in so many milliseconds, and once more for what came meanwhile. */
function paced(wait: number, work: () => Promise<void>): () => void {
  let busy = false;
  let again = false;
  const go = async (): Promise<void> => {
    busy = true;
    do {
      again = false;
      await work();
      await new Promise((wake) => setTimeout(wake, wait));
    } while (again);
    busy = false;
  };
  return () => {
    again = true;
    if (!busy) void go();
  };
}

class Live {
  private readonly id: string;
  private readonly points = new Map<string, Points>();
  private readonly dirty = new Set<string>();
  private readonly redraw = paced(REDRAW_MS, () => this.drawCurves());
  private readonly refresh = paced(REFRESH_MS, () => this.loadParts());
  private progress: Progress | null;
  private readonly plots: Plots;

  constructor(
    private readonly root: HTMLElement,
    story: Story,
  ) {
    this.id = story.run;
    this.progress = story.progress;
    this.plots = new Plots(find("#plots"), story.bands);
    for (const [name, curve] of Object.entries(story.curves)) this.points.set(name, new Points(curve));
    this.drawAll();
    document.addEventListener("groundup:theme", () => this.drawAll());
    root.classList.add("live");
    if (story.state === "running" || story.state === "stopping") this.follow(story.at);
  }

  private drawAll(): void {
    for (const name of this.points.keys()) this.dirty.add(name);
    if (this.dirty.size) this.redraw();
  }

  private async drawCurves(): Promise<void> {
    const names = [...this.dirty];
    this.dirty.clear();
    for (const name of names) {
      const points = this.points.get(name);
      if (points) await this.plots.show(name, [[this.id, points.curve()]]);
    }
    this.root.dataset["draws"] = String(Number(this.root.dataset["draws"] ?? 0) + 1);
  }

  // ── what happens ──

  private follow(at: number): void {
    const said = find("#live");
    const source = new EventSource(`/api/runs/${this.id}/events?after=${at}`);
    const on = (kind: string, then: (values: Record<string, unknown>) => void): void => {
      source.addEventListener(kind, (event) => {
        const message = event as MessageEvent<string>;
        this.root.dataset["at"] = message.lastEventId;
        then(JSON.parse(message.data) as Record<string, unknown>);
      });
    };
    source.addEventListener("open", () => {
      said.textContent = "";
    });
    // The browser comes back by itself and says what it saw last; only a refusal is final.
    source.addEventListener("error", () => {
      const gone = source.readyState === EventSource.CLOSED;
      said.textContent = gone ? "groundup no longer answers this page. Open it again." : "The connection is lost; trying again …";
    });
    on("log", (values) => this.log(values as unknown as { step: number; metrics: Record<string, number | null> }));
    on("progress", (values) => this.showProgress(values as unknown as { label: string; done: number; total: number | null; seconds: number }));
    for (const kind of ["begin", "expect", "text", "table", "saved", "result", "end"]) on(kind, () => this.refresh());
    on("over", () => {
      source.close();
      this.refresh();
      find("#progress-said").textContent = find("#progress-said").textContent?.replace(/, about .* left$/, "") ?? "";
    });
  }

  private log(values: { step: number; metrics: Record<string, number | null> }): void {
    find("#curves").hidden = false;
    for (const [name, value] of Object.entries(values.metrics)) {
      let points = this.points.get(name);
      if (!points) this.points.set(name, (points = new Points()));
      points.add(values.step, value);
      this.dirty.add(name);
    }
    this.redraw();
  }

  private showProgress(one: { label: string; done: number; total: number | null; seconds: number }): void {
    const from = one.seconds === 0 ? one.done : (this.progress?.from ?? 0);
    const left = one.total !== null && one.done > from && one.seconds > 0 ? (one.seconds * (one.total - one.done)) / (one.done - from) : null;
    this.progress = { ...one, left, from };
    const bar = find<HTMLProgressElement>("#progress progress");
    if (one.total === null) bar.removeAttribute("value");
    else {
      bar.max = one.total || 1;
      bar.value = one.done;
    }
    const of = one.total === null ? "" : ` of ${one.total}`;
    find("#progress-said").textContent = `${one.label}: ${one.done}${of}${left ? `, about ${duration(left)} left` : ""}`;
    find("#progress").hidden = false;
  }

  /** The parts of the page that the server writes, as it would write them now. */
  private async loadParts(): Promise<void> {
    try {
      const answer = await fetch(`/runs/${this.id}`, { credentials: "same-origin" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of this.root.querySelectorAll<HTMLElement>("[data-part]")) {
        const other = fresh.querySelector(`[data-part="${CSS.escape(part.dataset["part"] ?? "")}"]`);
        if (!other || other.innerHTML === part.innerHTML) continue;
        const open = [...part.querySelectorAll("details")].map((one) => one.open);
        part.replaceChildren(...[...other.childNodes].map((one) => document.importNode(one, true)));
        part.querySelectorAll("details").forEach((one, at) => {
          one.open = open[at] ?? one.open;
        });
      }
    } catch {
      // The stream says whether the server is gone.
    }
  }
}

async function compare(root: HTMLElement): Promise<void> {
  const query = new URLSearchParams({ first: root.dataset["first"] ?? "", second: root.dataset["second"] ?? "" });
  const place = document.querySelector<HTMLElement>("#plots");
  if (!place) return;
  const found = await ask<Compared>("GET", `/api/runs/compare?${query}`);
  const plots = new Plots(place, found.bands);
  const drawAll = async (): Promise<void> => {
    for (const [name, both] of Object.entries(found.curves)) {
      await plots.show(name, both.map((curve, at) => [found.runs[at] ?? "", curve]));
    }
    root.dataset["draws"] = String(Number(root.dataset["draws"] ?? 0) + 1);
  };
  document.addEventListener("groundup:theme", () => void drawAll());
  await drawAll();
}

function trouble(error: unknown): void {
  find("#live").textContent = said(error);
}

const run = document.querySelector<HTMLElement>("#run");
if (run) {
  ask<Story>("GET", `/api/runs/${run.dataset["run"] ?? ""}`).then((story) => new Live(run, story), trouble);
}
const compared = document.querySelector<HTMLElement>("#compare");
if (compared) compare(compared).catch(trouble);
