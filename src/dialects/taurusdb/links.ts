// Signed download links: who holds one may fetch one file for five minutes, and nothing else. A link says all of itself in
// its URL, so that none needs to be remembered; the HMAC covers every part. Never decides whether the file is still there.
import { createHmac, timingSafeEqual } from "node:crypto";
import { TaishiError } from "../../errors.ts";

export const linkKinds = ["sql-audit", "full-sql"] as const;
/** Which list handed it out. */
export type LinkKind = (typeof linkKinds)[number];

export interface LinkedPlace {
  readonly account: string;
  readonly instance: string;
  /** The file's id. */
  readonly file: string;
  readonly kind: LinkKind;
}

export interface Link {
  readonly url: string;
  /** Epoch milliseconds, whole seconds; void from then on. */
  readonly expires: number;
}

/** Where the server must mount the download. */
export const downloadPath = "/download/audit-logs";
export const linkSeconds = 300;

const shortestKey = 32;
// One spelling of each link: what is added, left out or put in another order is void.
const linkTarget =
  /^\/download\/audit-logs\/([^/?#&]+)\/([^/?#&]+)\/([^/?#&]+)\?expires=([1-9]\d{0,11})&kind=([a-z-]+)&signature=([0-9a-f]{64})$/;

export class Links {
  readonly #key: Uint8Array;

  /** @param key at least 32 secret bytes; links made with another are void */
  constructor(key: Uint8Array) {
    if (key.length < shortestKey) throw new RangeError(`a link key has at least ${shortestKey} bytes`);
    this.#key = Uint8Array.from(key);
  }

  /** @param origin e.g. "https://audit.example.com", without a slash at its end */
  make(origin: string, place: LinkedPlace, now: number): Link {
    const expires = Math.floor(now / 1000) + linkSeconds;
    const path = [place.account, place.instance, place.file].map(encodeURIComponent).join("/");
    const signature = this.#sign(place, expires).toString("hex");
    const url = `${origin}${downloadPath}/${path}?expires=${expires}&kind=${place.kind}&signature=${signature}`;
    return { url, expires: expires * 1000 };
  }

  /**
   * What a link leads to.
   * @param target path and query as on the request line
   * @throws TaishiError link-void, the same whatever was altered (I7)
   */
  read(target: string, now: number): LinkedPlace {
    const match = linkTarget.exec(target);
    const kind = linkKinds.find((name) => name === match?.[5]);
    if (match === null || kind === undefined) throw new TaishiError("link-void");
    const [account, instance, file] = [match[1]!, match[2]!, match[3]!].map(decoded) as [string, string, string];
    const place: LinkedPlace = { account, instance, file, kind };
    const expires = Number(match[4]);
    if (!timingSafeEqual(this.#sign(place, expires), Buffer.from(match[6]!, "hex"))) throw new TaishiError("link-void");
    if (now >= expires * 1000) throw new TaishiError("link-void");
    return place;
  }

  /** Over the parts as an array, so that no part can pass for the end of another. */
  #sign({ account, instance, file, kind }: LinkedPlace, expires: number): Buffer {
    const parts = JSON.stringify(["taishi download link 1", account, instance, file, kind, expires]);
    return createHmac("sha256", this.#key).update(parts).digest();
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new TaishiError("link-void");
  }
}
