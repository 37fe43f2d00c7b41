// A part of the console that is fetched when it is wanted. Once it is there it is drawn at once: React holds back what it has shown
// a placeholder for by 300 ms, which a part that is already there has no need of.
import { type ComponentType, type JSX, lazy, useState } from "react";

export interface Later<Props extends object> {
  (props: Props): JSX.Element;
  /** Fetches it before it is wanted. */
  fetch(): Promise<unknown>;
}

export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): Later<Props> {
  let there: ComponentType<Props> | undefined;
  const fetched = async (): Promise<{ readonly default: ComponentType<Props> }> => {
    there = await load();
    return { default: there };
  };
  const Fetched = lazy(fetched) as unknown as ComponentType<Props>;
  const Part = (props: Props) => {
    // Whichever it is when it is first drawn it stays: another one would begin anew.
    const [Chosen] = useState<ComponentType<Props>>(() => there ?? Fetched);
    return <Chosen {...props} />;
  };
  return Object.assign(Part, { fetch: fetched });
}
