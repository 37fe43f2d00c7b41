// Database audit in one place: the keeper that closes files, the view that shows them, the importer. All three follow the
// same log: what is committed is told to them before anyone else can know of it.
import { randomBytes } from "node:crypto";
import { AuditFileView } from "../audit-files/audit-file-view.ts";
import { FileKeeper } from "../audit-files/file-keeper.ts";
import { FileNames } from "../audit-files/file-names.ts";
import { AuditFileImporter } from "../audit-files/importer.ts";
import type { InstanceRef } from "../audit-files/port.ts";
import type { Clock } from "../clock.ts";
import type { Event, SystemEvent } from "../event/event.ts";
import type { Directory } from "../identity/directory.ts";
import type { IdentityStore } from "../identity/identity-store.ts";
import type { Appender } from "../ledger/port.ts";
import type { Queries } from "../query/query.ts";
import { appendEvents } from "./event-appender.ts";

export interface DatabaseAuditLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Told of what failed and will be tried again. */
  readonly onFailure: (thrown: unknown) => void;
}

export interface DatabaseAuditOptions extends DatabaseAuditLimits {
  readonly appender: Appender;
  readonly queries: Pick<Queries, "list" | "walk">;
  readonly clock: Clock;
  readonly minimum: (account: string) => number;
}

export class DatabaseAudit {
  readonly view: AuditFileView;
  readonly importer: AuditFileImporter;
  readonly #keeper: FileKeeper;

  constructor({ appender, queries, clock, minimum, maxBytes, maxAgeMs, onFailure }: DatabaseAuditOptions) {
    const append = async (account: string, event: SystemEvent): Promise<void> => {
      await appendEvents(appender, account, [event]);
    };
    this.view = new AuditFileView({ queries, append, clock, minimum });
    this.importer = new AuditFileImporter({
      queries,
      clock,
      appendSystem: append,
      appendStatements: (account, events, idempotency) => appendEvents(appender, account, events, idempotency),
    });
    const names = new FileNames(clock, randomBytes);
    this.#keeper = new FileKeeper({ queries, append, names, clock, maxBytes, maxAgeMs, onFailure });
  }

  /** Finds again what was open when the service stopped. */
  resume(identity: Pick<IdentityStore, "listAccounts"> & Pick<Directory, "projects" | "instances">): void {
    this.#keeper.watch(
      identity.listAccounts().flatMap(({ id: account }) =>
        identity
          .projects(account)
          .flatMap(({ id }) => identity.instances(id))
          .map(({ id: instance }) => ({ account, instance })),
      ),
    );
  }

  /** An instance that is known from now on. */
  watch(instance: InstanceRef): void {
    this.#keeper.watch([instance]);
  }

  /** Events of one commit, each at its place after `first`; the rest are holes. */
  committed(account: string, first: number, followed: readonly Event[]): void {
    followed.forEach((event, i) => {
      if (event.kind === "system") this.view.committedSystem(account, first + i, event);
    });
    this.#keeper.committed(account, first, followed);
  }

  /** About once a second. */
  tick(): void {
    this.#keeper.tick();
  }

  close(): Promise<void> {
    return this.#keeper.close();
  }
}
