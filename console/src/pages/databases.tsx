// Database instances: the audit files that were made of their statements, the statements themselves, and the policy that says
// which go into files.
import { Card, Flex, Select, Tabs } from "antd";
import { lazy, Suspense } from "react";
import { Shown, useAsked } from "../parts/asked.tsx";
import { askDirectory, type Directory } from "../parts/directory.ts";
import { useQuery } from "../parts/range.tsx";
import { Nothing } from "../parts/rows.tsx";
import { useWords } from "../settings.tsx";
import { AuditFiles } from "./database-files.tsx";
import { AuditPolicy, usePolicy } from "./database-policy.tsx";
import { Statements } from "./database-statements.tsx";

const EventDrawer = lazy(() =>
  import("../parts/event-drawer.tsx").then(({ EventDrawer: part }) => ({ default: part })),
);

export function Databases() {
  const words = useWords();
  const { asked, again } = useAsked("directory", askDirectory);
  return (
    <Shown asked={asked} again={again}>
      {(directory) =>
        directory.instances.length === 0 ? (
          <Card>
            <Nothing title={words.files.noInstances} hint={words.files.noInstancesHint} />
          </Card>
        ) : (
          <Chosen directory={directory} />
        )
      }
    </Shown>
  );
}

function Chosen({ directory: { projects, instances } }: { readonly directory: Directory }) {
  const words = useWords();
  const { query, change } = useQuery();
  const chosen = instances.find(({ id }) => id === query.get("instance")) ?? instances[0]!;
  return (
    <Flex vertical gap={16}>
      <Card size="small">
        <Flex align="center" gap={12} wrap>
          <label htmlFor="instance">{words.files.instance}</label>
          <Select
            id="instance"
            showSearch={{ optionFilterProp: "value" }}
            style={{ flex: "1 1 280px", maxWidth: 480 }}
            value={chosen.id}
            onChange={(instance) => change({ instance, page: undefined })}
            options={projects.flatMap(({ id, name }) => {
              const options = instances.filter(({ project }) => project === id);
              return options.length === 0
                ? []
                : [{ label: name, options: options.map((each) => ({ value: each.id, label: each.id })) }];
            })}
          />
        </Flex>
      </Card>
      <Instance key={chosen.id} id={chosen.id} />
    </Flex>
  );
}

function Instance({ id }: { readonly id: string }) {
  const words = useWords();
  const { query, change } = useQuery();
  const policy = usePolicy(id);
  const tab = query.get("tab") ?? "files";
  const event = query.get("event");
  return (
    <>
      <AuditPolicy id={id} policy={policy} />
      <Card size="small" styles={{ body: { paddingTop: 4 } }}>
        <Tabs
          activeKey={tab}
          onChange={(key) => change({ tab: key === "files" ? undefined : key, page: undefined })}
          items={[
            {
              key: "files",
              label: words.files.auditFiles,
              children: tab === "files" && <AuditFiles id={id} policy={policy} />,
            },
            {
              key: "statements",
              label: words.files.statements,
              children: tab === "statements" && <Statements id={id} />,
            },
          ]}
        />
      </Card>
      {event !== null && (
        <Suspense>
          <EventDrawer key={event} seq={Number(event)} onClose={() => change({ event: undefined })} />
        </Suspense>
      )}
    </>
  );
}
