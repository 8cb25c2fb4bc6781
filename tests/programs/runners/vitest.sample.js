import { expect, it } from "vitest";
import { test, useGetimgMock } from "getimg-mock/vitest";

const mock = useGetimgMock({ linkedTime: true, settings: { image_seconds: 30 } });

async function draw() {
  const answer = await fetch(`${process.env.GETIMG_AI_BASE_URL}/v2/images/generations`, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.GETIMG_API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "seedream-5-lite", prompt: "A lighthouse" }),
  });
  return answer.json();
}

it("charges for a picture", async () => {
  expect((await draw()).status).toBe("completed");
  await expect(mock).toHaveCharged("0.04");
  await expect(mock).toHaveRequested({ operation: "images.generate" }, 1);
  await expect(expect(mock).toHaveCharged("0.05")).rejects.toThrow("0.05 USD to be charged, but it was 0.04 USD");
});

it("begins anew", async () => {
  await expect(mock).toHaveCharged(0);
  await new Promise((resolve) => setTimeout(resolve, 3_600_000));
});
