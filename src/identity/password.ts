// Passwords at rest and how they are checked: scrypt (RFC 7914), N = 2^15, r = 8, p = 1 (32 MiB, some 80 ms), with 16 random
// bytes of salt. Kept as $scrypt$ln=15,r=8,p=1$salt$hash (base64), so that each says what it was made with. At most two
// run at once, whoever asks; an unknown user costs as much as a known one. Never keeps, logs or repeats a password.
import { scrypt as nodeScrypt, randomBytes, type ScryptOptions, timingSafeEqual } from "node:crypto";
import { Fatal } from "../errors.ts";
import { checkPassword } from "./naming.ts";
import { Turns } from "./turns.ts";

export type Scrypt = (
  password: string,
  salt: Uint8Array,
  length: number,
  options: ScryptOptions,
) => Promise<Uint8Array>;

/** What may be done in one's turn. */
export interface Hashing {
  /** What is kept of a password. */
  hash(password: string): Promise<string>;
  /** Whether it is the one of the record; without a record false, at the same cost. */
  matches(password: string, record: string | undefined): Promise<boolean>;
}

interface Parameters {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

const today: Parameters = { ln: 15, r: 8, p: 1 };
/** 128 · N · r bytes are needed; an altered row must not take more than a few times that. */
const mostMemory = 128 * 1024 * 1024;
const hashBytes = 32;
const saltBytes = 16;
const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

/** Checked in place of a user that is not there: of a salt and a hash that no password has, but by chance. */
const nobody = render(today, Buffer.alloc(saltBytes), Buffer.alloc(hashBytes));

export interface PasswordsOptions {
  readonly scrypt?: Scrypt;
  readonly turns?: Turns;
}

export class Passwords {
  readonly #turns: Turns;
  readonly #hashing: Hashing;

  constructor({ scrypt = scryptInPool, turns }: PasswordsOptions = {}) {
    this.#turns = turns ?? new Turns({ atOnce: 2, waiting: 128, waitingPerLane: 16 });
    this.#hashing = {
      hash: async (password) => {
        const salt = randomBytes(saltBytes);
        return render(today, salt, await derive(scrypt, password, salt, today));
      },
      matches: async (password, record) => {
        const possible = isPossible(password);
        const { parameters, salt, hash } = parsePassword(possible && record !== undefined ? record : nobody);
        const found = await derive(scrypt, possible ? password : "", salt, parameters);
        return timingSafeEqual(found, hash) && possible && record !== undefined;
      },
    };
  }

  /**
   * Hashes or checks when it is the lane's turn.
   * @param lane who asks, e.g. an address; lanes take turns
   * @throws TaishiError rate-limited where too many wait, and what `work` throws
   */
  inTurn<T>(lane: string, work: (hashing: Hashing) => Promise<T>): Promise<T> {
    return this.#turns.run(lane, () => work(this.#hashing));
  }
}

/** @throws Fatal where the record is none that this program can check */
export function parsePassword(record: string): { parameters: Parameters; salt: Buffer; hash: Buffer } {
  const [, ln, r, p, salt, hash] = form.exec(record) ?? [];
  const parameters = { ln: Number(ln), r: Number(r), p: Number(p) };
  const { ln: exponent, r: blocks } = parameters;
  if (salt === undefined || hash === undefined || exponent < 1 || blocks < 1 || parameters.p < 1 || !fits(parameters))
    throw new Fatal("a user's password is kept in an unknown form", {
      hint: "Run the Taishi version that wrote it, or restore identity.db.",
    });
  return { parameters, salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
}

function fits({ ln, r, p }: Parameters): boolean {
  return 128 * r * (2 ** ln + p) < mostMemory;
}

/** What cannot be anybody's is not hashed as it is: it may be long. */
function isPossible(password: string): boolean {
  try {
    checkPassword(password);
    return true;
  } catch {
    return false;
  }
}

/** The same password typed on another system may come in another normal form. */
function derive(scrypt: Scrypt, password: string, salt: Uint8Array, { ln, r, p }: Parameters): Promise<Uint8Array> {
  return scrypt(password.normalize("NFC"), salt, hashBytes, { N: 2 ** ln, r, p, maxmem: mostMemory });
}

function render({ ln, r, p }: Parameters, salt: Uint8Array, hash: Uint8Array): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64").replaceAll("=", "");
  return `$scrypt$ln=${ln},r=${r},p=${p}$${text(salt)}$${text(hash)}`;
}

/** Node's, on its pool of threads: the caller's thread stays free. */
const scryptInPool: Scrypt = (password, salt, length, options) =>
  new Promise((resolve, reject) =>
    nodeScrypt(password, salt, length, options, (error, key) => (error === null ? resolve(key) : reject(error))),
  );
