// The kinds of inputs that a configuration can name. This is the one list of them.
import type { TSchema } from "typebox";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { filesKind } from "./files/settings.ts";
import type { Input } from "./input.ts";

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

export const inputKinds: ReadonlyMap<string, InputKind> = new Map<string, InputKind>([["files", filesKind]]);
