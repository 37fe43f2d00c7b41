// What a source knows of an event beside the event itself, under names that all sources share: resources are mapped and
// risk is judged by them. They are not kept; what is to be kept is in the event and in the record.

/** Names of labels, alphabetically; docs/sources/README.md describes each. */
export const labelNames = [
  "application",
  "cluster",
  "command",
  "container.id",
  "container.name",
  "database",
  "destination.ip",
  "destination.port",
  "file",
  "host",
  "image",
  "instance",
  "key",
  "namespace",
  "operation",
  "outcome",
  "peer",
  "pid",
  "pod",
  "pod.uid",
  "policy",
  "process",
  "program",
  "service",
  "session",
  "source.ip",
  "source.port",
  "user",
] as const;
export type LabelName = (typeof labelNames)[number];

/**
 * `outcome` is "success" or "failure"; ports and pids are decimal; whatever is not known is absent, never "". Labels of the
 * containers, pods and documents themselves are under `label.NAME`.
 */
export type Labels = Readonly<Partial<Record<LabelName | `label.${string}`, string>>>;
