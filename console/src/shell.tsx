// What stands around every page: where one can go, who one is, and how it looks.
import {
  ApiOutlined,
  AppstoreOutlined,
  BulbOutlined,
  ClusterOutlined,
  CodeOutlined,
  DatabaseOutlined,
  GlobalOutlined,
  LogoutOutlined,
  MenuOutlined,
  NodeIndexOutlined,
  SettingOutlined,
  UnorderedListOutlined,
  UserOutlined,
} from "@ant-design/icons";
import { Button, Drawer, Dropdown, Grid, Layout, Menu, Space, Typography } from "antd";
import { type ReactNode, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { useSession } from "./session.tsx";
import { type Theme, useSettings } from "./settings.tsx";

export function Shell({ children }: { readonly children: ReactNode }) {
  const { words, language, theme, change } = useSettings();
  const { session, signOut } = useSession();
  const [place, go] = useLocation();
  const search = useSearch();
  const wide = Grid.useBreakpoint().lg === true;
  const [open, setOpen] = useState(false);

  const reads = session?.role !== "writer";
  const items = [
    ...(reads
      ? [
          { key: "/overview", icon: <AppstoreOutlined />, label: words.overview },
          { key: "/events", icon: <UnorderedListOutlined />, label: words.explorer },
          { key: "/story", icon: <NodeIndexOutlined />, label: words.story },
        ]
      : []),
    ...(reads
      ? [
          { key: "/trails", icon: <ApiOutlined />, label: words.trails },
          { key: "/databases", icon: <DatabaseOutlined />, label: words.databases },
          { key: "/sources", icon: <ClusterOutlined />, label: words.sources },
        ]
      : []),
    ...(session?.role === "admin"
      ? [{ key: "/administration", icon: <SettingOutlined />, label: words.administration }]
      : []),
    { key: "/api-explorer", icon: <CodeOutlined />, label: words.apiExplorer },
  ];
  const menu = (
    <Menu
      mode="inline"
      selectedKeys={[items.find(({ key }) => place.startsWith(key))?.key ?? ""]}
      items={items}
      style={{ borderInlineEnd: 0 }}
      onClick={({ key }) => {
        setOpen(false);
        // The time range in view goes along.
        const range = new URLSearchParams(
          [...new URLSearchParams(search)].filter(([name]) => name === "from" || name === "to"),
        );
        go(range.size === 0 ? key : `${key}?${range}`);
      }}
    />
  );
  const themes: readonly Theme[] = ["light", "dark", "system"];
  return (
    <Layout style={{ minHeight: "100%" }}>
      <a className="skip" href="#content">
        {words.skip}
      </a>
      <Layout.Header
        style={{
          display: "flex",
          alignItems: "center",
          gap: 12,
          paddingInline: wide ? 20 : 12,
          height: 52,
          lineHeight: "52px",
        }}
      >
        {!wide && (
          <Button
            type="text"
            aria-label="menu"
            icon={<MenuOutlined style={{ color: "#fff" }} />}
            onClick={() => setOpen(true)}
          />
        )}
        <img src="/console/icon.svg" alt="" width={26} height={26} />
        <Typography.Text strong style={{ color: "#fff", fontSize: 17, flex: 1, whiteSpace: "nowrap" }}>
          {words.name}
        </Typography.Text>
        <Space size={4}>
          <Button
            type="text"
            style={{ color: "#fff" }}
            icon={<GlobalOutlined />}
            onClick={() => change({ language: language === "zh" ? "en" : "zh" })}
          >
            {language === "zh" ? "English" : "中文"}
          </Button>
          <Dropdown
            menu={{
              items: themes.map((key) => ({ key, label: words[key] })),
              selectedKeys: [theme],
              onClick: ({ key }) => change({ theme: key as Theme }),
            }}
          >
            <Button type="text" aria-label={words.theme} icon={<BulbOutlined style={{ color: "#fff" }} />} />
          </Dropdown>
          <Dropdown
            menu={{
              items: [
                {
                  key: "who",
                  label: `${session?.userName ?? session?.role} · ${session?.accountName ?? session?.account}`,
                  disabled: true,
                },
                { key: "out", label: words.signOut, icon: <LogoutOutlined /> },
              ],
              onClick: ({ key }) => {
                if (key === "out") void signOut();
              },
            }}
          >
            <Button type="text" aria-label={words.account} icon={<UserOutlined style={{ color: "#fff" }} />} />
          </Dropdown>
        </Space>
      </Layout.Header>
      <Layout>
        {wide ? (
          <Layout.Sider width={196} theme="light" style={{ paddingTop: 8 }}>
            <nav aria-label={words.name}>{menu}</nav>
          </Layout.Sider>
        ) : (
          <Drawer placement="left" size={240} open={open} onClose={() => setOpen(false)} title={words.name}>
            {menu}
          </Drawer>
        )}
        <Layout.Content id="content" role="main" style={{ padding: wide ? 20 : 12, minWidth: 0 }}>
          {children}
        </Layout.Content>
      </Layout>
    </Layout>
  );
}
