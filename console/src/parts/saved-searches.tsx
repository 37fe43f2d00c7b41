// Searches kept by name: each is an address of the explorer, so that it opens with its filters, range, order and columns.
import { DeleteOutlined, EditOutlined, StarOutlined } from "@ant-design/icons";
import { App, Button, Empty, Flex, Input, Popconfirm, Popover, Space } from "antd";
import { useState } from "react";
import { ask } from "../api.ts";
import { useWords } from "../settings.tsx";
import { Shown, useAsked } from "./asked.tsx";

interface SavedSearch {
  readonly id: string;
  readonly name: string;
  readonly query: string;
}

/** What stands in an address but is no part of a search. */
const passing = ["page", "event", "live"];

export function SavedSearches({
  query,
  onOpen,
}: {
  readonly query: URLSearchParams;
  readonly onOpen: (query: string) => void;
}) {
  const words = useWords();
  const [open, setOpen] = useState(false);
  return (
    <Popover
      trigger="click"
      placement="bottomLeft"
      open={open}
      onOpenChange={setOpen}
      destroyOnHidden
      title={words.saved}
      content={
        <Saved
          query={query}
          onOpen={(chosen) => {
            setOpen(false);
            onOpen(chosen);
          }}
        />
      }
    >
      <Button icon={<StarOutlined />} aria-expanded={open}>
        {words.saved}
      </Button>
    </Popover>
  );
}

function Saved({ query, onOpen }: { readonly query: URLSearchParams; readonly onOpen: (query: string) => void }) {
  const words = useWords();
  const said = words.explorerPage;
  const { message } = App.useApp();
  const { asked, again } = useAsked("searches", (signal) =>
    ask<{ searches: readonly SavedSearch[] }>("/api/v1/searches", { signal }),
  );
  const [name, setName] = useState("");
  const [renaming, setRenaming] = useState<{ readonly id: string; readonly name: string }>();
  const [busy, setBusy] = useState(false);
  const act = async (doing: Promise<unknown>, then?: () => void) => {
    setBusy(true);
    try {
      await doing;
      then?.();
      again();
    } catch (thrown) {
      void message.error((thrown as Error).message);
    } finally {
      setBusy(false);
    }
  };
  const save = () => {
    const kept = new URLSearchParams([...query].filter(([key]) => !passing.includes(key)));
    void act(ask("/api/v1/searches", { method: "POST", body: { name: name.trim(), query: kept.toString() } }), () => {
      void message.success(said.savedNow(name.trim()));
      setName("");
    });
  };
  const rename = () => {
    if (renaming === undefined) return;
    void act(ask(`/api/v1/searches/${renaming.id}`, { method: "PATCH", body: { name: renaming.name.trim() } }), () =>
      setRenaming(undefined),
    );
  };
  return (
    <div style={{ width: "min(340px, 80vw)" }}>
      <Shown asked={asked} again={again}>
        {({ searches }) =>
          searches.length === 0 ? (
            <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={said.savedNone} />
          ) : (
            <ul
              aria-label={words.saved}
              style={{ listStyle: "none", margin: "0 0 12px", padding: 0, maxHeight: 320, overflowY: "auto" }}
            >
              {searches.map((search) => (
                <li key={search.id} style={{ marginBottom: 4 }}>
                  {renaming?.id === search.id ? (
                    <Space.Compact block>
                      <Input
                        autoFocus
                        aria-label={said.rename}
                        maxLength={64}
                        value={renaming.name}
                        onChange={({ target }) => setRenaming({ id: search.id, name: target.value })}
                        onPressEnter={rename}
                      />
                      <Button loading={busy} disabled={renaming.name.trim() === ""} onClick={rename}>
                        {said.rename}
                      </Button>
                    </Space.Compact>
                  ) : (
                    <Flex gap={4} align="center">
                      <Button
                        type="text"
                        style={{ flex: 1, minWidth: 0, justifyContent: "flex-start" }}
                        onClick={() => onOpen(search.query)}
                      >
                        <span style={{ overflow: "hidden", textOverflow: "ellipsis" }}>{search.name}</span>
                      </Button>
                      <Button
                        type="text"
                        icon={<EditOutlined />}
                        aria-label={`${said.rename} ${search.name}`}
                        onClick={() => setRenaming(search)}
                      />
                      <Popconfirm
                        title={said.removeSure}
                        okText={said.remove}
                        onConfirm={() => act(ask(`/api/v1/searches/${search.id}`, { method: "DELETE" }))}
                      >
                        <Button type="text" icon={<DeleteOutlined />} aria-label={`${said.remove} ${search.name}`} />
                      </Popconfirm>
                    </Flex>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
      <Space.Compact block>
        <Input
          aria-label={words.saveName}
          placeholder={words.saveName}
          maxLength={64}
          value={name}
          onChange={({ target }) => setName(target.value)}
          onPressEnter={() => name.trim() !== "" && save()}
        />
        <Button type="primary" loading={busy} disabled={name.trim() === ""} onClick={save}>
          {said.saveThis}
        </Button>
      </Space.Compact>
    </div>
  );
}
