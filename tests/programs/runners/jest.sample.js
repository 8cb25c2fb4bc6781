import { expect, test } from "@jest/globals";
import { useGetimgMock } from "getimg-mock/jest";

const mock = useGetimgMock({ linkedTime: true, settings: { image_seconds: 30 } });

test("charges for a picture", async () => {
  const answer = await fetch(`${mock.url}/v2/images/generations`, {
    method: "POST",
    headers: { authorization: `Bearer ${mock.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "seedream-5-lite", prompt: "A lighthouse" }),
  });
  expect((await answer.json()).status).toBe("completed");
  await expect(mock).toHaveCharged("0.04");
  await new Promise((resolve) => setTimeout(resolve, 3_600_000));
});
