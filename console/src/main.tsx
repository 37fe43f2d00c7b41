import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { SettingsProvider } from "./settings.tsx";
import "./base.css";

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
// The components' own library makes a style here and there (to measure a scroll bar, to keep the page from scrolling behind a
// drawer) and cannot be told the page's nonce. Whatever a script of ours makes gets it; what is written into the page does not.
const create = document.createElement.bind(document);
document.createElement = ((name: string, options?: ElementCreationOptions) => {
  const element = create(name, options);
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  return element;
}) as typeof document.createElement;

createRoot(document.getElementById("root")!).render(
  <SettingsProvider>
    <App nonce={nonce} />
  </SettingsProvider>,
);
