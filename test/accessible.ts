// Whether a page can be used by everybody: what axe-core finds serious (WCAG 2.1 A and AA), and whether it fits its window.
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";

/** @throws AssertionError naming what axe-core finds serious on the page as it is */
export async function accessible(page: Page): Promise<void> {
  // In a world of its own: the page's policy lets nobody add a script.
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const evaluate = async (expression: string): Promise<unknown> => {
    const options = { contextId: executionContextId, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", { expression, ...options });
    assert.equal(exceptionDetails, undefined, exceptionDetails?.exception?.description);
    return result.value;
  };
  await evaluate(axe.source);
  // A colour on its way from one to another is none to judge.
  await evaluate(
    "Promise.all(document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished.catch(() => {})))",
  );
  const found = (await evaluate(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }).then(({ violations }) =>
       violations.filter(({ impact }) => impact === "serious" || impact === "critical")
         .map(({ id, nodes }) => id + ": " + nodes.map(({ html, failureSummary }) => html.slice(0, 160) + " — " + failureSummary).join(" | ")))`,
  )) as string[];
  assert.deepEqual(found, []);
  await session.detach();
}

/** @throws AssertionError where the page is wider than the window */
export async function fits(page: Page): Promise<void> {
  const measured = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]");
  const [wide, window] = measured as [number, number];
  assert.ok(wide <= window, `the page is ${wide} wide in a window of ${window}`);
}
