// The one link with which the first user of the console is made: printed at the first start, good once, for a day, and only
// while the account has no user. A row of DATA/identity.db by the token's digest; the token itself is never kept. Using it and
// making the user are one change, so that of two who try at once one gets nothing.
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import { type AddressBrake, networkOf } from "./address-brake.ts";
import { newFirstLink, tokenDigest } from "./credential.ts";
import type { UserInfo } from "./directory-records.ts";
import type { IdentityFile } from "./identity-file.ts";
import type { UserStore } from "./user-store.ts";
import type { UserTokens } from "./user-tokens.ts";

const lifetimeMs = 24 * 60 * 60_000;
/** Made where it is missing, so that a file of format 1 may lack it. */
const table = `CREATE TABLE IF NOT EXISTS first_link (
  digest TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (id),
  expires INTEGER NOT NULL
) STRICT`;

interface Row {
  readonly digest: string;
  readonly account: string;
  readonly expires: number;
}

export interface FirstLinkOptions {
  readonly file: IdentityFile;
  readonly clock: Clock;
  readonly users: UserStore;
  readonly tokens: UserTokens;
  readonly brake: AddressBrake;
}

export class FirstLink {
  readonly #file: IdentityFile;
  readonly #clock: Clock;
  readonly #users: UserStore;
  readonly #tokens: UserTokens;
  readonly #brake: AddressBrake;
  #rows: readonly Row[] = [];

  constructor({ file, clock, users, tokens, brake }: FirstLinkOptions) {
    this.#file = file;
    this.#clock = clock;
    this.#users = users;
    this.#tokens = tokens;
    this.#brake = brake;
    file.change(() => file.run(table));
    file.keepLoaded(() => {
      this.#rows = [...file.rows("SELECT digest, account, expires FROM first_link")] as unknown as Row[];
    });
  }

  /** Part of a change. @returns the token, which is kept nowhere else */
  issue(account: string): string {
    const token = newFirstLink();
    const row = { digest: tokenDigest(token), account, expires: this.#clock.now() + lifetimeMs };
    this.#file.run(
      "INSERT INTO first_link (digest, account, expires) VALUES (?, ?, ?)",
      row.digest,
      account,
      row.expires,
    );
    this.#rows = [...this.#rows, row];
    return token;
  }

  /**
   * Makes the account's first user, an administrator, and signs them in.
   * @returns the user and a user token
   * @throws TaishiError link-void, in the same words whatever is wrong with it; invalid-parameter (field) | rate-limited
   */
  async use(input: {
    readonly token: string;
    readonly name: string;
    readonly password: string;
    readonly address: string;
  }): Promise<{ readonly user: UserInfo; readonly token: string }> {
    const network = networkOf(input.address);
    this.#brake.check(network);
    const digest = tokenDigest(input.token);
    const row = this.#usable(digest);
    if (row === undefined) {
      this.#brake.failed(network);
      throw isVoid();
    }
    const { account } = row;
    const { name, password } = input;
    const user = await this.#users.create({ account, name, role: "admin", password }, () => {
      // Others may have used it while this password was hashed.
      if (this.#usable(digest) === undefined) throw isVoid();
      this.#file.run("DELETE FROM first_link WHERE digest = ?", digest);
      this.#rows = this.#rows.filter((each) => each.digest !== digest);
    });
    return { user, token: this.#tokens.issue(user.id, undefined).token };
  }

  #usable(digest: string): Row | undefined {
    const row = this.#rows.find((each) => each.digest === digest);
    return row !== undefined && this.#clock.now() < row.expires && this.#users.users(row.account).length === 0
      ? row
      : undefined;
  }
}

function isVoid(): TaishiError {
  return new TaishiError("link-void", "The link was used, is too old, or is not what was printed", { field: "token" });
}
