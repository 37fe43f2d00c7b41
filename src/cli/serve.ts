// `taishi serve`: runs the service until a signal. On the very first start it makes the data directory, an account and an
// admin key, and shows how to append and to query.
import { type Flags, readConfig, type Setting, settings } from "../config.ts";
import { writeFileDurably } from "../durable/files.ts";
import { serve as startService } from "../flow.ts";
import type { FirstKey } from "../identity/identity-records.ts";
import { stopOnSignals } from "./stop-on-signals.ts";
import type { Definition } from "./verb.ts";

export const serve: Definition = (command, terminal) => {
  for (const { flag, help, ...more } of Object.values(settings) as Setting[]) {
    const origin = more.env === undefined ? "" : ` [${more.env}]`;
    const fallback = more.default === undefined ? "" : ` (default ${more.default})`;
    command.option(flag, `${help}${fallback}${origin}`);
  }
  command.action(async (flags: Flags) => {
    const config = readConfig(flags, process.env);
    let first: { key: FirstKey; file: string | undefined } | undefined;
    const service = await startService(config, {
      deliverFirstKey: (key, file) => {
        first = { key, file: terminal.isTerminal ? undefined : file };
        // Told before it is committed: no key may come to be that nobody has seen.
        if (terminal.isTerminal) for (const line of secretLines(key)) terminal.out(line);
        else writeFileDurably(file, `${JSON.stringify(inFile(key), null, 2)}\n`, 0o600);
      },
      exit: (code, { message }) => {
        if (config.logLevel === "silent") terminal.err(`taishi: ${message}`);
        process.exit(code);
      },
    });
    stopOnSignals(service, terminal);
    const url = config.publicUrl ?? service.url;
    if (first !== undefined) for (const line of welcome(url, first.key, first.file)) terminal.out(line);
    terminal.out(`taishi listening on ${service.url}`);
  });
};

function secretLines(key: FirstKey): readonly string[] {
  return [
    "Welcome. This data directory is new; it has an account and an admin key:",
    `  account     ${key.account}`,
    `  access key  ${key.accessKey}`,
    `  secret key  ${key.secretKey}`,
    `  token       ${key.token}`,
    "Keep them: they are not shown again.",
  ];
}

/** What DATA/first-key.json holds. */
function inFile({ firstLink, ...key }: FirstKey): object {
  return { ...key, consoleLink: consoleLink(firstLink) };
}

/** After the number sign: a browser sends that part to nobody. */
function consoleLink(token: string): string {
  return `/console/#first=${token}`;
}

/** What a newcomer sees once. Secrets are printed only to a terminal; else they are in a file of mode 0600. */
function welcome(url: string, key: FirstKey, file: string | undefined): readonly string[] {
  const event = JSON.stringify({
    events: [
      {
        kind: "security",
        time: "2024-09-29T11:38:34Z",
        resource: { type: "endpoint", id: "ep-20240929-first" },
        type: "SshLogin",
        risk: "Medium",
        contents: { Tag: "Unknown", SSH: "10.0.26.52 35024 10.0.26.52 12222", ProcessID: "3058688" },
      },
    ],
  });
  const query = JSON.stringify({ ResourceId: "ep-20240929-first", ResourceType: "endpoint" });
  const token = file === undefined ? key.token : `$(sed -n 's/.*"token": "\\(.*\\)".*/\\1/p' '${file}')`;
  const welcome =
    file === undefined
      ? []
      : [
          "Welcome. This data directory is new; it has an account and an admin key:",
          `  account ${key.account}; its access key, secret key and token are in`,
          `  ${file}`,
        ];
  return [
    ...welcome,
    "",
    "Make the first user of the console (good once, for 24 hours):",
    file === undefined
      ? `  ${url}${consoleLink(key.firstLink)}`
      : `  ${url}, with the consoleLink of that file behind it`,
    "",
    "Append a first event:",
    `  curl -sS '${url}/api/v1/events' -H "Authorization: Bearer ${token}" -H 'Content-Type: application/json' -d '${event}'`,
    "",
    "List it through Ark's API (the clouds' SDKs sign instead of the bearer token):",
    `  curl -sS '${url}/?Action=ListAuditLogs&Version=2024-01-01' -H "Authorization: Bearer ${token}" -H 'Content-Type: application/json' -d '${query}'`,
    "",
  ];
}
