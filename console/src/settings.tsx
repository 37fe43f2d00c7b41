// What a reader chose for this browser: language, light or dark, local time or UTC.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { en } from "./words/en.ts";
import { zh } from "./words/zh.ts";

export type Language = "en" | "zh";
export type Theme = "light" | "dark" | "system";

interface Kept {
  readonly language: Language;
  readonly theme: Theme;
}

interface Settings extends Kept {
  /** Whether the page is dark now. */
  readonly dark: boolean;
  /** Whether the reader asked their system to keep things from moving. */
  readonly still: boolean;
  readonly words: typeof en;
  change(settings: Partial<Kept>): void;
}

const place = "taishi-settings";
const Context = createContext<Settings | undefined>(undefined);

function read(): Kept {
  const language: Language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  try {
    return { language, theme: "system", ...(JSON.parse(localStorage.getItem(place) ?? "{}") as Partial<Kept>) };
  } catch {
    return { language, theme: "system" }; // what was kept cannot be read: as at a first visit
  }
}

export function SettingsProvider({ children }: { readonly children: ReactNode }) {
  const [kept, setKept] = useState(read);
  const systemDark = useMedia("(prefers-color-scheme: dark)");
  const still = useMedia("(prefers-reduced-motion: reduce)");
  const dark = kept.theme === "dark" || (kept.theme === "system" && systemDark);
  useEffect(() => {
    document.documentElement.lang = kept.language === "zh" ? "zh-CN" : "en";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  }, [kept.language, dark]);
  const value = useMemo<Settings>(
    () => ({
      ...kept,
      dark,
      still,
      words: kept.language === "zh" ? zh : en,
      change: (settings) => {
        const next = { ...kept, ...settings };
        localStorage.setItem(place, JSON.stringify(next));
        setKept(next);
      },
    }),
    [kept, dark, still],
  );
  return <Context value={value}>{children}</Context>;
}

/** Whether the system says so now. */
function useMedia(query: string): boolean {
  const media = useMemo(() => matchMedia(query), [query]);
  const [matches, setMatches] = useState(media.matches);
  useEffect(() => {
    const look = () => setMatches(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, [media]);
  return matches;
}

export function useSettings(): Settings {
  const settings = useContext(Context);
  if (settings === undefined) throw new Error("no settings are provided here");
  return settings;
}

export function useWords(): typeof en {
  return useSettings().words;
}
