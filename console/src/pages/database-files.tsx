// The closed audit files of an instance, the newest first, each to be downloaded as it is.
import { DownloadOutlined } from "@ant-design/icons";
import { Alert, Button, Flex, Table } from "antd";
import { ask } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { RangePicker, readRange, useQuery } from "../parts/range.tsx";
import { Nothing } from "../parts/rows.tsx";
import { useWords } from "../settings.tsx";
import type { AskedPolicy } from "./database-policy.tsx";

interface File {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  readonly begin: string;
  readonly end: string;
  readonly closed: string;
}

const atOnce = 20;
const dayMs = 86_400_000;

export function AuditFiles({ id, policy }: { readonly id: string; readonly policy: AskedPolicy }) {
  const words = useWords();
  const say = words.files;
  const { query, change } = useQuery();
  const page = Number(query.get("page") ?? 1);
  const asked = { ...readRange(query), limit: atOnce, page };
  const files = useAsked(`files ${id} ${JSON.stringify(asked)}`, (signal) =>
    ask<{ files: readonly File[]; total: number }>(`/api/v1/instances/${id}/audit-files`, { query: asked, signal }),
  );
  const keepDays = policy.asked.state === "there" ? policy.asked.answer.keepDays : undefined;
  return (
    <Flex vertical gap={12}>
      <RangePicker />
      {keepDays === 0 && <Alert type="info" showIcon title={say.filesOff} />}
      <Shown asked={files.asked} again={files.again}>
        {({ files: found, total }) => (
          <Table<File>
            size="small"
            rowKey="id"
            dataSource={[...found]}
            scroll={{ x: "max-content" }}
            locale={{ emptyText: <Nothing title={say.noFiles} hint={say.noFilesHint} /> }}
            title={() => <strong data-testid="total">{say.total(total.toLocaleString())}</strong>}
            pagination={
              total > atOnce
                ? {
                    total,
                    current: page,
                    pageSize: atOnce,
                    showSizeChanger: false,
                    onChange: (to) => change({ page: to === 1 ? undefined : String(to) }),
                  }
                : false
            }
            columns={[
              {
                title: say.file,
                render: (_, { id: file, name }) => (
                  <Button
                    type="link"
                    size="small"
                    style={{ padding: 0 }}
                    icon={<DownloadOutlined />}
                    aria-label={`${say.download}: ${name}`}
                    download={name}
                    href={`/api/v1/instances/${id}/audit-files/${encodeURIComponent(file)}/content`}
                  >
                    <span className="mono">{name}</span>
                  </Button>
                ),
              },
              { title: say.size, align: "right", render: (_, { bytes }) => bytesText(bytes) },
              { title: say.begin, render: (_, { begin }) => <When time={begin} /> },
              { title: say.end, render: (_, { end }) => <When time={end} /> },
              { title: say.closed, render: (_, { closed }) => <When time={closed} /> },
              ...(keepDays === undefined || keepDays === 0
                ? []
                : [
                    {
                      title: say.goes,
                      render: (_: unknown, { closed }: File) => (
                        <When time={new Date(Date.parse(closed) + keepDays * dayMs).toISOString()} />
                      ),
                    },
                  ]),
            ]}
          />
        )}
      </Shown>
    </Flex>
  );
}

function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let size = bytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}
