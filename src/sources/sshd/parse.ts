// What one message of OpenSSH's server says. Names are the client's to choose, so everything else is read from the end of
// the message: a user called "root from 192.0.2.1 port 22 ssh2" is a user of that name.

export interface Ends {
  readonly address: string;
  readonly port: string;
}

export interface Login {
  readonly what: "accepted" | "failed" | "invalid-user" | "disconnected";
  /** Absent where the client had not named one. */
  readonly user?: string;
  /** Whether there is no such user, or none that may log in. */
  readonly invalid: boolean;
  readonly method?: string;
  readonly source: Ends;
  readonly keyType?: string;
  readonly fingerprint?: string;
}

export type Said =
  | { readonly what: "connection"; readonly source: Ends; readonly destination: Ends }
  | Login
  /** It can be read in these ways. */
  | { readonly what: "ambiguous"; readonly readings: readonly Login[] }
  /** A message that is known and tells no login, or one that is not known. */
  | { readonly what: "nothing" };

const end = String.raw`from (?<address>\S+) port (?<port>\d{1,5})`;
const print = `SHA256:[A-Za-z0-9+/]{43}=?|(?:MD5:)?[0-9a-f]{2}(?::[0-9a-f]{2}){15}`;
const key = `: (?<keyType>[A-Za-z0-9@.-]+) (?<fingerprint>${print})`;
/** What the client wrote into a certificate, or says of itself: anything. What follows it is sshd's. */
const saidByClient = String.raw`(?: ID .* \(serial \d+\) CA [A-Za-z0-9@.-]+ (?:${print}))?(?:, client user ".*", client host ".*")?`;
const stage = String.raw`(?: \[preauth\])?`;

const tried = String.raw`(?:(?<accepted>Accepted)|Failed) (?<method>\S+) for|(?:error: )?maximum authentication attempts exceeded for`;
/** Such a line is read in one way only: its last ends are sshd's. */
const plain = new RegExp(
  `^(?:${tried}) (?<invalid>invalid user )?(?<user>.*) ${end}(?: ssh2)?(?:${key})?${stage}$`,
  "s",
);
const begin = new RegExp(`^(?:${tried}) (?<invalid>invalid user )?`);
const afterName = new RegExp(` ${end}(?: ssh2)?${key}${saidByClient}${stage}$`, "sy");

const invalidUser = /^(?:Invalid|Illegal) user (?<user>.*) from (?<address>\S+?)(?: port (?<port>\d{1,5}))?$/s;
const connection = new RegExp(
  String.raw`^Connection ${end} on (?<toAddress>\S+) port (?<toPort>\d{1,5})(?: rdomain ".*")?$`,
  "s",
);
const who = `(?:(?<state>authenticating|invalid) user (?<early>.*) |user (?<user>.*) )?`;
const address = String.raw`(?<address>[0-9a-fA-F.:%\w]+)`;
const ending = `^(?:Connection (?:closed|reset) by|Disconnected from) ${who}`;
const closed = new RegExp(String.raw`${ending}${address} port (?<port>\d{1,5})${stage}$`, "s");
/** Before OpenSSH 7.2. */
const closedWithoutPort = new RegExp(String.raw`${ending}(?<address>[0-9a-fA-F]*[.:][0-9a-fA-F.:%\w]*)${stage}$`, "s");
/** The reason may repeat names that the client gave. */
const disconnecting = /^Disconnecting (?:(?<state>authenticating|invalid) user |user )?/;
const reason = new RegExp(String.raw`(?<=^Disconnecting | )${address} port (?<port>\d{1,5}): `, "g");
const silent = /^Did not receive identification string from (?<address>\S+)(?: port (?<port>\d{1,5}))?$/s;

/** sshd cuts its messages at a kilobyte; what is much longer is none of its. */
const longestMessage = 8_192;

export function parseSshd(message: string): Said {
  if (message.length > longestMessage) return nothing;
  switch (message.charCodeAt(0)) {
    case 65: // A
    case 70: // F
    case 109: // m
    case 101: // e
      return attempted(message);
    case 67: // C
    case 68: // D
      return connected(message);
    case 73: // I
      return unknownUser(message);
  }
  return nothing;
}

const nothing = { what: "nothing" } as const;

type Groups = Readonly<Record<string, string | undefined>>;

function attempted(message: string): Said {
  const groups = plain.exec(message)?.groups as Groups | undefined;
  if (groups !== undefined) return attempt(groups, groups.user!, groups);
  const start = begin.exec(message);
  if (start === null) return nothing;
  const readings: Login[] = [];
  for (let at = message.indexOf(" from ", start[0].length - 1); at !== -1; at = message.indexOf(" from ", at + 1)) {
    afterName.lastIndex = at;
    const rest = afterName.exec(message)?.groups as Groups | undefined;
    if (rest !== undefined) readings.push(attempt(start.groups as Groups, message.slice(start[0].length, at), rest));
  }
  return oneOf(readings);
}

function attempt({ accepted, method, invalid }: Groups, user: string, rest: Groups): Login {
  return {
    what: accepted !== undefined ? "accepted" : invalid === undefined ? "failed" : "invalid-user",
    invalid: invalid !== undefined,
    user,
    source: { address: rest.address!, port: rest.port! },
    ...(method === undefined ? {} : { method }),
    ...(rest.keyType === undefined ? {} : { keyType: rest.keyType, fingerprint: rest.fingerprint! }),
  };
}

function unknownUser(message: string): Said {
  const groups = invalidUser.exec(message)?.groups as Groups | undefined;
  if (groups === undefined) return nothing;
  const { user, address: from, port } = groups;
  return { what: "invalid-user", invalid: true, user: user!, source: { address: from!, port: port ?? "" } };
}

function connected(message: string): Said {
  const begun = connection.exec(message)?.groups as Groups | undefined;
  if (begun !== undefined)
    return {
      what: "connection",
      source: { address: begun.address!, port: begun.port! },
      destination: { address: begun.toAddress!, port: begun.toPort! },
    };
  const start = disconnecting.exec(message);
  if (start !== null) return disconnected(message, start);
  const ended = (closed.exec(message) ?? closedWithoutPort.exec(message) ?? silent.exec(message))?.groups as
    | Groups
    | undefined;
  if (ended === undefined) return nothing;
  return over(ended, ended.early ?? ended.user, ended);
}

function disconnected(message: string, start: RegExpExecArray): Said {
  const isNamed = start[0] !== "Disconnecting ";
  const readings: Login[] = [];
  for (const match of message.matchAll(reason)) {
    // Without a user the address comes first.
    if (match.index < start[0].length || (!isNamed && match.index > start[0].length)) continue;
    const user = isNamed ? message.slice(start[0].length, match.index - 1) : undefined;
    readings.push(over(start.groups as Groups, user, match.groups as Groups));
  }
  return oneOf(readings);
}

function over({ state }: Groups, user: string | undefined, { address: from, port }: Groups): Login {
  return {
    what: "disconnected",
    invalid: state === "invalid",
    source: { address: from!, port: port ?? "" },
    ...(user === undefined ? {} : { user }),
  };
}

/** What a client wrote may look like the rest of sshd's sentence: then nobody can tell where its name ends. */
function oneOf(readings: readonly Login[]): Said {
  if (readings.length > 1) return { what: "ambiguous", readings };
  return readings[0] ?? nothing;
}
