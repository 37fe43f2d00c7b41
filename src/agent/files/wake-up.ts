// When to look at files again: at every poll, and sooner where the system tells that something changed in their
// directories. That it tells is a help only: it does not on every file system, nor of what is behind a link.
import { type FSWatcher, watch } from "node:fs";
import { setTimeout } from "node:timers/promises";

const mostWatched = 256;
/** A busy log tells of every write: it is not looked at more often than this. */
const leastGapMs = 50;

export class WakeUp {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal;
  #told = false;
  #wake: (() => void) | undefined;

  /**
   * @param signal wakes for good
   * @param onPoll called at every poll, also while nobody waits
   */
  constructor(pollMs: number, signal: AbortSignal, onPoll: () => void) {
    this.#timer = setInterval(() => {
      onPoll();
      this.#tell();
    }, pollMs);
    this.#signal = signal;
    signal.addEventListener("abort", this.#tell);
  }

  /** Watches these directories, and no others. */
  watch(directories: ReadonlySet<string>): void {
    for (const [directory, watcher] of this.#watchers)
      if (!directories.has(directory)) {
        watcher.close();
        this.#watchers.delete(directory);
      }
    for (const directory of directories) {
      if (this.#watchers.has(directory) || this.#watchers.size >= mostWatched) continue;
      try {
        const watcher = watch(directory, { persistent: false }, this.#tell);
        const drop = (): void => {
          if (this.#watchers.get(directory) === watcher) this.#watchers.delete(directory);
          watcher.close();
        };
        watcher.on("error", drop);
        this.#watchers.set(directory, watcher);
      } catch {
        // No such directory yet, or too many watched by others: polling finds what there is.
      }
    }
  }

  /** Resolves when there may be something new, or the signal aborted. */
  async wait(): Promise<void> {
    await setTimeout(leastGapMs);
    if (!this.#told && !this.#signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    this.#wake = undefined;
    this.#told = false;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#signal.removeEventListener("abort", this.#tell);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  readonly #tell = (): void => {
    this.#told = true;
    this.#wake?.();
  };
}
