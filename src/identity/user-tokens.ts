// The tokens that users got for their passwords: rows of DATA/identity.db by digest, held in memory, so that a restart signs
// nobody out. The token itself is never kept. Knows nothing of whether its user may still come in; user-store.ts makes a
// user's tokens void when that changes.
import type { Clock } from "../clock.ts";
import { newUserToken, tokenDigest } from "./credential.ts";
import type { TokenRecord } from "./directory-records.ts";
import type { IdentityFile } from "./identity-file.ts";

type TokenRow = Omit<TokenRecord, "project"> & { readonly digest: string; readonly project: string | null };

const lifetimeMs = 24 * 60 * 60_000;
/** Live tokens of one user; the oldest goes for the next, so that one who signs in for every call cannot fill memory. */
const mostPerUser = 1_000;

export class UserTokens {
  readonly #file: IdentityFile;
  readonly #clock: Clock;
  /** By digest, in order of issue. */
  readonly #tokens = new Map<string, TokenRecord>();
  readonly #byUser = new Map<string, Set<string>>();

  constructor({ file, clock }: { readonly file: IdentityFile; readonly clock: Clock }) {
    this.#file = file;
    this.#clock = clock;
    file.keepLoaded(() => this.#load());
  }

  /** How many are kept, expired ones that were not swept yet included. */
  get size(): number {
    return this.#tokens.size;
  }

  issue(user: string, project: string | undefined): { readonly token: string; readonly record: TokenRecord } {
    const token = newUserToken();
    const digest = tokenDigest(token);
    const issued = this.#clock.now();
    const record: TokenRecord = Object.freeze({ user, project, issued, expires: issued + lifetimeMs });
    this.#file.change(() => {
      this.#sweep();
      const held = this.#byUser.get(user);
      if (held !== undefined && held.size >= mostPerUser) this.#remove(held.values().next().value!);
      this.#file.run(
        "INSERT INTO user_tokens (digest, user, project, issued, expires) VALUES (?, ?, ?, ?, ?)",
        digest,
        user,
        project ?? null,
        issued,
        record.expires,
      );
      this.#hold(digest, record);
    });
    return { token, record };
  }

  /** What is kept of a token that has not expired. */
  find(token: string): TokenRecord | undefined {
    return this.byDigest(tokenDigest(token));
  }

  /** The same of a token's digest. */
  byDigest(digest: string): TokenRecord | undefined {
    const record = this.#tokens.get(digest);
    return record !== undefined && this.#clock.now() < record.expires ? record : undefined;
  }

  /** What is kept of a user's tokens that have not expired, by digest, in the order of issue. */
  of(user: string): readonly (readonly [digest: string, record: TokenRecord])[] {
    const now = this.#clock.now();
    return [...(this.#byUser.get(user) ?? [])]
      .map((digest) => [digest, this.#tokens.get(digest)!] as const)
      .filter(([, { expires }]) => now < expires);
  }

  revoke(token: string): void {
    this.revokeDigest(tokenDigest(token));
  }

  revokeDigest(digest: string): void {
    if (!this.#tokens.has(digest)) return;
    this.#file.change(() => {
      this.#remove(digest);
      this.#sweep();
    });
  }

  /** Part of a change: makes all tokens of a user void. */
  revokeAllOf(user: string): void {
    this.#file.run("DELETE FROM user_tokens WHERE user = ?", user);
    for (const digest of this.#byUser.get(user) ?? []) this.#tokens.delete(digest);
    this.#byUser.delete(user);
  }

  /** All live equally long, so the expired ones are the first; those that a clock set back left between go later. */
  #sweep(): void {
    const now = this.#clock.now();
    for (const [digest, { expires }] of this.#tokens) {
      if (now < expires) return;
      this.#remove(digest);
    }
  }

  #remove(digest: string): void {
    const { user } = this.#tokens.get(digest)!;
    this.#file.run("DELETE FROM user_tokens WHERE digest = ?", digest);
    this.#tokens.delete(digest);
    const held = this.#byUser.get(user)!;
    held.delete(digest);
    if (held.size === 0) this.#byUser.delete(user);
  }

  #load(): void {
    this.#tokens.clear();
    this.#byUser.clear();
    for (const row of this.#file.rows("SELECT * FROM user_tokens ORDER BY rowid")) {
      const { digest, project, ...record } = row as unknown as TokenRow;
      this.#hold(digest, Object.freeze({ ...record, project: project ?? undefined }));
    }
  }

  #hold(digest: string, record: TokenRecord): void {
    this.#tokens.set(digest, record);
    const held = this.#byUser.get(record.user);
    if (held === undefined) this.#byUser.set(record.user, new Set([digest]));
    else held.add(digest);
  }
}
