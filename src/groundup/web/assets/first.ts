// The first page: the editor over the learner's file, three ways to break it, and the text as it comes.
import { find, Refusal, said } from "./dom";
import { Editor } from "./editor";

interface Event {
  kind: "saved" | "ready" | "token" | "measured" | "raised" | "stopped" | "end";
  sha256?: string;
  text?: string;
  bits_per_byte?: number | null;
  type?: string;
  message?: string;
  line?: number | null;
  why?: string;
}

const form = find<HTMLFormElement>("#first");
const area = find<HTMLTextAreaElement>("#text");
const reference = Number(form.dataset["reference"]);
const size = Number(form.dataset["size"]);
const worse = Number(form.dataset["worse"]);
let sha256 = find<HTMLInputElement>("#sha256").value;
let writing: AbortController | null = null;
let broken = false;
let intact = area.value;

const holder = find("#editor");
const editor = new Editor({
  parent: holder,
  text: area.value,
  label: "Your file: the attention of the model",
  readOnly: area.readOnly,
  check: () => void write(),
  save: () => void write(),
  changed: () => editor.mark(null),
});
area.hidden = true;
holder.hidden = false;

/** 2 to so many, in words: a power of ten. */
const power = (doublings: number): string => `10^${Math.round(doublings * Math.log10(2))}`;

function measured(bits: number | null): void {
  const words = find("#bits");
  find<HTMLMeterElement>("#meter").value = bits === null ? 4 : Math.min(bits, 4);
  if (bits === null) {
    words.textContent = "not a number";
    find("#verdict").textContent = "With this attention it cannot say what is likely at all.";
    broken = true;
    return;
  }
  words.textContent = bits.toFixed(2);
  if (bits > worse) {
    broken = true;
    find("#verdict").textContent = `It is broken: ${(bits - reference).toFixed(2)} bits more for every byte make that whole text ${power((bits - reference) * size)} times less likely. Repair it.`;
  } else if (broken) {
    find("#verdict").textContent = "It writes again, and your code is running in it.";
    find("#next-step").classList.add("reached");
    broken = false;
  } else {
    find("#verdict").textContent = "Your file is in the model, and it works. Now break it.";
  }
}

async function* events(response: Response): AsyncGenerator<Event> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) if (line) yield JSON.parse(line) as Event;
  }
}

async function write(): Promise<void> {
  writing?.abort();
  const mine = (writing = new AbortController());
  const button = find<HTMLButtonElement>("#write");
  const words = find("#said");
  const continued = find("#continued");
  const prompt = find<HTMLInputElement>("#prompt").value;
  button.setAttribute("aria-busy", "true");
  find("#begun").textContent = prompt;
  continued.textContent = "";
  words.textContent = "The model is starting …";
  editor.mark(null);
  let trouble = "";
  try {
    const response = await fetch("/api/first/write", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text: editor.text, expected_sha256: sha256, prompt }),
      credentials: "same-origin",
      signal: mine.signal,
    });
    if (!response.ok) {
      const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
      throw new Refusal(response.status, String(answer["detail"] ?? response.status), answer);
    }
    for await (const event of events(response)) {
      if (event.kind === "saved" && event.sha256) sha256 = event.sha256;
      else if (event.kind === "ready") words.textContent = "It writes …";
      else if (event.kind === "token") continued.append(event.text ?? "");
      else if (event.kind === "measured") measured(event.bits_per_byte ?? null);
      else if (event.kind === "stopped") trouble = event.why ?? "It was stopped.";
      else if (event.kind === "raised") {
        trouble = `${event.type}: ${event.message}${event.line ? ` (line ${event.line} of your file)` : ""}`;
        if (event.line) editor.goto(event.line);
      }
    }
    words.textContent = trouble || "Done.";
    form.dataset["texts"] = String(Number(form.dataset["texts"] ?? 0) + 1);
  } catch (error) {
    if (!mine.signal.aborted) words.textContent = said(error);
  } finally {
    if (writing === mine) button.removeAttribute("aria-busy");
  }
}

const repair = find<HTMLButtonElement>("#repair");
for (const button of document.querySelectorAll<HTMLButtonElement>("#breaks [data-words]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    const { words = "", instead = "", what = "" } = button.dataset;
    const text = repair.hidden ? editor.text : intact; // one break at a time
    if (!text.includes(words)) {
      find("#what").textContent = `The line is not there any more: ${words}`;
      return;
    }
    intact = text;
    editor.replace(text.replace(words, instead));
    find("#what").textContent = what;
    repair.hidden = false;
    void write();
  });
}
repair.addEventListener("click", () => {
  editor.replace(intact);
  repair.hidden = true;
  find("#what").textContent = "";
  void write();
});
find("#write").addEventListener("click", (event) => {
  event.preventDefault();
  void write();
});
find("#prompt").addEventListener("keydown", (event) => {
  if ((event as KeyboardEvent).key === "Enter") {
    event.preventDefault();
    void write();
  }
});
void write();
