// Who may do something costly next: a few at once in all, one at once per lane, and lanes take turns, so that a lane that
// asks ten thousand times waits behind itself and not before the others. The queue is bounded, in all and per lane; what
// does not fit is refused at once. Knows nothing of what is done.
import { TaishiError } from "../errors.ts";

export interface TurnsOptions {
  /** Most that run at once. */
  readonly atOnce: number;
  /** Most that wait, in all lanes together. */
  readonly waiting: number;
  /** Most that wait in one lane. */
  readonly waitingPerLane: number;
}

/** Seconds after which one who was refused may find room again: about what a full queue of passwords takes. */
const retryAfter = 5;

interface Lane {
  running: boolean;
  readonly waiting: (() => void)[];
}

export class Turns {
  readonly #options: TurnsOptions;
  /** Lanes that run or wait; of those that wait, the one whose turn is next first. */
  readonly #lanes = new Map<string, Lane>();
  #running = 0;
  #waiting = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Runs `work` when its turn comes. @throws TaishiError rate-limited where the queue is full */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.#turn(name);
    try {
      return await work();
    } finally {
      this.#leave(name);
    }
  }

  #turn(name: string): Promise<void> {
    const lane = this.#lanes.get(name) ?? { running: false, waiting: [] };
    const free = this.#running < this.#options.atOnce && !lane.running;
    if (!free && (this.#waiting >= this.#options.waiting || lane.waiting.length >= this.#options.waitingPerLane))
      throw new TaishiError("rate-limited", "Too many wait for their turn", { retryAfter });
    this.#lanes.set(name, lane);
    return new Promise((resolve) => {
      lane.waiting.push(resolve);
      this.#waiting++;
      this.#next();
    });
  }

  #leave(name: string): void {
    const lane = this.#lanes.get(name)!;
    lane.running = false;
    this.#running--;
    // To the end, if it wants more: the others come first now.
    this.#lanes.delete(name);
    if (lane.waiting.length > 0) this.#lanes.set(name, lane);
    this.#next();
  }

  #next(): void {
    for (const lane of this.#lanes.values()) {
      if (this.#running >= this.#options.atOnce) return;
      if (lane.running || lane.waiting.length === 0) continue;
      lane.running = true;
      this.#running++;
      this.#waiting--;
      lane.waiting.shift()!();
    }
  }
}
