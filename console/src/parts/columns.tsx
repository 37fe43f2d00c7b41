// The columns that a table of events can have: those that every kind has, and one for each attribute by its name.
import { Tag, Typography } from "antd";
import type { ReactNode } from "react";
import type { StoredEvent } from "../api.ts";
import { useWords } from "../settings.tsx";
import { RiskTag, resourceOf, summary, When } from "./event.tsx";
import { whoOf } from "./who.ts";

export const fixedColumns = [
  "time",
  "received",
  "risk",
  "kind",
  "type",
  "resource",
  "user",
  "address",
  "what",
  "number",
] as const;
type Fixed = (typeof fixedColumns)[number];

export const usualColumns: readonly string[] = ["time", "risk", "type", "resource", "what", "number"];
const attributePrefix = "content.";

/** As the address has them; an unknown name is left out. */
export function readColumns(text: string | null): readonly string[] {
  if (text === null) return usualColumns;
  const known = text
    .split(",")
    .filter((name) => (fixedColumns as readonly string[]).includes(name) || name.startsWith(attributePrefix));
  return known.length === 0 ? usualColumns : known;
}

/** For the address; undefined where they are the usual ones. */
export function writeColumns(columns: readonly string[]): string | undefined {
  return columns.join() === usualColumns.join() ? undefined : columns.join();
}

export interface ColumnChoice {
  readonly key: string;
  readonly title: string;
}

/** All that can be chosen, in the order they are shown in: the attributes are those that the events have or that are chosen. */
export function useColumns(events: readonly StoredEvent[], chosen: readonly string[]) {
  const words = useWords();
  const titles: Readonly<Record<Fixed, string>> = {
    time: words.time,
    received: words.received,
    risk: words.risk,
    kind: words.kind,
    type: words.type,
    resource: words.resource,
    user: words.explorerPage.user,
    address: words.explorerPage.address,
    what: words.what,
    number: words.number,
  };
  const cells: Readonly<Record<Fixed, (event: StoredEvent) => ReactNode>> = {
    time: ({ time }) => <When time={time} />,
    received: ({ received }) => <When time={received} />,
    risk: ({ risk }) => <RiskTag risk={risk} />,
    kind: ({ kind }) => kind,
    type: ({ type, name }) => <Tag>{type ?? name ?? ""}</Tag>,
    resource: (event) => <span className="mono nowrap">{resourceOf(event)}</span>,
    user: (event) => whoOf(event).users.join(" "),
    address: (event) => <span className="mono">{whoOf(event).addresses.join(" ")}</span>,
    what: (event) => (
      <Typography.Text ellipsis={{ tooltip: false }} style={{ maxWidth: 520, display: "block" }}>
        {summary(event)}
      </Typography.Text>
    ),
    number: ({ seq }) => <span className="mono nowrap">{seq}</span>,
  };
  const attributes = [
    ...new Set([
      ...chosen.filter((name) => name.startsWith(attributePrefix)),
      ...events
        .flatMap(({ contents = [] }) => contents.map(({ key }) => attributePrefix + key))
        // The address separates columns by commas.
        .filter((name) => !name.includes(",")),
    ]),
  ].slice(0, 60);
  const shown = [
    ...fixedColumns
      .filter((name) => chosen.includes(name))
      .map((name) => ({
        key: name as string,
        title: titles[name],
        render: (_: unknown, event: StoredEvent) => cells[name](event),
      })),
    ...attributes
      .filter((name) => chosen.includes(name))
      .map((name) => ({
        key: name,
        title: name.slice(attributePrefix.length),
        render: (_: unknown, { contents = [] }: StoredEvent): ReactNode => (
          <span className="mono">
            {contents.find(({ key }) => key === name.slice(attributePrefix.length))?.value ?? ""}
          </span>
        ),
      })),
  ];
  const options = [
    { label: words.columns, options: fixedColumns.map((value) => ({ value: value as string, label: titles[value] })) },
    ...(attributes.length === 0
      ? []
      : [
          {
            label: words.explorerPage.attributes,
            options: attributes.map((value) => ({ value, label: value.slice(attributePrefix.length) })),
          },
        ]),
  ];
  return { shown, options };
}
