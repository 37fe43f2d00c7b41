// What an operator sets of an account, beside its name: rows of DATA/identity.db, held in memory. The table is made where
// it is missing, so that a file of format 1 may lack it; a program that does not know it leaves every log private.
import type { IdentityFile } from "./identity-file.ts";
import type { RequireAccount } from "./identity-records.ts";
import { refusal } from "./naming.ts";

/** Who may read a log's checkpoint, tiles and bundles without a key: nobody; its hashes but no entry; all of it. */
export const logVisibilities = ["private", "hashes", "all"] as const;
export type LogVisibility = (typeof logVisibilities)[number];

const table = `CREATE TABLE IF NOT EXISTS account_settings (
  account TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (account, name)
) STRICT`;
const logVisibility = "log-visibility";
const retentionDays = "retention-days";
const mostRetentionDays = 36_500;

export class AccountSettings {
  readonly #file: IdentityFile;
  readonly #requireAccount: RequireAccount;
  readonly #logVisibility = new Map<string, LogVisibility>();
  readonly #retentionDays = new Map<string, number>();

  constructor({ file, requireAccount }: { readonly file: IdentityFile; readonly requireAccount: RequireAccount }) {
    this.#file = file;
    this.#requireAccount = requireAccount;
    file.change(() => file.run(table));
    file.keepLoaded(() => this.#load());
  }

  /** "private" where nothing was set, or where there is no such account. */
  logVisibility(account: string): LogVisibility {
    return this.#logVisibility.get(account) ?? "private";
  }

  /** @throws TaishiError invalid-parameter, not-found */
  setLogVisibility(account: string, visibility: LogVisibility): void {
    this.#requireAccount(account, "public log");
    if (!logVisibilities.includes(visibility))
      throw refusal("logVisibility", `must be one of ${logVisibilities.join(", ")}`);
    this.#file.change(() => {
      this.#set(account, logVisibility, visibility);
      this.#logVisibility.set(account, visibility);
    });
  }

  /** Days that the account's events are kept; undefined: for ever. */
  retentionDays(account: string): number | undefined {
    return this.#retentionDays.get(account);
  }

  /** @param days undefined: for ever. @throws TaishiError invalid-parameter, not-found */
  setRetentionDays(account: string, days: number | undefined): void {
    this.#requireAccount(account, "retention");
    if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= mostRetentionDays))
      throw refusal("days", `must be a whole number from 1 to ${mostRetentionDays}`);
    this.#file.change(() => {
      this.#set(account, retentionDays, String(days ?? 0));
      if (days === undefined) this.#retentionDays.delete(account);
      else this.#retentionDays.set(account, days);
    });
  }

  #set(account: string, name: string, value: string): void {
    this.#file.run(
      "INSERT INTO account_settings (account, name, value) VALUES (?, ?, ?) ON CONFLICT (account, name) DO UPDATE SET value = excluded.value",
      account,
      name,
      value,
    );
  }

  #load(): void {
    this.#logVisibility.clear();
    this.#retentionDays.clear();
    for (const { account, name, value } of this.#file.rows("SELECT account, name, value FROM account_settings")) {
      // A value of another program's making opens nothing, and removes nothing.
      if (name === logVisibility && logVisibilities.includes(value as LogVisibility))
        this.#logVisibility.set(account as string, value as LogVisibility);
      const days = Number(value);
      if (name === retentionDays && Number.isInteger(days) && days >= 1)
        this.#retentionDays.set(account as string, days);
    }
  }
}
