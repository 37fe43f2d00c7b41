// Trails as those who configure and show them see them. A trail is a standing export of an account's trail events into
// files (exporter.ts); its configuration lives in the account's own log (trail-store.ts), its progress beside its files.
import { TaishiError } from "../errors.ts";

export const eventScopes = ["All", "Read", "Write"] as const;
export type EventScope = (typeof eventScopes)[number];

/** More are refused: every trail reads the account's events once more. */
export const mostTrails = 5;

/** What a trail's owner decides. */
export interface TrailSettings {
  /** Unique within the account. */
  readonly name: string;
  /** Read: events said to be read-only; Write: all others. */
  readonly scope: EventScope;
  /** Only events of these sources; empty means of all. */
  readonly sources: readonly string[];
  /** The directory below the account's exports; see isBucket. */
  readonly bucket: string;
  /** A path inside the bucket, without slashes at its ends; "" for none; see isPrefix. */
  readonly prefix: string;
  /** What else was said: kept and shown, without effect here. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface Trail extends TrailSettings {
  /** Epoch milliseconds, as all times here. */
  readonly created: number;
  readonly updated: number;
  readonly logging: boolean;
  readonly loggingStarted?: number;
  readonly loggingStopped?: number;
  readonly delivery: DeliveryView;
}

export interface DeliveryView {
  /** When the last file was complete on disk. */
  readonly delivered?: number;
  /** Why the last attempt failed; absent once one succeeds. */
  readonly error?: string;
}

/**
 * The trails of an account. Every change resolves when it is fsynced in the account's log (I1); it applies from the
 * exporter's next tick on. A new trail does not log until it is told to.
 */
export interface Trails {
  /** By name. */
  list(account: string): Promise<readonly Trail[]>;
  /** @throws TaishiError already-exists, TrailQuotaError */
  create(account: string, settings: TrailSettings): Promise<Trail>;
  /**
   * @param change makes the new settings of the ones there are; no other change comes in between
   * @throws TaishiError not-found, and what `change` throws
   */
  update(account: string, name: string, change: (before: TrailSettings) => TrailSettings): Promise<Trail>;
  /** Its files stay; what was not yet delivered is not. @throws TaishiError not-found */
  remove(account: string, name: string): Promise<void>;
  /** Where it is so already nothing changes. @throws TaishiError not-found */
  setLogging(account: string, name: string, logging: boolean): Promise<Trail>;
}

/** The account has as many trails as it may. */
export class TrailQuotaError extends TaishiError {
  constructor() {
    super("invalid-parameter", `An account may have ${mostTrails} trails.`);
  }
}

const bucketForm = /^[a-z0-9-]{3,63}$/;
const segmentForm = /^[A-Za-z0-9._=-]{1,128}$/;
const longestPrefix = 512;

/** Whether a bucket's name can be a directory's, on any system. */
export function isBucket(text: string): boolean {
  return bucketForm.test(text);
}

/** Whether each segment of a prefix stays below the directory it is in. "" is one. */
export function isPrefix(text: string): boolean {
  if (text === "") return true;
  // Segments of dots alone: ".." leaves the bucket, "." would give one directory two names.
  return text.length <= longestPrefix && text.split("/").every((part) => segmentForm.test(part) && !/^\.+$/.test(part));
}
