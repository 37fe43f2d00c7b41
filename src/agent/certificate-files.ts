// A listener's certificate and key, and the authority its clients' certificates must be of: read from files, and read again
// when these change. A change that is no certificate is told and the old one goes on: renewals write two files, one by one.
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { readIfPresent } from "../durable/files.ts";
import { TaishiError } from "../errors.ts";

export interface CertificatePaths {
  readonly cert: string;
  readonly key: string;
  /** PEM of one or more authorities: clients must then show a certificate of one of them. */
  readonly clientCa?: string;
}

const lookEveryMs = 2_000;

export class CertificateFiles {
  readonly #paths: CertificatePaths;
  #texts: readonly (string | undefined)[];
  /** Why the files as they are now cannot be used; null where they can. */
  problem: string | null = null;

  /** @throws TaishiError invalid-parameter where they cannot be used */
  constructor(paths: CertificatePaths) {
    this.#paths = paths;
    this.#texts = this.#read();
    usable(this.options, paths);
  }

  get options(): SecureContextOptions {
    const [cert, key, ca] = this.#texts;
    return { minVersion: "TLSv1.2", ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) };
  }

  /** Looks at the files now and then, and calls `apply` when there is another certificate. @returns what ends that */
  follow(apply: (options: SecureContextOptions) => void, everyMs = lookEveryMs): () => void {
    const timer = setInterval(() => {
      const before = this.#texts;
      try {
        this.#texts = this.#read();
        if (this.#texts.every((text, i) => text === before[i])) {
          if (this.problem !== null) this.problem = null; // it was changed back
          return;
        }
        usable(this.options, this.#paths);
        apply(this.options);
        this.problem = null;
      } catch (thrown) {
        this.#texts = before;
        this.problem = (thrown as Error).message;
      }
    }, everyMs);
    timer.unref();
    return () => clearInterval(timer);
  }

  #read(): readonly (string | undefined)[] {
    const { cert, key, clientCa } = this.#paths;
    return [cert, key, clientCa].map((path) => (path === undefined ? undefined : textIn(path)));
  }
}

/** A file that must be there. @throws TaishiError invalid-parameter */
export function textIn(path: string): string {
  let text: string | undefined;
  try {
    text = readIfPresent(path);
  } catch (cause) {
    throw new TaishiError("invalid-parameter", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (text === undefined) throw new TaishiError("invalid-parameter", `${path} is missing`);
  return text;
}

function usable(options: SecureContextOptions, { cert, key }: CertificatePaths): void {
  try {
    createSecureContext(options);
  } catch (cause) {
    throw new TaishiError("invalid-parameter", `${cert} and ${key} cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  }
}
