// Reads what a story is joined from: first the events that are asked about, newest first, then what happened in the account around
// them, both bounded in number and size; others get their turn in between. Says how far it looked, so that nothing is missing unsaid (I5).
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Entry } from "../event/entry.ts";
import type { Filter, IndexStore, Position } from "../index/port.ts";
import { address } from "./event-facts.ts";
import { type EntrySource, eachText, fittingTexts, ReadBudget, readSearch } from "./page-reader.ts";
import type { StoryRequest, StoryThread } from "./query.ts";
import { joinStory, type Story, type Strand, strandOf } from "./story.ts";

/** Events that are asked about, and looked at to find them by user or address. */
const mostSeeds = 300;
const searches = 3;
/** Events looked at around them. */
const mostAround = 20_000;
const step = 512;
/** How far around in time. */
const aroundMs = 3_600_000;

/** A story whose entries are still text. */
export interface StoryText {
  readonly size: number;
  readonly seqs: readonly number[];
  readonly texts: readonly string[];
  readonly threads: readonly Pick<StoryThread, "lane" | "joined">[];
  readonly common: Story["common"];
  readonly scanned: number;
  readonly around: { readonly from: number; readonly to: number } | undefined;
  readonly cut: { readonly asked: boolean; readonly around: boolean; readonly events: boolean };
}

export async function readStory(index: IndexStore, entries: EntrySource, request: StoryRequest): Promise<StoryText> {
  const { filter, user, ip, limit } = request;
  const { account } = filter;
  const size = index.covered(account);
  const budget = new ReadBudget();
  const asked = await readAsked(index, entries, request, size, budget);
  const cut = { asked: asked.more, around: false, events: false };
  if (asked.strands.length === 0)
    return { size, seqs: [], texts: [], threads: [], common: [], scanned: asked.scanned, around: undefined, cut };

  const times = asked.strands.map(({ time }) => time);
  const window = {
    from: Math.max(filter.from ?? 0, Math.min(...times) - aroundMs),
    to: Math.min(filter.to ?? Number.MAX_SAFE_INTEGER, Math.max(...times) + aroundMs),
  };
  const around = await readAround(index, entries, { account, ...window }, size, budget);
  const anchor =
    user === undefined
      ? ip === undefined
        ? undefined
        : ({ by: "address", value: address(ip) ?? ip } as const)
      : ({ by: "user", value: user } as const);
  const story = joinStory(asked.strands, around.strands, limit, anchor);
  const texts = fittingTexts(
    entries,
    account,
    story.threads.map(({ strand }) => strand.seq),
  );
  const threads = story.threads.slice(0, texts.length);
  return {
    size,
    seqs: threads.map(({ strand }) => strand.seq),
    texts,
    threads: threads.map(({ strand, joined }) => ({ lane: strand.lane, joined })),
    common: story.common,
    scanned: asked.scanned + around.scanned,
    around: { from: around.more ? around.reached : window.from, to: window.to },
    cut: { asked: asked.more, around: around.more, events: story.cut || threads.length < story.threads.length },
  };
}

interface Looked {
  readonly strands: readonly Strand[];
  readonly scanned: number;
  /** Whether there is more that was not looked at. */
  readonly more: boolean;
}

async function readAsked(
  index: IndexStore,
  entries: EntrySource,
  { filter, user, ip }: StoryRequest,
  size: number,
  budget: ReadBudget,
): Promise<Looked> {
  const { account } = filter;
  if (user === undefined && ip === undefined) {
    const { positions } = await index.find(filter, "desc", { offset: 0, limit: mostSeeds + 1 });
    const known = positions.filter(({ seq }) => seq < size).slice(0, mostSeeds);
    const strands = await readStrands(entries, account, known, budget);
    return {
      strands,
      scanned: strands.length,
      more: positions.length > mostSeeds || strands.length < known.length,
    };
  }
  const match = { ...(user === undefined ? {} : { user }), ...(ip === undefined ? {} : { ip }) };
  const strands: Strand[] = [];
  let scanned = 0;
  let after: Position | undefined;
  for (let call = 0; call < searches; call++) {
    const from = after === undefined ? {} : { after };
    const limit = mostSeeds - strands.length;
    const search = { filter, match, order: "desc", limit, below: size, ...from } as const;
    const page = await readSearch(index, entries, search, budget);
    strands.push(...strandsOf(page.seqs, page.texts));
    scanned += page.scanned;
    if (page.next === null) return { strands, scanned, more: false };
    if (strands.length >= mostSeeds || budget.isSpent) break;
    after = page.next;
  }
  return { strands, scanned, more: true };
}

async function readAround(
  index: IndexStore,
  entries: EntrySource,
  filter: Filter,
  size: number,
  budget: ReadBudget,
): Promise<Looked & { readonly reached: number }> {
  const strands: Strand[] = [];
  let after: Position | undefined;
  for (let scanned = 0; ; ) {
    const window = after === undefined ? { offset: 0, limit: step } : { after, limit: step };
    const { positions } = await index.find(filter, "desc", window);
    const known = positions.filter(({ seq }) => seq < size);
    const found = await readStrands(entries, filter.account, known, budget);
    strands.push(...found);
    if (found.length < known.length)
      return { strands, scanned: scanned + found.length, more: true, reached: known[found.length]!.time + 1 };
    scanned += positions.length;
    after = positions.at(-1);
    if (positions.length < step) return { strands, scanned, more: false, reached: filter.from ?? 0 };
    // The last millisecond may be looked at in part.
    if (scanned >= mostAround) return { strands, scanned, more: true, reached: after!.time + 1 };
    await nextTurn();
  }
}

/** Of as many as the budget is enough for. */
async function readStrands(
  entries: EntrySource,
  account: string,
  positions: readonly Position[],
  budget: ReadBudget,
): Promise<readonly Strand[]> {
  const strands: Strand[] = [];
  const seqs = positions.map(({ seq }) => seq);
  for (const text of eachText(entries, account, seqs)) {
    if (budget.isSpent) break;
    strands.push(strandOf(seqs[strands.length]!, (JSON.parse(text) as Entry).event));
    await budget.spend(text);
  }
  return strands;
}

function strandsOf(seqs: readonly number[], texts: readonly string[]): Strand[] {
  return texts.map((text, i) => strandOf(seqs[i]!, (JSON.parse(text) as Entry).event));
}
