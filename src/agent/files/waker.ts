// Sleeps until the time is over, a watched folder changes, or the signal aborts. Watching is never relied on.
import { watch } from "node:fs";

export class Waker {
  readonly #signal: AbortSignal;
  readonly #watchers = new Map<string, ReturnType<typeof watch> | undefined>();
  #wake: () => void = () => {};
  #changed = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake(), { once: true });
  }

  watch(folder: string): void {
    if (this.#watchers.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => {
        this.#changed = true;
        this.#wake();
      });
      watcher.on("error", () => this.#watchers.delete(folder));
      this.#watchers.set(folder, watcher);
    } catch {
      this.#watchers.set(folder, undefined); // polled only: some file systems cannot be watched
    }
  }

  async wait(ms: number): Promise<void> {
    if (!this.#changed && !this.#signal.aborted)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, ms);
        this.#wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    // What changes many times a second is not looked at as often.
    await new Promise((done) => setTimeout(done, Math.min(20, ms)));
    this.#changed = false;
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher?.close();
  }
}
