// Ark's seven log types and the two forms their list has had. "2024-07" is the first published form: Filter.LogTypes, five
// fields an item, and AbnormalConnection for what is called Connection today.

export const logTypes = [
  "SshLogin",
  "ContainerLogin",
  "Connection",
  "ContainerBreakout",
  "VarmorDefence",
  "KMSAccess",
  "TksAccess",
] as const;
export type LogType = (typeof logTypes)[number];

/** The name of Connection in the 2024-07 form. */
export const abnormalConnection = "AbnormalConnection";

export type Form = "current" | "2024-07";

export function isLogType(text: string): text is LogType {
  return (logTypes as readonly string[]).includes(text);
}
