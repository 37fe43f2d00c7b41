// The service audits itself: every call but appends becomes a trail event in its caller's log, so that LookupEvents has
// something to say from the first call. Two rules keep it from flooding: identical reads by one key within a minute are
// one event with a count (the first is written at once), and failed authentications go to the operator's log, at most one
// event per address, key and minute, with a count. Never holds up a read; a change waits until its event is on disk.
import { asTaishiError } from "../errors.ts";
import type { TrailEvent } from "../event/event.ts";
import { readEvent } from "../event/read.ts";
import type { CallRecord } from "../exchange.ts";
import { networkOf } from "../identity/address-brake.ts";
import { operatorAccount } from "../identity/naming.ts";
import type { Log } from "../log.ts";

const windowMs = 60_000;
/** Addresses whose failed authentications are told apart within a minute; the rest share one event. */
const mostStrangers = 1_000;
/** Different reads remembered at once; beyond it the oldest is written down early. */
const mostWindows = 10_000;

export interface SelfAuditOptions {
  /** Resolves when the event is on disk. */
  readonly append: (account: string, event: TrailEvent) => Promise<unknown>;
  /** Whether there is such a key: a claimed one that is none says nothing, and anybody can make up any number. */
  readonly isKey: (accessKey: string) => boolean;
  readonly log: Log;
}

const manyStrangers = ["", "", ""] as const;

interface Window {
  readonly since: number;
  readonly account: string;
  last: CallRecord;
  /** Calls after the first, which is written already. */
  repeated: number;
}

export class SelfAudit {
  readonly #append: SelfAuditOptions["append"];
  readonly #isKey: SelfAuditOptions["isKey"];
  readonly #log: Log;
  #strangers = 0;
  /** In the order of their beginning. */
  readonly #windows = new Map<string, Window>();
  /** Writes that nobody waits for yet. */
  readonly #writing = new Set<Promise<void>>();

  constructor({ append, isKey, log }: SelfAuditOptions) {
    this.#append = append;
    this.#isKey = isKey;
    this.#log = log;
  }

  /** Never rejects: what cannot be written is in the service's log, with everything but its parameters. */
  async onCall(told: CallRecord): Promise<void> {
    // What is kept for a minute must be small whatever was sent.
    const record = { ...told, userAgent: told.userAgent?.slice(0, 1024), parameters: told.parameters?.slice(0, 4096) };
    this.tick(record.time);
    const account = record.account ?? operatorAccount;
    if (record.account !== undefined && !record.readOnly) return this.#write(account, record, 1);
    const key = JSON.stringify(
      record.account === undefined
        ? this.#strangerKey(record)
        : [
            account,
            record.accessKey,
            record.userName,
            record.address,
            record.source,
            record.name,
            record.parameters,
            record.errorCode,
          ],
    );
    const open = this.#windows.get(key);
    if (open !== undefined) {
      open.last = record;
      open.repeated++;
      return;
    }
    this.#windows.set(key, { since: record.time, account, last: record, repeated: 0 });
    if (this.#windows.size > mostWindows) this.#close(this.#windows.keys().next().value!);
    return this.#write(account, record, 1);
  }

  /** Writes down what was counted in windows that are over. */
  tick(now: number): void {
    for (const [key, { since }] of this.#windows) {
      if (now - since < windowMs) return;
      this.#close(key);
    }
  }

  /** Writes down everything that is still being counted. */
  async close(): Promise<void> {
    const open = [...this.#windows.values()].filter(({ repeated }) => repeated > 0);
    this.#windows.clear();
    for (const { account, last, repeated } of open) void this.#write(account, last, repeated);
    await Promise.all(this.#writing);
  }

  /** Of a failed authentication: its network and, where it is one of ours, the key it claimed. */
  #strangerKey({ accessKey = "", address }: CallRecord): readonly string[] {
    const key = ["", networkOf(address), this.#isKey(accessKey) ? accessKey : ""];
    if (this.#windows.has(JSON.stringify(key))) return key;
    if (this.#strangers >= mostStrangers) return manyStrangers;
    this.#strangers++;
    return key;
  }

  #close(key: string): void {
    const { account, last, repeated } = this.#windows.get(key)!;
    this.#windows.delete(key);
    if (key.startsWith('["",') && key !== JSON.stringify(manyStrangers)) this.#strangers--;
    if (repeated > 0) void this.#write(account, last, repeated);
  }

  #write(account: string, record: CallRecord, count: number): Promise<void> {
    const writing = this.#tryWrite(account, record, count).finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    return writing;
  }

  async #tryWrite(account: string, record: CallRecord, count: number): Promise<void> {
    try {
      await this.#append(account, trailEventOf(record, count));
    } catch (thrown) {
      const { source, name, requestId } = record;
      this.#log.error({ err: asTaishiError(thrown), account, source, name, requestId }, "a call could not be audited");
    }
  }
}

/** The event of a call. @param count calls that it stands for */
export function trailEventOf(record: CallRecord, count: number): TrailEvent {
  const { account = "", accessKey = "", userName = "", region = "", version = "" } = record;
  const name = record.name === "" ? "Unknown" : record.name.slice(0, 128);
  const source = record.source === "" ? "taishi" : record.source.slice(0, 128);
  const type = userName !== "" ? "User" : accessKey !== "" ? "AccessKey" : "Unknown";
  const event = readEvent(
    {
      kind: "trail",
      time: record.time,
      type: name,
      source,
      requestId: cut(record.requestId),
      accessKeyId: cut(accessKey),
      userName: cut(userName),
      identityType: type,
      sourceIp: cut(record.address),
      region: cut(region),
      errorCode: cut(record.errorCode ?? ""),
      apiVersion: cut(version),
      readOnly: record.readOnly,
      ...(record.resources === undefined ? {} : { resources: record.resources }),
      detail: {
        EventVersion: "v1.0",
        EventType: "ApiCall",
        UserIdentity: {
          AccountID: account,
          Type: type,
          PrincipalID: userName === "" ? accessKey : userName,
          TRN:
            account === ""
              ? ""
              : `trn:iam::${account}:${userName === "" ? `accesskey/${accessKey}` : `user/${userName}`}`,
          AccessKeyID: accessKey,
          ...(userName === "" ? {} : { UserName: userName }),
        },
        UserAgent: (record.userAgent ?? "").slice(0, 1024),
        RequestParameters: record.parameters ?? "",
        ResponseElements: "",
        ApiVersion: version,
        ErrorCode: record.errorCode ?? "",
        ...(count === 1 ? {} : { Count: count }),
      },
    },
    0,
  );
  return toWellFormed(event as TrailEvent);
}

function cut(text: string): string {
  return text.slice(0, 1024).toWellFormed();
}

/** Headers are bytes of anybody's choice: what is no Unicode becomes U+FFFD, since an entry cannot hold it. */
function toWellFormed(event: TrailEvent): TrailEvent {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [key, typeof value === "string" ? value.toWellFormed() : value]),
  ) as unknown as TrailEvent;
}
