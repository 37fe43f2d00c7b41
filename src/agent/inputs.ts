// The kinds of inputs that a configuration can name. This is the one list of them.
import { resolve } from "node:path";
import type { TSchema } from "typebox";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { filesKind } from "./files/settings.ts";
import type { Input } from "./input.ts";
import { JournaldInput } from "./journald/journald-input.ts";
import { type JournaldOptions, journaldSchema } from "./journald/journald-options.ts";
import { SyslogInput } from "./syslog/syslog-input.ts";
import { type SyslogOptions, syslogSchema } from "./syslog/syslog-options.ts";

export interface InputContext {
  /** Read what is there and end. */
  readonly once: boolean;
  /** What relative paths are meant from. */
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface InputKind {
  /** Of its settings; closed, with defaults. */
  readonly schema: TSchema;
  /** Whether it can come to an end. */
  readonly once?: true;
  /** @param settings checked against the schema @throws TaishiError invalid-parameter */
  create(settings: never, context: InputContext): Input;
}

const syslog: InputKind = {
  schema: syslogSchema,
  create: (settings: SyslogOptions, { base, clock }) => {
    const file = (path: string): string => resolve(base, path);
    const { cert, key, "client-ca": clientCa } = settings;
    return new SyslogInput(
      {
        ...settings,
        ...(cert === undefined ? {} : { cert: file(cert) }),
        ...(key === undefined ? {} : { key: file(key) }),
        ...(clientCa === undefined ? {} : { "client-ca": file(clientCa) }),
      },
      clock,
    );
  },
};

const journald: InputKind = {
  schema: journaldSchema,
  create: (settings: JournaldOptions, { clock }) => new JournaldInput(settings, clock),
};

export const inputKinds: ReadonlyMap<string, InputKind> = new Map<string, InputKind>([
  ["files", filesKind],
  ["journald", journald],
  ["syslog", syslog],
]);
