import { later } from "./later.tsx";

/** The drawer with one event, which brings what checks proofs: fetched when the first event is opened. */
export const EventDrawer = later(() => import("./event-drawer.tsx").then(({ EventDrawer: part }) => part));
