import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasTile, parseTilePath, type Tile, tilePath, tilesOf } from "./tile.ts";

test("paths are those of C2SP tlog-tiles", () => {
  assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), "tile/0/x001/x234/067");
  assert.equal(tilePath({ level: "entries", index: 0, width: 256 }), "tile/entries/000");
  assert.equal(tilePath({ level: 1, index: 999, width: 17 }), "tile/1/999.p/17");
  assert.equal(tilePath({ level: 2, index: 1000, width: 1 }), "tile/2/x001/000.p/1");
});

test("a path is read back, and any other text is refused", () => {
  const tiles = fc
    .tuple(
      fc.oneof(fc.constant("entries" as const), fc.integer({ min: 0, max: 6 })),
      fc.nat(),
      fc.integer({ min: 1, max: 256 }),
    )
    .map(([level, index, width]) => ({ level, index, width }));
  fc.assert(fc.property(tiles, (tile: Tile) => assert.deepEqual(parseTilePath(tilePath(tile)), tile)));
  const others = "tile/0/1 tile/0/0001 tile/0/x000/001 tile/7/000 tile/00/000 tile/0/000.p/0 tile/0/000.p/256";
  for (const path of [...others.split(" "), "tile/0/000.p/01", "tile/data/000", "tile/0/000/", "/tile/0/000", ""])
    assert.equal(parseTilePath(path), undefined, path);
});

test("70,000 leaves are 273 full and one partial tile of level 0, and one partial tile of level 1 and 2 beside full ones", () => {
  const count = (level: Tile["level"]): string[] =>
    [...tilesOf(70_000)].filter((tile) => tile.level === level).map(({ width }) => String(width));
  assert.deepEqual(count(0), [...Array<string>(273).fill("256"), "112"]);
  assert.deepEqual(count("entries"), count(0));
  assert.deepEqual(count(1), ["256", "17"]);
  assert.deepEqual(count(2), ["1"]);
  assert.deepEqual([...tilesOf(0)], []);
});

test("a tree has its tiles and no others", () => {
  assert.equal(hasTile(70_000, { level: 0, index: 273, width: 112 }), true);
  assert.equal(hasTile(70_000, { level: 0, index: 273, width: 113 }), false);
  assert.equal(hasTile(70_000, { level: 2, index: 0, width: 1 }), true);
  assert.equal(hasTile(70_000, { level: "entries", index: 273, width: 256 }), false);
});
