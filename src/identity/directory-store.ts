// Projects and database instances: rows of DATA/identity.db, held in memory. Owns their ids and that names are unique in
// their account; they are made and never changed or deleted, for entries of the ledger name them.
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import { newHexId } from "./credential.ts";
import type { Instance, Project } from "./directory.ts";
import { most } from "./directory-records.ts";
import type { IdentityFile } from "./identity-file.ts";
import type { RequireAccount } from "./identity-records.ts";
import { alreadyExists, checkInstanceId, checkProjectId, checkProjectName, refusal } from "./naming.ts";

export interface DirectoryStoreOptions {
  readonly file: IdentityFile;
  readonly clock: Clock;
  readonly requireAccount: RequireAccount;
}

export class DirectoryStore {
  readonly #file: IdentityFile;
  readonly #clock: Clock;
  readonly #requireAccount: RequireAccount;
  readonly #projects = new Map<string, Project>();
  readonly #byAccount = new Map<string, Project[]>();
  readonly #instances = new Map<string, Instance>();
  readonly #byProject = new Map<string, Instance[]>();

  constructor({ file, clock, requireAccount }: DirectoryStoreOptions) {
    this.#file = file;
    this.#clock = clock;
    this.#requireAccount = requireAccount;
    file.keepLoaded(() => this.#load());
  }

  project(id: string): Project | undefined {
    return this.#projects.get(id);
  }

  projects(account: string): readonly Project[] {
    return [...(this.#byAccount.get(account) ?? [])];
  }

  instance(id: string): Instance | undefined {
    return this.#instances.get(id);
  }

  instances(project: string): readonly Instance[] {
    return [...(this.#byProject.get(project) ?? [])];
  }

  createProject(input: { readonly account: string; readonly name: string; readonly id?: string | undefined }): Project {
    const { account, name, id = newHexId() } = input;
    this.#requireAccount(account, "projects");
    checkProjectName(name);
    checkProjectId(id);
    const present = this.#byAccount.get(account) ?? [];
    if (present.some((project) => project.name === name))
      throw alreadyExists("name", `the account has a project named ${name} already`, name);
    if (this.#projects.has(id)) throw alreadyExists("id", `a project ${id} exists already`, id);
    if (present.length >= most.projectsPerAccount)
      throw refusal("account", `has ${most.projectsPerAccount} projects, the most it can have`);
    return this.#file.change(() => {
      const project: Project = { id, account, name, created: this.#clock.now() };
      this.#file.run(
        "INSERT INTO projects (id, account, name, created) VALUES (?, ?, ?, ?)",
        id,
        account,
        name,
        project.created,
      );
      return this.#holdProject(project);
    });
  }

  createInstance(input: { readonly project: string; readonly id?: string | undefined }): Instance {
    const { project, id = `${newHexId()}in07` } = input;
    const parent = typeof project === "string" ? this.#projects.get(project) : undefined;
    if (parent === undefined) {
      const subject = String(project);
      throw new TaishiError("not-found", `there is no project ${subject}`, { field: "project", subject });
    }
    checkInstanceId(id);
    if (this.#instances.has(id)) throw alreadyExists("id", `an instance ${id} exists already`, id);
    if ((this.#byProject.get(project)?.length ?? 0) >= most.instancesPerProject)
      throw refusal("project", `has ${most.instancesPerProject} instances, the most it can have`);
    return this.#file.change(() => {
      const instance: Instance = { id, project, account: parent.account, created: this.#clock.now() };
      this.#file.run("INSERT INTO instances (id, project, created) VALUES (?, ?, ?)", id, project, instance.created);
      return this.#holdInstance(instance);
    });
  }

  #load(): void {
    for (const map of [this.#projects, this.#byAccount, this.#instances, this.#byProject]) map.clear();
    for (const row of this.#file.rows("SELECT id, account, name, created FROM projects ORDER BY rowid"))
      this.#holdProject({ ...row } as unknown as Project);
    for (const row of this.#file.rows("SELECT id, project, created FROM instances ORDER BY rowid")) {
      const { id, project, created } = row as unknown as Omit<Instance, "account">;
      this.#holdInstance({ id, project, account: this.#projects.get(project)!.account, created });
    }
  }

  #holdProject(project: Project): Project {
    const held = Object.freeze(project);
    this.#projects.set(held.id, held);
    push(this.#byAccount, held.account, held);
    return held;
  }

  #holdInstance(instance: Instance): Instance {
    const held = Object.freeze(instance);
    this.#instances.set(held.id, held);
    push(this.#byProject, held.project, held);
    return held;
  }
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
