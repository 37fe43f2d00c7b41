// The kinds of inputs that a configuration can name. This is the one list of them.
import { resolve } from "node:path";
import type { TSchema } from "typebox";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { DockerInput } from "./docker/docker-input.ts";
import { type DockerOptions, dockerSchema } from "./docker/docker-options.ts";
import { FileInput } from "./files/file-input.ts";
import { type FileSettings, fileSettings } from "./files/file-settings.ts";
import type { Input } from "./input.ts";
import { JournaldInput } from "./journald/journald-input.ts";
import { type JournaldOptions, journaldSchema } from "./journald/journald-options.ts";
import { SyslogInput } from "./syslog/syslog-input.ts";
import { type SyslogOptions, syslogSchema } from "./syslog/syslog-options.ts";
import { WebhookInput } from "./webhook/webhook-input.ts";
import { type WebhookOptions, webhookSchema } from "./webhook/webhook-options.ts";

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

/** The settings with the paths of these members made absolute. */
function withFiles<Settings extends object>(settings: Settings, names: readonly string[], base: string): Settings {
  const files = names.flatMap((name) => {
    const path = (settings as Record<string, unknown>)[name];
    return typeof path === "string" ? [[name, resolve(base, path)]] : [];
  });
  return { ...settings, ...(Object.fromEntries(files) as Partial<Settings>) };
}

const certificates = ["ca", "cert", "key", "client-ca"];

const syslog: InputKind = {
  schema: syslogSchema,
  create: (settings: SyslogOptions, { base, clock }) => new SyslogInput(withFiles(settings, certificates, base), clock),
};

const journald: InputKind = {
  schema: journaldSchema,
  create: (settings: JournaldOptions, { clock }) => new JournaldInput(settings, clock),
};

const docker: InputKind = {
  schema: dockerSchema,
  create: (settings: DockerOptions, { base, clock }) => new DockerInput(withFiles(settings, certificates, base), clock),
};

const files: InputKind = {
  schema: fileSettings,
  once: true,
  create: (settings: FileSettings, context) => new FileInput(settings, context),
};

const webhook: InputKind = {
  schema: webhookSchema,
  create: (settings: WebhookOptions, { base, clock }) => {
    const { hmac } = settings;
    const own = withFiles(settings, [...certificates, "token-file"], base);
    return new WebhookInput(hmac === undefined ? own : { ...own, hmac: withFiles(hmac, ["secret-file"], base) }, clock);
  },
};

export const inputKinds: ReadonlyMap<string, InputKind> = new Map<string, InputKind>([
  ["docker", docker],
  ["files", files],
  ["journald", journald],
  ["syslog", syslog],
  ["webhook", webhook],
]);
