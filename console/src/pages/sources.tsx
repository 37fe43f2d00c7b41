// The agents that collect, how far behind they are, and what is wrong with them.
import { Alert, Badge, Card, Empty, Space, Table, Typography } from "antd";
import { useEffect } from "react";
import { ask } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { useWords } from "../settings.tsx";

interface Agent {
  readonly name: string;
  readonly seen: string;
  readonly report: {
    readonly version: string;
    readonly sources: readonly {
      readonly name: string;
      readonly source: string;
      readonly input: string;
      readonly behind: number | null;
      readonly problem: string | null;
      readonly counts: Readonly<Record<string, number>>;
    }[];
    readonly spool: { readonly bytes: number; readonly limit: number; readonly events: number };
    readonly sent: number;
    readonly problem: string | null;
  };
}

export function Sources() {
  const words = useWords();
  const { asked, again } = useAsked("agents", (signal) =>
    ask<{ agents: readonly Agent[] }>("/api/v1/agents", { signal }),
  );
  useEffect(() => {
    const timer = setInterval(again, 10_000);
    return () => clearInterval(timer);
  }, [again]);
  return (
    <Shown asked={asked} again={again}>
      {({ agents }) =>
        agents.length === 0 ? (
          <Card>
            <Empty
              description={
                <>
                  <div>{words.noAgents}</div>
                  <Typography.Text type="secondary">{words.noAgentsHint}</Typography.Text>
                </>
              }
            />
          </Card>
        ) : (
          <Space orientation="vertical" size={12} style={{ width: "100%" }}>
            {agents.map(({ name, seen, report }) => (
              <Card
                key={name}
                size="small"
                title={
                  <Badge
                    status={Date.now() - Date.parse(seen) < 30_000 ? "success" : "error"}
                    text={`${words.agent} ${name}`}
                  />
                }
                extra={
                  <span>
                    {words.lastSeen}: <When time={seen} />
                  </span>
                }
              >
                {report.problem !== null && (
                  <Alert type="warning" showIcon title={report.problem} style={{ marginBottom: 8 }} />
                )}
                <Table
                  size="small"
                  rowKey="name"
                  pagination={false}
                  scroll={{ x: "max-content" }}
                  dataSource={[...report.sources]}
                  columns={[
                    { title: words.sources, dataIndex: "name" },
                    { title: words.type, dataIndex: "source" },
                    { title: words.input, dataIndex: "input" },
                    {
                      title: words.behind,
                      render: (_, { behind }) => (behind === null ? "–" : behind.toLocaleString()),
                    },
                    {
                      title: words.counts,
                      render: (_, { counts }) =>
                        Object.entries(counts)
                          .map(([what, n]) => `${what} ${n.toLocaleString()}`)
                          .join(", "),
                    },
                    {
                      title: words.problem,
                      render: (_, { problem }) => problem && <Typography.Text type="danger">{problem}</Typography.Text>,
                    },
                  ]}
                />
              </Card>
            ))}
          </Space>
        )
      }
    </Shown>
  );
}
