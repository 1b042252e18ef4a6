// The learner's file as this page knows it: what was read last, what is unsaved, what happened to it on disk.
import { ask, Refusal } from "./dom";

export interface Disk {
  path: string;
  sha256: string;
  text: string;
  problem: string | null;
}

// The server gives a file back the line ends that it had; a text area, and so this page, knows only plain ones.
const plain = (text: string): string => text.replaceAll("\r\n", "\n");

export class SourceFile {
  private saved: string;

  constructor(
    readonly topic: string,
    text: string,
    public sha256: string,
  ) {
    this.saved = plain(text);
  }

  /** Whether the editor's text is not what was last read or saved. */
  unsaved(text: string): boolean {
    return text !== this.saved;
  }

  /** This is now what the file holds; its text with plain line ends. */
  learned(disk: Disk): string {
    this.saved = plain(disk.text);
    this.sha256 = disk.sha256;
    return this.saved;
  }

  async save(text: string): Promise<void> {
    const body = { text, expected_sha256: this.sha256 };
    this.learned(await ask<Disk>("PUT", `/api/source/${this.topic}`, body));
  }

  /** What the file holds now, if that is not what this page knows. */
  async changed(): Promise<Disk | null> {
    const response = await fetch(`/api/source/${this.topic}`, {
      headers: { "If-None-Match": `"${this.sha256}"` },
      cache: "no-store",
      credentials: "same-origin",
    });
    if (response.status === 304) return null;
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    if (!response.ok) throw new Refusal(response.status, String(answer["detail"] ?? response.status), answer);
    return answer as unknown as Disk;
  }
}
