// Administration: who may enter and what they hold, what of the clouds' directory there is, how long events are kept. Offers only
// what the role may do; what was done stands below, as the log has it.
import { Card, Flex, Grid, Result, Select, Tabs } from "antd";
import { useState } from "react";
import { Redirect, useLocation, useParams } from "wouter";
import { useSession } from "../session.tsx";
import { useWords } from "../settings.tsx";
import { Accounts } from "./admin-accounts.tsx";
import { Acts } from "./admin-acts.tsx";
import { Keys } from "./admin-keys.tsx";
import { Projects } from "./admin-projects.tsx";
import { Tokens } from "./admin-tokens.tsx";
import { Users } from "./admin-users.tsx";

/** What every part is given: to be called when something was changed. */
export interface Part {
  readonly changed: () => void;
}

const parts = { keys: Keys, users: Users, tokens: Tokens, projects: Projects, accounts: Accounts } as const;
type PartName = keyof typeof parts;

export function Administration() {
  const words = useWords();
  const { session } = useSession();
  const { part } = useParams<{ part?: string }>();
  const [, go] = useLocation();
  const [turn, setTurn] = useState(0);
  const wide = Grid.useBreakpoint().md === true;
  if (session?.role !== "admin")
    return (
      <Result status="403" title={words.admin.onlyAdmins} subTitle={words.admin.onlyAdminsHint(session?.role ?? "")} />
    );
  if (part === undefined || !(part in parts)) return <Redirect to="/administration/keys" replace />;
  const Shown = parts[part as PartName];
  const label = (name: PartName): string =>
    name === "accounts" && !session.operator ? words.admin.ownAccount : words.admin[name];
  return (
    <Flex vertical gap={16}>
      <Card size="small" styles={{ body: { paddingTop: 4 } }}>
        {wide ? (
          <Tabs
            activeKey={part}
            onChange={(name) => go(`/administration/${name}`)}
            items={(Object.keys(parts) as PartName[]).map((name) => ({ key: name, label: label(name) }))}
          />
        ) : (
          <Select
            aria-label={words.administration}
            size="large"
            style={{ width: "100%", marginBlock: "8px 16px" }}
            value={part as PartName}
            onChange={(name) => go(`/administration/${name}`)}
            options={(Object.keys(parts) as PartName[]).map((name) => ({ value: name, label: label(name) }))}
          />
        )}
        <Shown changed={() => setTurn((n) => n + 1)} />
      </Card>
      <Acts turn={turn} />
    </Flex>
  );
}
