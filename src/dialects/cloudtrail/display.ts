// Names for people of the services and calls that this service itself audits, in two languages. Only words: what has none
// here is shown without, as in the published example. Service names are those of the clouds' own consoles.

type Words = Readonly<Record<string, readonly [chinese: string, english: string]>>;

const sources: Words = {
  ark: ["火山方舟", "Ark"],
  cloud_trail: ["操作审计", "CloudTrail"],
  gaussdb: ["云数据库 TaurusDB", "TaurusDB"],
  rds: ["云数据库 RDS", "RDS"],
  taishi: ["太史", "Taishi"],
};

const names: Words = {
  "ark ListAuditLogs": ["查询审计日志", "List audit logs"],
  "cloud_trail LookupEvents": ["查询审计事件", "Look up events"],
  "cloud_trail DescribeTrails": ["查询跟踪", "Describe trails"],
  "cloud_trail CreateTrail": ["创建跟踪", "Create a trail"],
  "cloud_trail UpdateTrail": ["更新跟踪", "Update a trail"],
  "cloud_trail DeleteTrail": ["删除跟踪", "Delete a trail"],
  "cloud_trail StartLogging": ["开启跟踪", "Start logging"],
  "cloud_trail StopLogging": ["停止跟踪", "Stop logging"],
};

export type Language = "zh" | "en";

/** English where Accept-Language names it first, else Chinese, as the cloud's own. */
export function firstLanguage(acceptLanguage: string | undefined): Language {
  return /^\s*en\b/i.test(acceptLanguage ?? "") ? "en" : "zh";
}

export function sourceDisplay(source: string, language: Language): string | undefined {
  return word(sources, source, language);
}

export function nameDisplay(source: string, name: string, language: Language): string | undefined {
  return word(names, `${source} ${name}`, language);
}

function word(words: Words, key: string, language: Language): string | undefined {
  return Object.hasOwn(words, key) ? words[key]![language === "zh" ? 0 : 1] : undefined;
}
