// What every page has: the theme's button, the map's search, ticks for what was read or watched.
import { ask, find, said } from "./dom";

const dark = matchMedia("(prefers-color-scheme: dark)");

function theme(): "dark" | "light" {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light";
}

function themeButton(): void {
  const button = find<HTMLButtonElement>("#theme");
  const label = (): void => {
    const other = theme() === "dark" ? "Light" : "Dark";
    button.textContent = other;
    button.setAttribute("aria-label", `${other} colors`);
    document.dispatchEvent(new CustomEvent("groundup:theme"));
  };
  button.addEventListener("click", () => {
    const other = theme() === "dark" ? "light" : "dark";
    document.documentElement.dataset["theme"] = other;
    try {
      localStorage.setItem("groundup-theme", other);
    } catch {
      // Then it holds for this page only.
    }
    label();
  });
  dark.addEventListener("change", label);
  button.hidden = false;
  label();
}

function mapSearch(field: HTMLInputElement): void {
  const points = [...document.querySelectorAll<HTMLElement>("[data-search]")];
  const groups = [...document.querySelectorAll<HTMLElement>(".stage, .track")];
  const contents = document.querySelector<HTMLElement>(".toc");
  const way = document.querySelector<HTMLElement>("#way");
  const found = find("#found");
  const links = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("#tracks a.topic")].filter((link) => link.offsetParent);

  function filter(): void {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const point of points) point.hidden = !words.every((word) => point.dataset["search"]?.includes(word));
    for (const group of groups) group.hidden = !group.querySelector("[data-search]:not([hidden])");
    if (contents) contents.hidden = words.length > 0;
    if (way) way.hidden = words.length > 0;
    const topics = new Set(links().map((link) => link.getAttribute("href")));
    found.textContent = words.length ? `${topics.size} ${topics.size === 1 ? "topic" : "topics"} found.` : "";
  }

  field.addEventListener("input", filter);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && field.value) {
      field.value = "";
      filter();
      event.preventDefault();
    } else if (event.key === "ArrowDown" || event.key === "Enter") {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      const named = (link: HTMLElement): string => `${link.textContent} ${link.getAttribute("href")}`.toLowerCase();
      const all = links();
      // A point may teach several topics: the one that was asked for comes before its neighbours.
      (all.find((link) => words.every((word) => named(link).includes(word))) ?? all[0])?.focus();
      event.preventDefault();
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      field.focus();
      field.select();
      event.preventDefault();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target instanceof HTMLElement && event.target.matches("a.topic")) {
      const all = links();
      const to = all.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
      (to < 0 ? field : all[to])?.focus();
      event.preventDefault();
    }
  });
  if (field.value) filter();
}

/** A tick that is a form without scripts, and keeps the page where it is with them. */
function tick(form: HTMLFormElement, send: (done: boolean) => Promise<unknown>): void {
  const button = form.querySelector("button");
  const word = form.querySelector(".word");
  if (!button || !word) return;
  const label = word.textContent;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const done = button.getAttribute("aria-pressed") !== "true";
    send(done).then(
      () => {
        button.setAttribute("aria-pressed", String(done));
        word.textContent = label;
      },
      (error: unknown) => {
        word.textContent = said(error);
      },
    );
  });
}

themeButton();
const field = document.querySelector<HTMLInputElement>("#search");
if (field) mapSearch(field);
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-resource]")) {
  tick(form, (done) => ask("POST", "/api/resource", { id: form.dataset["resource"], done }));
}
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-read]")) {
  tick(form, (read) => ask("POST", "/api/read", { topic: form.dataset["read"], read }));
}
// What takes a while says so, and is not sent twice.
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-busy]")) {
  form.addEventListener("submit", (event) => {
    const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
    const words = form.querySelector("[role=status]");
    if (button?.getAttribute("aria-busy")) event.preventDefault();
    button?.setAttribute("aria-busy", "true");
    if (words) words.textContent = form.dataset["busy"] ?? "";
  });
}
// A page that the browser keeps and shows again has not sent anything.
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-busy] [aria-busy]")) button.removeAttribute("aria-busy");
});
