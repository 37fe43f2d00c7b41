// Users who sign in with a password: rows of DATA/identity.db, held in memory. Whatever makes a password useless makes the
// tokens got for it void in the same transaction. Passwords are hashed before a change begins; what was true before that
// is asked again in the change.
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import { newHexId } from "./credential.ts";
import { type HeldUser, most, type NewUser, type UserInfo, type UserStatus } from "./directory-records.ts";
import type { IdentityFile } from "./identity-file.ts";
import type { RequireAccount } from "./identity-records.ts";
import { alreadyExists, checkName, checkPassword, checkRole, checkStatus, refusal } from "./naming.ts";
import { type Passwords, parsePassword } from "./password.ts";
import type { UserTokens } from "./user-tokens.ts";

export interface UserStoreOptions {
  readonly file: IdentityFile;
  readonly clock: Clock;
  readonly requireAccount: RequireAccount;
  readonly passwords: Passwords;
  readonly tokens: UserTokens;
}

/** New passwords share a lane of their own: signing in cannot crowd them out. No address is called so. */
const lane = "new passwords";

export class UserStore {
  readonly #file: IdentityFile;
  readonly #clock: Clock;
  readonly #requireAccount: RequireAccount;
  readonly #passwords: Passwords;
  readonly #tokens: UserTokens;
  readonly #users = new Map<string, HeldUser>();
  /** By account, then by name. */
  readonly #byAccount = new Map<string, Map<string, HeldUser>>();

  /** @throws Fatal where a password is kept in an unknown form */
  constructor({ file, clock, requireAccount, passwords, tokens }: UserStoreOptions) {
    this.#file = file;
    this.#clock = clock;
    this.#requireAccount = requireAccount;
    this.#passwords = passwords;
    this.#tokens = tokens;
    file.keepLoaded(() => this.#load());
  }

  user(id: string): UserInfo | undefined {
    return this.#users.get(id)?.info;
  }

  /** In order of creation. */
  users(account: string): readonly UserInfo[] {
    return [...(this.#byAccount.get(account)?.values() ?? [])].map(({ info }) => info);
  }

  byName(account: string, name: string): HeldUser | undefined {
    return this.#byAccount.get(account)?.get(name);
  }

  /** @param first done in the same change before the user is made; what it throws undoes both */
  async create(input: NewUser, first: () => void = () => {}): Promise<UserInfo> {
    const { password: _password, role = "auditor", ...rest } = input;
    const user = { ...rest, role };
    this.#checkNew(user);
    const password = await this.#hash(input.password);
    return this.#file.change(() => {
      first();
      this.#checkNew(user);
      const { account, name } = user;
      const info: UserInfo = { id: newHexId(), account, name, role, status: "enabled", created: this.#clock.now() };
      this.#file.run(
        "INSERT INTO users (id, account, name, role, password, status, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
        info.id,
        account,
        name,
        role,
        password,
        info.status,
        info.created,
      );
      return this.#hold({ info, password });
    });
  }

  async setPassword(id: string, password: string): Promise<UserInfo> {
    this.#held(id);
    const record = await this.#hash(password);
    return this.#file.change(() => {
      const { info } = this.#held(id);
      this.#file.run("UPDATE users SET password = ? WHERE id = ?", record, id);
      this.#tokens.revokeAllOf(id);
      return this.#hold({ info, password: record });
    });
  }

  setStatus(id: string, status: UserStatus): UserInfo {
    checkStatus(status);
    return this.#file.change(() => {
      const { info, password } = this.#held(id);
      this.#file.run("UPDATE users SET status = ? WHERE id = ?", status, id);
      if (status === "disabled") this.#tokens.revokeAllOf(id);
      return this.#hold({ info: { ...info, status }, password });
    });
  }

  delete(id: string): UserInfo {
    return this.#file.change(() => {
      const { info } = this.#held(id);
      this.#tokens.revokeAllOf(id);
      this.#file.run("DELETE FROM users WHERE id = ?", id);
      this.#users.delete(id);
      this.#byAccount.get(info.account)!.delete(info.name);
      return info;
    });
  }

  async #hash(password: string): Promise<string> {
    checkPassword(password);
    return this.#passwords.inTurn(lane, ({ hash }) => hash(password));
  }

  #checkNew({ account, name, role }: Omit<NewUser, "password">): void {
    this.#requireAccount(account, "users");
    checkName(name);
    checkRole(role);
    const present = this.#byAccount.get(account);
    if (present?.has(name) === true) throw alreadyExists("name", `the account has a user named ${name} already`, name);
    if (present !== undefined && present.size >= most.usersPerAccount)
      throw refusal("account", `has ${most.usersPerAccount} users, the most it can have`);
  }

  #held(id: string): HeldUser {
    const user = typeof id === "string" ? this.#users.get(id) : undefined;
    if (user === undefined) {
      const subject = String(id);
      throw new TaishiError("not-found", `there is no user ${subject}`, { field: "user", subject });
    }
    return user;
  }

  #load(): void {
    this.#users.clear();
    this.#byAccount.clear();
    for (const row of this.#file.rows("SELECT * FROM users ORDER BY rowid")) {
      const { password, ...info } = row as unknown as UserInfo & Pick<HeldUser, "password">;
      parsePassword(password);
      this.#hold({ info, password });
    }
  }

  #hold({ info, password }: HeldUser): UserInfo {
    const held = { info: Object.freeze(info), password };
    this.#users.set(info.id, held);
    const names = this.#byAccount.get(info.account);
    if (names === undefined) this.#byAccount.set(info.account, new Map([[info.name, held]]));
    else names.set(info.name, held);
    return held.info;
  }
}
