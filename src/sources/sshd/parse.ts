// What one message of OpenSSH's server says. Names are the client's to choose, so everything else is read from the end of
// the message: a user called "root from 192.0.2.1 port 22 ssh2" is a user of that name.

export interface Ends {
  readonly address: string;
  readonly port: string;
}

export type Said =
  | { readonly what: "connection"; readonly source: Ends; readonly destination: Ends }
  | {
      readonly what: "accepted" | "failed" | "invalid-user" | "disconnected";
      /** Absent where the client had not named one. */
      readonly user?: string;
      /** Whether there is no such user. */
      readonly invalid: boolean;
      readonly method?: string;
      readonly source: Ends;
      readonly keyType?: string;
      readonly fingerprint?: string;
    }
  /** A message that is known and tells no login, or one that is not known. */
  | { readonly what: "nothing" };

const end = String.raw`from (?<address>\S+) port (?<port>\d{1,5})`;
const key = `: (?<keyType>[A-Za-z0-9@.-]+) (?<fingerprint>SHA256:[A-Za-z0-9+/]{43}=?|(?:MD5:)?[0-9a-f]{2}(?::[0-9a-f]{2}){15})`;
const certificate = String.raw`(?: ID .* \(serial \d+\) CA .*)?`;
const stage = String.raw`(?: \[preauth\])?`;

const accepted = new RegExp(
  String.raw`^(?:Accepted|Partial) (?<method>\S+) for (?<user>.*?) ${end}(?: ssh2)?(?:${key}${certificate})?$`,
  "s",
);
const failed = new RegExp(
  String.raw`^(?:Failed (?<method>\S+) for|(?:error: )?maximum authentication attempts exceeded for) (?<invalid>invalid user )?(?<user>.*) ${end}(?: ssh2)?(?:${key})?(?<rest>.*)$`,
  "s",
);
const invalidUser = /^(?:Invalid|Illegal) user (?<user>.*) from (?<address>\S+)(?: port (?<port>\d{1,5}))?$/s;
const connection = new RegExp(
  String.raw`^Connection ${end} on (?<toAddress>\S+) port (?<toPort>\d{1,5})(?: rdomain ".*")?$`,
  "s",
);
const closed = new RegExp(
  String.raw`^(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) (?:(?<state>authenticating|invalid) user (?<early>.*) |user (?<user>.*) )?(?<address>[0-9a-fA-F.:%\w]+) port (?<port>\d{1,5})(?:: .*)?${stage}$`,
  "s",
);
const silent = /^Did not receive identification string from (?<address>\S+)(?: port (?<port>\d{1,5}))?$/s;

/** sshd cuts its messages at a kilobyte; what is much longer is none of its. */
const longestMessage = 8_192;

export function parseSshd(message: string): Said {
  if (message.length > longestMessage) return { what: "nothing" };
  switch (message.charCodeAt(0)) {
    case 65: // A
      if (message.startsWith("Accepted key ") || message.startsWith("Accepted cert ")) break;
      return login(accepted.exec(message), "accepted");
    case 67: // C
    case 68: // D
      return connected(message);
    case 70: // F
    case 109: // m
    case 101: // e
      return refused(message);
    case 73: // I
      return login(invalidUser.exec(message), "invalid-user");
  }
  return { what: "nothing" };
}

type Groups = Readonly<Record<string, string | undefined>>;

function login(match: RegExpExecArray | null, what: "accepted" | "invalid-user"): Said {
  if (match === null) return { what: "nothing" };
  const { method, user, address, port, keyType, fingerprint } = match.groups as Groups;
  return {
    what,
    invalid: what === "invalid-user",
    user: user!,
    source: { address: address!, port: port ?? "" },
    ...(method === undefined ? {} : { method }),
    ...(keyType === undefined ? {} : { keyType, fingerprint: fingerprint! }),
  };
}

function refused(message: string): Said {
  const match = failed.exec(message);
  if (match === null) return { what: "nothing" };
  const { method, user, invalid, address, port, keyType, fingerprint, rest } = match.groups as Groups;
  // After the ends and the key only a certificate's words and the stage may stand: else the ends were a part of the name.
  if (!/^(?: ID .* \(serial \d+\) CA .*)?(?: \[preauth\])?$/s.test(rest!)) return { what: "nothing" };
  return {
    what: invalid === undefined ? "failed" : "invalid-user",
    invalid: invalid !== undefined,
    user: user!,
    source: { address: address!, port: port! },
    ...(method === undefined ? {} : { method }),
    ...(keyType === undefined ? {} : { keyType, fingerprint: fingerprint! }),
  };
}

function connected(message: string): Said {
  const begun = connection.exec(message)?.groups as Groups | undefined;
  if (begun !== undefined)
    return {
      what: "connection",
      source: { address: begun.address!, port: begun.port! },
      destination: { address: begun.toAddress!, port: begun.toPort! },
    };
  const ended = (closed.exec(message) ?? silent.exec(message))?.groups as Groups | undefined;
  if (ended === undefined) return { what: "nothing" };
  const user = ended.early ?? ended.user;
  return {
    what: "disconnected",
    invalid: ended.state === "invalid",
    source: { address: ended.address!, port: ended.port ?? "" },
    ...(user === undefined ? {} : { user }),
  };
}
