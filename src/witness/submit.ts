// One log shows one checkpoint to one witness: the exchange of C2SP tlog-witness from the log's side, with the size that
// the witness names when it is another than we thought. Decides what an answer means; when to ask again is collector.ts's.
import { type Note, type NoteSignature, parseNote, type VerifierKey } from "../merkle/note.ts";
import { formatSubmission } from "./add-checkpoint.ts";
import { cosignatureBy } from "./ed25519.ts";

export interface ShownCheckpoint {
  readonly size: number;
  readonly text: string;
  /** The signed note. */
  readonly note: string;
}

export interface WitnessReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface ExchangePorts {
  /** RFC 6962 §2.1.2, for our own log. */
  readonly consistency: (from: number, to: number) => Promise<readonly Uint8Array[]>;
  /** @throws Error where no answer came */
  readonly post: (body: string) => Promise<WitnessReply>;
  /** The largest size of this log that we have signed. */
  readonly signed: () => number;
}

/** What became of it; `size`: what the witness has cosigned by now, as far as is known. */
export type Outcome =
  | { readonly kind: "cosigned"; readonly size: number; readonly line: NoteSignature; readonly time: number }
  /** It has cosigned a newer checkpoint of ours: that one, or a newer one, is to be shown. */
  | { readonly kind: "ahead"; readonly size: number }
  /** What it has cosigned is not a beginning of our log: one of the two was rolled back or exchanged. */
  | { readonly kind: "contradiction"; readonly size: number; readonly why: string }
  /** `settled`: asking again soon will not help. */
  | { readonly kind: "failure"; readonly size: number | undefined; readonly why: string; readonly settled: boolean };

/** Its size may change under us by another submission of ours that was thought lost; more often is no honest witness. */
const mostRounds = 3;

/** @param known the size it cosigned last; undefined where we do not know, and then it tells us */
export async function submit(
  checkpoint: ShownCheckpoint,
  key: VerifierKey,
  known: number | undefined,
  ports: ExchangePorts,
): Promise<Outcome> {
  const { size } = checkpoint;
  let old = known ?? 0;
  for (let round = 1; ; round++) {
    if (old > ports.signed())
      return {
        kind: "contradiction",
        size: old,
        why: `it has cosigned ${old} entries of this log, of which only ${ports.signed()} are here`,
      };
    if (old > size) return { kind: "ahead", size: old };
    const failure = (why: string, settled = false): Outcome => ({ kind: "failure", size: known, why, settled });
    const proof = await ports.consistency(old, size);
    const { status, contentType, body } = await ports.post(
      formatSubmission({ oldSize: old, proof, checkpoint: checkpoint.note }),
    );
    if (status === 200) {
      const cosignature = cosignatureIn(checkpoint.text, body, key);
      if (cosignature === undefined) return failure("its answer holds no valid cosignature by its key", true);
      return { kind: "cosigned", size, ...cosignature };
    }
    if (status === 409) {
      const named = /^(0|[1-9]\d{0,15})\n?$/.exec(body)?.[1];
      if (named === undefined || !contentType.startsWith("text/x.tlog.size"))
        return failure("it answered 409 without the size it has cosigned");
      if (Number(named) === old)
        return old === size
          ? { kind: "contradiction", size: old, why: `it has cosigned another tree of ${size} entries` }
          : failure(`it answered 409 with the size ${old} that it was shown`);
      if (round === mostRounds) return failure("the size it has cosigned keeps changing");
      old = Number(named);
      known = old;
      continue;
    }
    if (status === 422 && old > 0)
      return {
        kind: "contradiction",
        size: old,
        why: `what it has cosigned at ${old} entries is not the beginning of this log`,
      };
    return failure(`it answered ${status}: ${firstLine(body)}`, status === 403 || status === 404 || status === 400);
  }
}

function cosignatureIn(text: string, lines: string, key: VerifierKey): ReturnType<typeof cosignatureBy> {
  let note: Note;
  try {
    note = parseNote(`${text}\n${lines}`);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
  // What stood in the lines must not have made another text of it.
  return note.text === text ? cosignatureBy(note, key) : undefined;
}

function firstLine(body: string): string {
  return body.split("\n", 1)[0]!.slice(0, 200);
}
