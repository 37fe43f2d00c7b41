// Changes of policies, one after the other per instance: the switch of full SQL and the rest of a policy are set by different
// operations but kept as one, so two at once must not undo each other. Holds nothing but what is under way.
import type { AuditFiles, AuditPolicy, InstanceRef } from "../../audit-files/port.ts";

export class PolicyChanges {
  readonly #files: Pick<AuditFiles, "policy" | "setPolicy">;
  /** By account and instance: when the last change asked for so far is over. */
  readonly #last = new Map<string, Promise<void>>();

  constructor(files: Pick<AuditFiles, "policy" | "setPolicy">) {
    this.#files = files;
  }

  /** Resolves when the policy, with these members changed, is fsynced (I1). */
  async change(instance: InstanceRef, changes: Partial<AuditPolicy>): Promise<void> {
    const key = `${instance.account}/${instance.instance}`;
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(async () => {
      await this.#files.setPolicy(instance, { ...(await this.#files.policy(instance)), ...changes });
    });
    // Whether one change fails is its own caller's affair.
    const over = mine.catch(() => undefined);
    this.#last.set(key, over);
    try {
      await mine;
    } finally {
      if (this.#last.get(key) === over) this.#last.delete(key);
    }
  }
}
