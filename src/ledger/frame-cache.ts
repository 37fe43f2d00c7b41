// Decompressed frames of bundles (bundle.ts), so that a page of neighbours decompresses each once. Bounded in bytes.

/** Decompressed frames, least recently used ones leaving first; bounded in bytes. */
export class FrameCache {
  readonly #limit: number;
  readonly #frames = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): Uint8Array | undefined {
    const frame = this.#frames.get(key);
    if (frame !== undefined) {
      this.#frames.delete(key);
      this.#frames.set(key, frame);
    }
    return frame;
  }

  set(key: string, frame: Uint8Array): void {
    this.#frames.set(key, frame);
    this.#bytes += frame.length;
    for (const [oldest, content] of this.#frames) {
      if (this.#bytes <= this.#limit || oldest === key) break;
      this.#frames.delete(oldest);
      this.#bytes -= content.length;
    }
  }

  clear(): void {
    this.#frames.clear();
    this.#bytes = 0;
  }
}
