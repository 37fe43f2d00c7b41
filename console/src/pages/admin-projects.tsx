// Projects and database instances: what the clouds' clients look for by name, and what database audit is about. Made, never
// changed: entries of the log name them.
import { PlusOutlined } from "@ant-design/icons";
import { Button, Flex, Form, Input, Select, Table, Typography } from "antd";
import { Link } from "wouter";
import { ask } from "../api.ts";
import { useAct } from "../parts/act.tsx";
import { Shown, useAsked } from "../parts/asked.tsx";
import { askDirectory, type Instance, type Project } from "../parts/directory.ts";
import { When } from "../parts/event.tsx";
import { Nothing } from "../parts/rows.tsx";
import { useSession } from "../session.tsx";
import { useWords } from "../settings.tsx";
import type { Part } from "./admin.tsx";

export function Projects({ changed }: Part) {
  const words = useWords();
  const say = words.admin;
  const { session } = useSession();
  const { asked, again } = useAsked("directory", askDirectory);
  const { dialog, offer } = useAct();
  const make = async (path: string, body: object): Promise<void> => {
    await ask(path, { method: "POST", body });
    again();
    changed();
  };
  const needed = [{ required: true, message: words.required }];
  // Only operators may choose ids: for anybody else "it exists" would tell of other accounts.
  const id = session?.operator === true && (
    <Form.Item name="id" label={say.givenId}>
      <Input className="mono" autoComplete="off" />
    </Form.Item>
  );
  const given = (text: unknown): string | undefined => (text === "" ? undefined : (text as string | undefined));

  const newProject = (): void =>
    offer({
      title: say.newProject,
      explain: say.newProjectExplain,
      label: say.makeProject,
      done: say.done.created,
      fields: (
        <>
          <Form.Item name="name" label={say.projectName} rules={needed}>
            <Input placeholder="cn-north-4" maxLength={64} autoComplete="off" />
          </Form.Item>
          {id}
        </>
      ),
      run: (values) => make("/api/v1/projects", { name: values.name, id: given(values.id) }),
    });
  const newInstance = (projects: readonly Project[]): void =>
    offer({
      title: say.newInstance,
      explain: say.newInstanceExplain,
      label: say.makeInstance,
      done: say.done.created,
      initial: { project: projects[0]?.id },
      fields: (
        <>
          <Form.Item name="project" label={say.project} rules={needed}>
            <Select options={projects.map(({ id, name }) => ({ value: id, label: name }))} />
          </Form.Item>
          {id}
        </>
      ),
      run: (values) => make("/api/v1/instances", { project: values.project, id: given(values.id) }),
    });

  return (
    <>
      <Typography.Paragraph type="secondary">{say.projectsHint}</Typography.Paragraph>
      <Shown asked={asked} again={again}>
        {({ projects, instances }) => (
          <>
            <Table<Project>
              size="small"
              rowKey="id"
              dataSource={[...projects]}
              pagination={projects.length > 10 ? { pageSize: 10 } : false}
              locale={{ emptyText: <Nothing title={say.noProjects} /> }}
              title={() => (
                <Flex justify="space-between" align="center" gap={8}>
                  <strong>{say.project}</strong>
                  <Button type="primary" size="small" icon={<PlusOutlined />} onClick={newProject}>
                    {say.newProject}
                  </Button>
                </Flex>
              )}
              columns={[
                { title: say.nameOf, dataIndex: "name" },
                { title: "ID", render: (_, project) => <span className="mono">{project.id}</span> },
                { title: say.created, responsive: ["md"], render: (_, { created }) => <When time={created} /> },
              ]}
            />
            <Table<Instance>
              size="small"
              rowKey="id"
              style={{ marginTop: 16 }}
              dataSource={[...instances]}
              pagination={instances.length > 10 ? { pageSize: 10 } : false}
              locale={{ emptyText: <Nothing title={say.noInstances} /> }}
              title={() => (
                <Flex justify="space-between" align="center" gap={8}>
                  <strong>{say.instances}</strong>
                  <Button
                    type="primary"
                    size="small"
                    icon={<PlusOutlined />}
                    disabled={projects.length === 0}
                    onClick={() => newInstance(projects)}
                  >
                    {say.newInstance}
                  </Button>
                </Flex>
              )}
              columns={[
                {
                  title: "ID",
                  render: (_, instance) => (
                    <Link className="mono" href={`/databases?instance=${instance.id}`}>
                      {instance.id}
                    </Link>
                  ),
                },
                {
                  title: say.project,
                  render: (_, { project }) => projects.find((each) => each.id === project)?.name ?? project,
                },
                { title: say.created, responsive: ["md"], render: (_, { created }) => <When time={created} /> },
              ]}
            />
          </>
        )}
      </Shown>
      {dialog}
    </>
  );
}
