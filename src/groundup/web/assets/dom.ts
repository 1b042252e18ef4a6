// Building the page from data. Text is only ever set as text: what a learner's code printed never becomes markup.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | boolean | null | undefined | ((event: Event) => void)>;

/** `h("p", {class: "small"}, "text", otherElement)`; a function under `onclick` and the like is a listener. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (typeof value === "string") element.setAttribute(name, value);
  }
  element.append(...children.filter((child): child is Node | string => child instanceof Node || typeof child === "string"));
  return element;
}

export function find<Kind extends HTMLElement = HTMLElement>(selector: string): Kind {
  const found = document.querySelector<Kind>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

/** A copy of one of the server's own icons, so that there is one drawing of each. */
export function icon(tone: string): Node {
  const icons = document.querySelector<HTMLTemplateElement>("#icons")?.content;
  const found = icons?.querySelector(`.icon.${CSS.escape(tone)}`) ?? icons?.querySelector(".icon.open");
  return found ? found.cloneNode(true) : document.createTextNode("");
}

/** What the server refused or could not do, with its words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly body: Record<string, unknown>,
  ) {
    super(detail);
  }
}

const SILENT = "groundup does not answer. Is it still running in its terminal?";

export async function ask<Answer>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(0, SILENT, {});
  }
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer as Answer;
  throw new Refusal(response.status, String(answer["detail"] ?? `the server answered ${response.status}`), answer);
}

export const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Calls `then` once no further call came for `wait` milliseconds. */
export function debounced(wait: number, then: () => void): () => void {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(then, wait);
  };
}
