import { expect } from "vitest";
import { test } from "getimg-mock/vitest";

test("has a workspace", async ({ getimgMock }) => {
  expect(await getimgMock.journal.count()).toBe(0);
});
