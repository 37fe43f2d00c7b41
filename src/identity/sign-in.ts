// Signing in: a password for a token of 24 hours. Says no more of a failure than that name or password is wrong, at the same
// cost whichever it was. Slows down by address (address-brake.ts) and takes turns by address (turns.ts), so that one who
// guesses gets in nobody else's way; behind a proxy that is not trusted, all share its address.
import { TaishiError } from "../errors.ts";
import { type AddressBrake, networkOf } from "./address-brake.ts";
import type { Directory, Project, SignIn, UserToken } from "./directory.ts";
import type { HeldUser, TokenRecord } from "./directory-records.ts";
import { refusal } from "./naming.ts";
import type { Passwords } from "./password.ts";
import type { UserStore } from "./user-store.ts";
import type { UserTokens } from "./user-tokens.ts";

export interface PasswordSignInOptions {
  readonly directory: Pick<Directory, "accountByName" | "project" | "projects">;
  readonly users: UserStore;
  readonly tokens: UserTokens;
  readonly passwords: Passwords;
  readonly brake: AddressBrake;
}

type Attempt = Parameters<SignIn["signIn"]>[0];

export class PasswordSignIn implements SignIn {
  readonly #directory: PasswordSignInOptions["directory"];
  readonly #users: UserStore;
  readonly #tokens: UserTokens;
  readonly #passwords: Passwords;
  readonly #brake: AddressBrake;

  constructor({ directory, users, tokens, passwords, brake }: PasswordSignInOptions) {
    this.#directory = directory;
    this.#users = users;
    this.#tokens = tokens;
    this.#passwords = passwords;
    this.#brake = brake;
  }

  async signIn(attempt: Attempt): Promise<{ readonly token: string; readonly held: UserToken }> {
    const network = networkOf(attempt.address);
    this.#brake.check(network);
    return this.#passwords.inTurn(network, async ({ matches }) => {
      // Others of this address may have failed while this one waited.
      this.#brake.check(network);
      const user = this.#find(attempt);
      const right = await matches(attempt.password, user?.password);
      // The user may have been disabled or given another password meanwhile.
      if (!right || user === undefined || this.#find(attempt)?.password !== user.password) {
        this.#brake.failed(network);
        throw new TaishiError("wrong-password");
      }
      const project = this.#scope(user.info.account, attempt.project);
      const { token, record } = this.#tokens.issue(user.info.id, project?.id);
      return { token, held: this.#describe(record)! };
    });
  }

  byUserToken(token: string): UserToken | undefined {
    const record = this.#tokens.find(token);
    return record === undefined ? undefined : this.#describe(record);
  }

  /** The holder of a usable token by its digest. */
  byDigest(digest: string): UserToken | undefined {
    const record = this.#tokens.byDigest(digest);
    return record === undefined ? undefined : this.#describe(record);
  }

  revoke(token: string): void {
    this.#tokens.revoke(token);
  }

  #find({ domain, name }: Attempt): HeldUser | undefined {
    const account = this.#directory.accountByName(domain);
    const user = account === undefined ? undefined : this.#users.byName(account.id, name);
    return user?.info.status === "enabled" ? user : undefined;
  }

  #scope(account: string, wanted: Attempt["project"]): Project | undefined {
    if (wanted === undefined) return undefined;
    const { id, name } = wanted;
    const found =
      id === undefined
        ? this.#directory.projects(account).find((project) => project.name === name)
        : this.#directory.project(id);
    // Another account's project is as one that does not exist (I7).
    if (found === undefined || found.account !== account || (name !== undefined && found.name !== name))
      throw refusal("scope", "the account has no such project");
    return found;
  }

  #describe({ user: id, project, issued, expires }: TokenRecord): UserToken | undefined {
    const user = this.#users.user(id);
    if (user?.status !== "enabled") return undefined;
    return {
      user,
      project: project === undefined ? undefined : this.#directory.project(project),
      issued,
      expires,
      caller: { account: user.account, accessKey: "", userName: user.name, role: user.role, operator: false },
    };
  }
}
