// What the lists of administration share: what can be done to a row, and what stands where there is no row yet.
import { MoreOutlined } from "@ant-design/icons";
import { Button, Dropdown, Empty, type MenuProps } from "antd";
import { useWords } from "../settings.tsx";

export interface RowAct {
  readonly key: string;
  readonly label: string;
  readonly danger?: boolean;
  readonly do: () => void;
}

/** @param of what the row is, for readers of screens */
export function RowActs({ of, acts }: { readonly of: string; readonly acts: readonly RowAct[] }) {
  const words = useWords();
  if (acts.length === 0) return null;
  const items: MenuProps["items"] = acts.map(({ key, label, danger = false }) => ({ key, label, danger }));
  return (
    <Dropdown trigger={["click"]} menu={{ items, onClick: ({ key }) => acts.find((act) => act.key === key)?.do() }}>
      <Button size="small" type="text" icon={<MoreOutlined />} aria-label={`${words.admin.more}: ${of}`} />
    </Dropdown>
  );
}

export function Nothing({ title, hint }: { readonly title: string; readonly hint?: string }) {
  return (
    <Empty
      description={
        <>
          <div>{title}</div>
          {hint !== undefined && <div>{hint}</div>}
        </>
      }
    />
  );
}
