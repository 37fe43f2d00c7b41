// A directory of projects, instances and users in memory, for the server's tests. It refuses what the identity store
// refuses, in its words where they are pure, and keeps passwords as they are for a test to look at.
import { TaishiError } from "../errors.ts";
import type { Instance, Project } from "../identity/directory.ts";
import type { NewUser, UserInfo, UserStatus } from "../identity/directory-records.ts";
import {
  alreadyExists,
  checkInstanceId,
  checkName,
  checkPassword,
  checkProjectId,
  checkProjectName,
} from "../identity/naming.ts";
import type { AccountDirectory } from "./directory-routes.ts";

/** When everything was made. */
const madeAt = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

export class MemoryDirectory implements AccountDirectory {
  readonly passwords = new Map<string, string>();
  readonly #projects = new Map<string, Project>();
  readonly #instances = new Map<string, Instance>();
  readonly #users = new Map<string, UserInfo>();
  #made = 0;

  project(id: string): Project | undefined {
    return this.#projects.get(id);
  }

  projects(account: string): readonly Project[] {
    return [...this.#projects.values()].filter((project) => project.account === account);
  }

  createProject({ account, name, id = this.#newId() }: Parameters<AccountDirectory["createProject"]>[0]): Project {
    checkProjectName(name);
    checkProjectId(id);
    if (this.projects(account).some((project) => project.name === name))
      throw alreadyExists("name", `the account has a project named ${name} already`, name);
    if (this.#projects.has(id)) throw alreadyExists("id", `a project ${id} exists already`, id);
    const project = { id, account, name, created: madeAt };
    this.#projects.set(id, project);
    return project;
  }

  instance(id: string): Instance | undefined {
    return this.#instances.get(id);
  }

  instances(project: string): readonly Instance[] {
    return [...this.#instances.values()].filter((instance) => instance.project === project);
  }

  createInstance({
    project,
    id = `${this.#newId()}in07`,
  }: Parameters<AccountDirectory["createInstance"]>[0]): Instance {
    const parent = this.#projects.get(project);
    if (parent === undefined) throw new TaishiError("not-found", `there is no project ${project}`);
    checkInstanceId(id);
    if (this.#instances.has(id)) throw alreadyExists("id", `an instance ${id} exists already`, id);
    const instance = { id, project, account: parent.account, created: madeAt };
    this.#instances.set(id, instance);
    return instance;
  }

  user(id: string): UserInfo | undefined {
    return this.#users.get(id);
  }

  users(account: string): readonly UserInfo[] {
    return [...this.#users.values()].filter((user) => user.account === account);
  }

  async createUser({ account, name, role = "auditor", password }: NewUser): Promise<UserInfo> {
    checkName(name);
    checkPassword(password);
    if (this.users(account).some((user) => user.name === name))
      throw alreadyExists("name", `the account has a user named ${name} already`, name);
    const user: UserInfo = { id: this.#newId(), account, name, role, status: "enabled", created: madeAt };
    this.passwords.set(user.id, password);
    this.#users.set(user.id, user);
    return user;
  }

  async setUserPassword(id: string, password: string): Promise<UserInfo> {
    checkPassword(password);
    this.passwords.set(id, password);
    return this.#held(id);
  }

  setUserStatus(id: string, status: UserStatus): UserInfo {
    const user = { ...this.#held(id), status };
    this.#users.set(id, user);
    return user;
  }

  deleteUser(id: string): UserInfo {
    const user = this.#held(id);
    this.#users.delete(id);
    return user;
  }

  #held(id: string): UserInfo {
    const user = this.#users.get(id);
    if (user === undefined) throw new TaishiError("not-found", `there is no user ${id}`);
    return user;
  }

  #newId(): string {
    this.#made++;
    return this.#made.toString(16).padStart(32, "0");
  }
}
