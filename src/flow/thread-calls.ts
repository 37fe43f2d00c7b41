// Calls between threads: a request with a number, an answer with the same one. Errors of the table cross as data; a Fatal
// ends the calling side's trust in the thread and is reported once.
import type { MessagePort, Worker } from "node:worker_threads";
import { type ErrorCode, type ErrorDetails, Fatal, TaishiError } from "../errors.ts";
import type { Log } from "../log.ts";

type Failure =
  | { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails }
  | { readonly fatal: string; readonly hint: string | undefined };
type Answer = { readonly answer: number; readonly result?: unknown; readonly failure?: Failure };
type Call = { readonly call: number; readonly name: string; readonly input: unknown };
/** Sent by a thread without being asked. */
type Word = { readonly ready: unknown } | { readonly died: Failure } | Answer;

/** What a thread offers: by name, a function of one plain value. */
export type Handlers = Readonly<Record<string, (input: never) => unknown>>;

/** The asking side, for one worker. */
export class ThreadCalls {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  readonly #onFatal: (error: Fatal) => void;
  #next = 1;
  #dead: Fatal | undefined;
  #ending = false;

  private constructor(worker: Worker, onFatal: (error: Fatal) => void) {
    this.#worker = worker;
    this.#onFatal = onFatal;
  }

  /** Resolves with the thread's first word, when it is ready. @throws Fatal where the thread could not start */
  static start<Ready>(worker: Worker, onFatal: (error: Fatal) => void): Promise<{ calls: ThreadCalls; ready: Ready }> {
    return new Promise((resolve, reject) => {
      // Until it is ready a failure is its starter's to tell; from then on there is nobody else who could.
      let ready = false;
      const calls = new ThreadCalls(worker, (error) => (ready ? onFatal(error) : reject(error)));
      worker.on("message", (word: Word) => {
        if ("ready" in word) {
          ready = true;
          resolve({ calls, ready: word.ready as Ready });
        } else if ("died" in word) calls.#die(revive(word.died) as Fatal);
        else calls.#answered(word);
      });
      worker.on("error", (cause) => calls.#die(new Fatal(`a thread failed: ${String(cause)}`, { cause })));
      worker.on("exit", (code) => {
        if (!calls.#ending) calls.#die(new Fatal(`a thread ended with code ${code}`));
      });
    });
  }

  call<Result>(name: string, input: unknown, transfer: readonly ArrayBuffer[] = []): Promise<Result> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    const number = this.#next++;
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#worker.postMessage({ call: number, name, input } satisfies Call, [...transfer]);
    }) as Promise<Result>;
  }

  /** Calls `close` there and waits until the thread has ended. */
  async end(): Promise<void> {
    this.#ending = true;
    if (this.#dead === undefined) {
      const ended = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
      await this.call("close", undefined);
      await ended;
    }
  }

  #answered({ answer, result, failure }: Answer): void {
    const waiting = this.#waiting.get(answer);
    this.#waiting.delete(answer);
    if (failure === undefined) waiting?.resolve(result);
    else waiting?.reject(revive(failure));
  }

  #die(error: Fatal): void {
    if (this.#dead !== undefined) return;
    this.#dead = error;
    // Its timers and what waits in it must not go on.
    void this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#onFatal(error);
  }
}

/**
 * The answering side, in the thread. `open` makes the handlers; a handler named `close` ends the thread after its answer.
 * Whatever is not a TaishiError, thrown by any of them, ends the thread: its state is unknown.
 */
export async function serveCalls(
  port: MessagePort,
  open: (die: (thrown: unknown) => void) => Promise<{ readonly handlers: Handlers; readonly ready: unknown }>,
): Promise<void> {
  const die = (thrown: unknown): void => {
    port.postMessage({ died: fatalFailure(thrown) } satisfies Word);
    port.close(); // the other side ends the thread
  };
  try {
    const { handlers, ready } = await open(die);
    port.on("message", ({ call, name, input }: Call) => {
      const handler = handlers[name] as ((input: unknown) => unknown) | undefined;
      const run = async (): Promise<unknown> => {
        if (handler === undefined) throw new Fatal(`no thread call is named ${name}`);
        return handler(input);
      };
      run().then(
        (result) => {
          port.postMessage({ answer: call, result } satisfies Word);
          if (name === "close") port.close();
        },
        (thrown: unknown) => {
          if (thrown instanceof TaishiError)
            port.postMessage({ answer: call, failure: failureOf(thrown) } satisfies Word);
          else die(thrown);
        },
      );
    });
    port.postMessage({ ready } satisfies Word);
  } catch (thrown) {
    die(thrown);
  }
}

/** What to do when a thread or a timer finds state unknown: say it and stop with a code of its own. */
export function stopOnFatal(log: Log, exit: (code: number, error: Fatal) => void): (error: Fatal) => void {
  return (error) => {
    log.fatal({ err: error, hint: error.hint }, error.message);
    exit(70, error);
  };
}

function failureOf(error: TaishiError): Failure {
  const { cause: _cause, ...details } = error.details;
  return { code: error.code, message: error.message, details };
}

function fatalFailure(thrown: unknown): Failure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  const where = error instanceof Fatal ? "" : `\n${error.stack ?? ""}`;
  return { fatal: `${error.message}${cause}${where}`, hint: error instanceof Fatal ? error.hint : undefined };
}

function revive(failure: Failure): TaishiError | Fatal {
  if ("code" in failure) return new TaishiError(failure.code, failure.message, failure.details);
  return new Fatal(failure.fatal, failure.hint === undefined ? {} : { hint: failure.hint });
}
